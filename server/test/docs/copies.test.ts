import { expect, test } from 'vitest';
import { documentPaths, readBlocks, readDocument } from './documents.ts';

// A fence `… copy=PATH` shows a file of the project as it is.
const copies = documentPaths().flatMap((path) =>
  readBlocks(readDocument(path)).fences.flatMap(({ info, text, line }) => {
    const [, source] = /^\S+ copy=(\S+)$/.exec(info) ?? [];
    return source ? [{ where: `${path}:${line}`, source, text }] : [];
  }),
);

test.each(copies)('$where shows $source as it ships', ({ source, text }) => {
  expect(text).toBe(readDocument(source).trimEnd());
});

test('the guide shows what ships for the proxies that are run', () => {
  const shown = copies
    .filter(({ where }) => where.startsWith('docs/guides/protect-an-api.md'))
    .map(({ source }) => source);
  expect(shown).toEqual(['deploy/nginx/site.conf', 'deploy/caddy/Caddyfile']);
});
