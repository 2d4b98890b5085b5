import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, expect, test, vi } from 'vitest';
import { stopPrograms } from '../running/program.ts';
import { codeOf, emptyPlaceFor, latchkey, newFolder, newInstallation, start } from './installations.ts';

// Each starts several programs, one after another.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

afterEach(stopPrograms);

async function run(url: string | undefined, ...statements: string[]): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let result = await client.query('select 1');
    for (const statement of statements) result = await client.query(statement);
    return result;
  } finally {
    await client.end();
  }
}

test('on PostgreSQL, what an interrupted restore left is served by nobody, and makes way for the next', async () => {
  const installation = await newInstallation('postgres');
  const program = await start(installation);
  const { test_key: key = '' } = program.ready;
  const folder = newFolder();
  expect((await latchkey(installation, 'backup', folder)).code).toBe(0);
  await program.end('SIGTERM');
  const place = await emptyPlaceFor('postgres', installation);
  const url = place.env.LATCHKEY_DATABASE_URL;
  // As a kill leaves it: the old tables aside, the mark, and all that pg_restore brought.
  await run(
    url,
    'create schema before_restore_1',
    'create table before_restore_1.scopes (name text)',
    "insert into before_restore_1.scopes values ('old')",
    'create table latchkey_restore (moved_to text)',
    "insert into latchkey_restore values ('before_restore_1')",
    'create table api_keys (id text)',
  );
  for (const command of ['serve', 'migrate']) {
    const refused = await latchkey(place, command);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('run `latchkey restore` again')]);
  }
  const tables = "select tablename from pg_tables where schemaname = 'public' order by 1";
  expect((await run(url, tables)).rows.length).toBe(2);
  const restored = await latchkey(place, 'restore', folder, '--yes', '--json');
  expect([restored.code, restored.stderr]).toEqual([0, '']);
  expect(JSON.parse(restored.stdout).movedTo).toBe('before_restore_1');
  const again = await start(place);
  // Made by the start that was refused.
  const root = readFileSync(join(place.dataDir, 'root-key'), 'utf8').trim();
  expect(await codeOf(again, root, key)).toBe('valid');
  expect((await run(url, 'select name from before_restore_1.scopes')).rows).toEqual([{ name: 'old' }]);
});

test('on PostgreSQL, a restore that fails leaves what was there in its place', async () => {
  const installation = await newInstallation('postgres');
  const program = await start(installation);
  const { test_key: key = '', root_key: root = '' } = program.ready;
  await vi.waitFor(() => expect(program.stderr()).toContain('audit batch sealed'), { timeout: 10_000 });
  const folder = newFolder();
  expect((await latchkey(installation, 'backup', folder)).code).toBe(0);
  await program.end('SIGTERM');
  const wrong = {
    ...installation.env,
    LATCHKEY_ENCRYPTION_KEYS: `dev:${Buffer.from('0123456789abcdef'.repeat(2)).toString('base64')}`,
  };
  const failed = await latchkey({ ...installation, env: wrong }, 'restore', folder, '--yes', '--force');
  expect(failed.code).toBe(1);
  const again = await start(installation);
  expect(await codeOf(again, root, key)).toBe('valid');
  const schemas = "select nspname from pg_namespace where nspname like 'before_restore%'";
  expect((await run(installation.env.LATCHKEY_DATABASE_URL, schemas)).rows).toEqual([]);
});
