import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { SourceFile } from './architecture/parse.ts';
import { type RuleName, rules } from './architecture/rules.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const files = [...sourcesOf('server/src'), ...sourcesOf('protocol/src')];

function sourcesOf(folder: string): SourceFile[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(root, path).split(sep).join('/'), text: readFileSync(path, 'utf8') }));
}

it.each(Object.keys(rules) as RuleName[])('%s', (name) => {
  expect(rules[name](files)).toEqual([]);
});
