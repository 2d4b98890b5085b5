import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readDocument, root, tablesOf } from './documents.ts';

test('docs/decisions/dependencies.md has a line for each runtime dependency of the server, and no other', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'server/package.json'), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const tables = tablesOf(readDocument('docs/decisions/dependencies.md'));
  const rows = tables.find(({ heading }) => heading === 'At run time')?.rows ?? [];
  expect(rows.map(([name]) => name).sort()).toEqual(Object.keys(manifest.dependencies).sort());
});
