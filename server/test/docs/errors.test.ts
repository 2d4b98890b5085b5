import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERRORS, GENERAL_CODES } from '@latchkey/protocol';
import { expect, test } from 'vitest';
import { CURES } from '../../src/pages/cures.ts';
import { readDocument, root, tablesOf } from './documents.ts';

const document = readDocument('docs/errors.md');
const tables = tablesOf(document);
const codes = tables.find(({ header }) => header[0] === 'code' && header[2] === 'class')?.rows ?? [];

test('docs/errors.md has every code with its status, class and message, and no other', () => {
  const written = codes.map(([code, status, errorClass, message]) => [code, Number(status), errorClass, message]);
  const real = Object.entries(ERRORS).map(([code, row]) => [code, row.status, row.class, row.message]);
  expect(written).toEqual(real);
});

test('docs/errors.md says of every code what to do', () => {
  for (const [code, , , , cure = ''] of codes) expect(cure, code).toMatch(/\S.*\.$/);
  const lines = document.split('\n');
  for (const [code, cure] of Object.entries(CURES)) {
    const line = lines.find((each) => each.startsWith(`| \`${code}\` | `));
    expect(line?.endsWith(` | ${cure} |`), `${code}: what /docs/errors says of it`).toBe(true);
  }
});

test('docs/errors.md has the words that stand for a whole status', () => {
  const rows = tables.find(({ header }) => header[0] === 'status' && header[1] === 'told as')?.rows ?? [];
  expect(Object.fromEntries(rows)).toEqual(GENERAL_CODES);
});

test('docs/errors.md marks just those codes that nothing in the server sends yet', () => {
  const marked = codes.filter(([, , , , cure]) => cure?.startsWith('Not sent yet.')).map(([code]) => code);
  // The renderer and the error page know every code and send none by themselves.
  const sources = globSync('server/src/**/*.ts', { cwd: root })
    .filter((path) => !/render-failure|pages.cures|\.test\.ts$/.test(path))
    .map((path) => readFileSync(join(root, path), 'utf8'))
    .join('\n');
  const unsent = Object.keys(ERRORS).filter((code) => !sources.includes(`'${code}'`));
  expect(marked).toEqual(unsent);
});
