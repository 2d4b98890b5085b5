import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { MIGRATIONS } from '../../src/compose.ts';
import { openPostgres, openSqlite } from '../../src/database/index.ts';
import { DATABASES, freshPostgres, temporaryFolder } from '../harness.ts';
import { runTogether } from '../workers/run-together.ts';
import type { StorageResult, StorageWork } from '../workers/storage-worker.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFile(): string {
  const folder = temporaryFolder();
  folders.push(folder);
  return join(folder, 'test.sqlite');
}

test.each(DATABASES)(
  'two processes on one new %s database migrate it once, and of 50 claims one wins',
  async (kind) => {
    const place = kind === 'sqlite' ? { sqlite: newFile() } : { postgres: await freshPostgres() };
    const work: StorageWork = { place, calls: 25 };
    const [a, b] = await runTogether<StorageResult>('./storage-worker.ts', [work, work]);
    expect([a?.applied, b?.applied]).toEqual(expect.arrayContaining([0, MIGRATIONS.length]));
    for (const claim of ['workspaces', 'leases', 'slots'] as const) {
      expect([claim, a![claim] + b![claim]]).toEqual([claim, 1]);
    }
    const { sqlite, postgres } = place as { sqlite?: string; postgres: string };
    const database = sqlite ? openSqlite(sqlite) : await openPostgres(postgres, () => {});
    const applied = await database.read.selectFrom('schema_migrations').select('name').execute();
    const workspaces = await database.read.selectFrom('workspaces').select('id').execute();
    await database.close();
    expect(applied.map(({ name }) => name).sort()).toEqual(MIGRATIONS.map(({ name }) => name).sort());
    expect(workspaces).toHaveLength(1);
  },
);
