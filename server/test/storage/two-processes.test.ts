import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { MIGRATIONS } from '../../src/compose.ts';
import { openPostgres, openSqlite } from '../../src/database/index.ts';
import { freshPostgres, temporaryFolder } from '../harness.ts';
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

function together(place: StorageWork['place'], task: StorageWork['task']): Promise<StorageResult[]> {
  return runTogether('./storage-worker.ts', [
    { place, task, calls: 25 },
    { place, task, calls: 25 },
  ]);
}

describe('two processes on one PostgreSQL database', () => {
  test('migrate an empty one at the same moment: one does the work, the other finds it done', async () => {
    const postgres = await freshPostgres();
    const results = await together({ postgres }, 'migrate');
    expect(results.map(({ applied }) => applied).sort()).toEqual([0, MIGRATIONS.length].sort());
    const database = await openPostgres(postgres, () => {});
    const rows = await database.read.selectFrom('schema_migrations').select('name').execute();
    await database.close();
    expect(rows.map(({ name }) => name).sort()).toEqual(MIGRATIONS.map(({ name }) => name).sort());
  });

  test('race for the first workspace, a lease and an idempotency slot: one call of 50 wins each', async () => {
    const postgres = await freshPostgres();
    const database = await openPostgres(postgres, () => {});
    await database.migrate(MIGRATIONS, { dryRun: false, nowMs: 1 });
    const [a, b] = await together({ postgres }, 'claim');
    const workspaces = await database.read.selectFrom('workspaces').select('id').execute();
    await database.close();
    for (const kind of ['workspaces', 'leases', 'slots']) expect([kind, a![kind]! + b![kind]!]).toEqual([kind, 1]);
    expect(workspaces).toHaveLength(1);
  });
});

test('two processes that migrate one new SQLite file at the same moment share the work', async () => {
  const sqlite = newFile();
  const results = await together({ sqlite }, 'migrate');
  expect(results.map(({ applied }) => applied).sort()).toEqual([0, MIGRATIONS.length].sort());
  const database = openSqlite(sqlite);
  const rows = await database.read.selectFrom('schema_migrations').select('name').execute();
  await database.close();
  expect(rows).toHaveLength(MIGRATIONS.length);
});
