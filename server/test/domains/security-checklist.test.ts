import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const rows = readFileSync(at('../../../docs/security/checklist.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, id, claim, proof] = /^\| ([A-O]\d+) \| (.+?) \| (.+) \|$/.exec(line) ?? [];
    return id && claim && proof ? [{ id, claim, proof }] : [];
  });

/** How many lines each group has. */
const GROUPS = {
  A: 26,
  B: 10,
  C: 22,
  D: 24,
  E: 12,
  F: 24,
  G: 5,
  H: 12,
  I: 16,
  J: 16,
  K: 25,
  L: 10,
  M: 8,
  N: 11,
  O: 16,
};

test('the security checklist has every line once, in order', () => {
  const expected = Object.entries(GROUPS).flatMap(([group, count]) =>
    Array.from({ length: count }, (_, index) => `${group}${index + 1}`),
  );
  expect(rows.map(({ id }) => id)).toEqual(expected);
});

test('each line of it names tests that exist, or says why it has none', () => {
  for (const { id, proof } of rows) {
    const files = [...proof.matchAll(/`([^`]+)`/g)].map(([, path]) => path ?? '');
    for (const path of files) expect(existsSync(at(`../../${path}`)), `${id} names ${path}`).toBe(true);
    if (files.length === 0) expect(proof, id).toMatch(/^(?:later: comes with|does not apply:|by construction:) ?/);
  }
});
