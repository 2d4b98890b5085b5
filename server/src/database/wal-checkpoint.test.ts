import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Database } from './database.ts';
import { openSqlite } from './sqlite.ts';
import { createWalCheckpoints } from './wal-checkpoint.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-wal-'));
  path = join(folder, 'database.sqlite');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const execute = (database: Database, text: string) => database.write((tx) => sql.raw(text).execute(tx.query));

/** Each write waits for its fsync, so that each has one. */
async function insert(database: Database, count: number): Promise<void> {
  for (let row = 0; row < count; row += 1) {
    await execute(database, "insert into things values (hex(zeroblob(2000)) || 'x')");
  }
}

test('the log is folded into the file meanwhile, and every write is there afterwards', async () => {
  const database = openSqlite(path);
  await execute(database, 'create table things (text text)');
  expect(statSync(path).size).toBeLessThan(10 * 4096);
  await insert(database, 110);
  // Far from what the writer would fold by itself.
  await vi.waitFor(() => expect(statSync(path).size).toBeGreaterThan(90 * 4096), { timeout: 20_000 });
  await insert(database, 110);
  await database.close();
  const again = openSqlite(path);
  const { rows } = await sql<{ count: number }>`select count(*) as count from things`.execute(again.read);
  await again.close();
  expect(rows).toEqual([{ count: 220 }]);
  expect(() => statSync(`${path}-wal`)).toThrow(/ENOENT/);
});

test('a thread that cannot open the file is no trouble, and is tried again', async () => {
  const missing = createWalCheckpoints(join(folder, 'nowhere', 'database.sqlite'));
  for (let round = 0; round < 3; round += 1) {
    for (let sync = 0; sync < 100; sync += 1) missing.noteSync();
    await missing.close();
  }
});
