import { posix } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { type DocumentedServer, startDocumentedServer } from './documented-server.ts';
import { documentPaths, fileExists, headingsOf, plain, readBlocks, readDocument } from './documents.ts';
import { pattern } from './snippets.ts';

const paths = documentPaths();

let server: DocumentedServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

test('README.md shows what the first start prints', async () => {
  server = await startDocumentedServer();
  const shown = readBlocks(readDocument('README.md')).fences.find(({ info }) => info === 'text start');
  const wanted = server.localize(shown?.text ?? '').split('\n');
  const printed = server.printed.slice(server.printed.findIndex((line) => line !== ''));
  expect(printed).toEqual(wanted.map((line) => expect.stringMatching(pattern(line))));
});

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  const text = plain(heading).replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

function linksOf(path: string): string[] {
  const { prose } = readBlocks(readDocument(path));
  const text = prose.join('\n').replace(/`[^`\n]*`/g, '');
  return [...text.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target]) => target ?? '');
}

function brokenLinks(path: string): string[] {
  return linksOf(path).filter((link) => {
    if (/^(?:https?|mailto):/.test(link)) return false;
    const [file = '', anchor] = link.split('#');
    const target = file === '' ? path : posix.join(posix.dirname(path), file);
    if (!fileExists(target)) return true;
    return anchor !== undefined && !headingsOf(readDocument(target)).map(anchorOf).includes(anchor);
  });
}

test.each(paths)('every relative link of %s leads somewhere', (path) => {
  expect(brokenLinks(path)).toEqual([]);
});

test('every document is reached from README.md', () => {
  const seen = new Set<string>();
  const open = ['README.md'];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const targets = linksOf(path).map((link) => posix.join(posix.dirname(path as string), link.split('#')[0] ?? ''));
    open.push(...targets.filter((target) => paths.includes(target)));
  }
  expect(paths.filter((path) => !seen.has(path))).toEqual([]);
});
