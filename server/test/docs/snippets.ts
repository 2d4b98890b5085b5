import { expect } from 'vitest';
import { type Fence, readBlocks } from './documents.ts';

// What a reader does with the fences of a document, by the words after the opening fence:
//   `sh run`         typed as it stands; the `json` or `text` fence right after it is what comes back, else nothing does
//   `sh set`         `export NAME=… # "path" of the reply` (or "label" of the first start): what is copied into a variable
//   `sh background`  started and left running; the `text` fence after it is what it prints first
//   `… file=NAME`    saved under that name
//   `text start`     what the first start prints
// In what comes back `…` stands for any text, alone for any value, as a field for any further fields; a time for any time.

/** One fence that somebody acts on. */
export interface Snippet {
  kind: 'run' | 'set' | 'background' | 'file';
  text: string;
  line: number;
  /** The file's name, for `file`. */
  name: string;
  /** What comes back; undefined for nothing. */
  reply: Fence | undefined;
}

const KINDS: Record<string, Snippet['kind']> = { 'sh run': 'run', 'sh set': 'set', 'sh background': 'background' };

export function snippetsOf(markdown: string): Snippet[] {
  const { fences } = readBlocks(markdown);
  return fences.flatMap(({ info, text, line }, index) => {
    const [, name = ''] = /^\S+ file=(\S+)$/.exec(info) ?? [];
    const kind = name === '' ? KINDS[info] : 'file';
    if (kind === undefined) return [];
    const next = fences[index + 1];
    const reply = next && ['json', 'text'].includes(next.info) ? next : undefined;
    return [{ kind, text, line, name, reply }];
  });
}

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/;

/** A text whose `…` stand for any other, within a line. */
export function pattern(text: string): RegExp {
  const parts = text.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.+')}$`);
}

/** What a reply must equal: the document's example, its varying parts loosely. */
function like(example: unknown): unknown {
  if (Array.isArray(example)) return example.map(like);
  if (typeof example === 'object' && example !== null) {
    const { '…': more, ...named } = example as Record<string, unknown>;
    const fields = Object.fromEntries(Object.entries(named).map(([name, value]) => [name, like(value)]));
    return more === undefined ? fields : expect.objectContaining(fields);
  }
  if (typeof example !== 'string') return example;
  if (example === '…') return expect.anything();
  if (TIME.test(example)) return expect.stringMatching(TIME);
  return example.includes('…') ? expect.stringMatching(pattern(example)) : example;
}

/** Compares what came back with what the document shows; returns it as JSON where it is that. */
export function compareReply(written: string, reply: Fence | undefined, where: string): unknown {
  const text = written.replace(/[ \r]+$/gm, '').trimEnd();
  if (reply?.info === 'json') {
    const json: unknown = JSON.parse(text);
    expect(json, where).toEqual(like(JSON.parse(reply.text)));
    return json;
  }
  expect(text, where).toMatch(pattern(reply?.text ?? ''));
  return undefined;
}

const EXPORT = /^export (\w+)=(\S+) +# "([^"]+)" of the (reply|first start)\b/;

/** One line of `sh set`. */
export interface Export {
  name: string;
  /** What the document shows in the value's place. */
  example: string;
  source: 'reply' | 'first start';
  /** A dotted path into the reply, or the words before the value at the first start. */
  path: string;
}

export function exportsOf({ text }: Snippet): Export[] {
  return text.split('\n').map((line) => {
    const [, name, example, path, source] = EXPORT.exec(line) ?? [];
    if (!name || !example || !path) throw new Error(`not the form of an export: ${line}`);
    return { name, example, path, source: source as Export['source'] };
  });
}

/** What stands at a dotted path of a reply. */
export function valueAt(reply: unknown, path: string): unknown {
  return path.split('.').reduce((part, name) => (part as Record<string, unknown> | null)?.[name], reply);
}
