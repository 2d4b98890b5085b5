import { posix } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type DocumentedServer, startDocumentedServer } from './documented-server.ts';
import { documentPaths, fileExists, headingsOf, plain, readBlocks, readDocument } from './documents.ts';

// A fence `sh run` is run as it stands, in the order of its document, against a server started for that document; the
// `json` fence after it is the reply: `…` stands for any text, as a field for any fields, and a time for any time. A
// reply's `id` and `key` are $ID and $NEW_KEY from then on. A fence `text start` is what the first start prints.
const paths = documentPaths();
const runnable = paths.filter((path) => readBlocks(readDocument(path)).fences.some(({ info }) => info === 'sh run'));

let server: DocumentedServer | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/;

function pattern(text: string): RegExp {
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
  if (TIME.test(example)) return expect.stringMatching(TIME);
  return example.includes('…') ? expect.stringMatching(pattern(example)) : example;
}

function variablesOf(reply: { id?: string; key?: string }): Record<string, string> {
  return { ...(reply.id ? { ID: reply.id } : {}), ...(reply.key ? { NEW_KEY: reply.key } : {}) };
}

describe.each(runnable)('the snippets of %s', (path) => {
  test('answer as it says', async () => {
    server = await startDocumentedServer();
    const { fences } = readBlocks(readDocument(path));
    const variables: Record<string, string> = {};
    for (const [index, { info, text, line }] of fences.entries()) {
      if (info !== 'sh run') continue;
      const shown = fences[index + 1];
      expect(shown?.info, `${path}:${line} is followed by its reply`).toBe('json');
      const reply = JSON.parse(await server.run(text, variables));
      expect(reply, `${path}:${line}`).toEqual(like(JSON.parse(server.localize(shown?.text ?? ''))));
      Object.assign(variables, variablesOf(reply));
    }
  });
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
