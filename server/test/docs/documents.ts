import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Every document of the project, as paths from its root. */
export function documentPaths(): string[] {
  const patterns = ['*.md', 'docs/**/*.md', 'examples/*/*.md'];
  return globSync(patterns, { cwd: root })
    .map((path) => path.replaceAll('\\', '/'))
    .sort();
}

export function readDocument(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

export function fileExists(path: string): boolean {
  return existsSync(join(root, path));
}

/** A fenced block: the words after the opening fence, its text, and the line of the fence. */
export interface Fence {
  info: string;
  text: string;
  line: number;
}

/** Splits a document into fenced blocks and the lines outside them; fenced lines stay as empty ones. */
export function readBlocks(markdown: string): { fences: Fence[]; prose: string[] } {
  const fences: Fence[] = [];
  let open: { info: string; line: number; lines: string[] } | undefined;
  const prose = markdown.split('\n').map((line, index) => {
    const fence = /^```(.*)$/.exec(line);
    if (open === undefined) {
      if (!fence) return line;
      open = { info: (fence[1] ?? '').trim(), line: index + 1, lines: [] };
    } else if (fence) {
      fences.push({ info: open.info, text: open.lines.join('\n'), line: open.line });
      open = undefined;
    } else open.lines.push(line);
    return '';
  });
  if (open) throw new Error(`the fence of line ${open.line} has no end`);
  return { fences, prose };
}

/** A table under its nearest heading; cells without their backquotes. */
export interface Table {
  heading: string;
  header: string[];
  rows: string[][];
}

const cellsOf = (line: string) =>
  line
    .trim()
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => plain(cell));

/** Text without the marks around code and emphasis. */
export function plain(text: string): string {
  return text.replaceAll('\\|', '|').replaceAll('`', '').replaceAll('**', '').trim();
}

export function headingsOf(markdown: string): string[] {
  return readBlocks(markdown).prose.flatMap((line) => /^#{1,6} +(.*)$/.exec(line)?.[1] ?? []);
}

export function tablesOf(markdown: string): Table[] {
  const { prose } = readBlocks(markdown);
  const tables: Table[] = [];
  let heading = '';
  for (const [index, line] of prose.entries()) {
    const title = /^#{1,6} +(.*)$/.exec(line)?.[1];
    if (title !== undefined) heading = plain(title);
    if (!/^\|[\s:|-]+\|$/.test(line) || index === 0) continue;
    const rows: string[][] = [];
    for (let next = index + 1; prose[next]?.startsWith('|'); next += 1) rows.push(cellsOf(prose[next] ?? ''));
    tables.push({ heading, header: cellsOf(prose[index - 1] ?? ''), rows });
  }
  return tables;
}
