import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readDocument, root, tablesOf } from './documents.ts';

type Manifest = Partial<Record<'dependencies' | 'devDependencies', Record<string, string>>>;

const tables = tablesOf(readDocument('docs/decisions/dependencies.md'));

const manifest = (path: string): Manifest => JSON.parse(readFileSync(join(root, path), 'utf8'));

function packagesUnder(heading: string): string[] {
  const rows = tables.find((table) => table.heading === heading)?.rows ?? [];
  return rows.flatMap(([names = '']) => names.split(', ')).sort();
}

test('docs/decisions/dependencies.md has a line for each runtime dependency of the server, and no other', () => {
  const { dependencies = {} } = manifest('server/package.json');
  expect(packagesUnder('At run time')).toEqual(Object.keys(dependencies).sort());
});

test('docs/decisions/dependencies.md has every package that builds and tests, and no other', () => {
  const { devDependencies = {} } = manifest('package.json');
  expect(packagesUnder('At build time')).toEqual(Object.keys(devDependencies).sort());
});
