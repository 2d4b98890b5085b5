import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sql } from 'kysely';
import { afterEach, expect, test, vi } from 'vitest';
import { MIGRATIONS } from '../../src/compose.ts';
import { type Database, openSqlite } from '../../src/database/index.ts';
import { Failure } from '../../src/failure.ts';
import { temporaryFolder } from '../harness.ts';
import { names, put } from './databases.ts';

const folders: string[] = [];
const opened: Database[] = [];

afterEach(async () => {
  for (const database of opened.splice(0)) await database.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = temporaryFolder();
  folders.push(folder);
  return folder;
}

async function newFile(): Promise<{ database: Database; path: string }> {
  const path = join(newFolder(), 'test.sqlite');
  const database = openSqlite(path);
  opened.push(database);
  await database.migrate(MIGRATIONS, { dryRun: false, nowMs: 1 });
  return { database, path };
}

/** Runs a PRAGMA on the connection that writes. */
function pragma(database: Database, text: string): Promise<unknown> {
  return database.write(async (tx) => {
    const { rows } = await sql.raw<Record<string, unknown>>(`pragma ${text}`).execute(tx.query);
    return Object.values(rows[0] ?? {})[0];
  });
}

/** Commits in a WAL file: frames that carry the size of the database after them (https://sqlite.org/walformat.html). */
function commits(path: string): number {
  const wal = readFileSync(`${path}-wal`);
  const [salt, pageBytes] = [wal.subarray(16, 24), wal.readUInt32BE(8)];
  let count = 0;
  for (let at = 32; at + 24 + pageBytes <= wal.length; at += 24 + pageBytes) {
    if (!wal.subarray(at + 8, at + 16).equals(salt)) break;
    if (wal.readUInt32BE(at + 4) > 0) count += 1;
  }
  return count;
}

test('the log is copied into the file beside the writer, and begins anew', async () => {
  const { database, path } = await newFile();
  const fileBytes = () => statSync(path).size;
  const before = fileBytes();
  let written = 0;
  const write = async () => {
    written += 1;
    await database.write((tx) => put(tx, `name ${written}`));
  };
  while (written < 150) await write();
  await vi.waitFor(() => expect(fileBytes()).toBeGreaterThan(before), { timeout: 20_000 });
  await vi.waitFor(
    async () => {
      await write();
      expect(commits(path)).toBeLessThan(100);
    },
    { timeout: 20_000 },
  );
  await database.close();
  opened.splice(opened.indexOf(database), 1);
  const again = openSqlite(path);
  opened.push(again);
  expect((await names(again)).filter((name) => name.startsWith('name '))).toHaveLength(written);
});

test('a commit is written to the log before its fsync, which is ours: WAL, synchronous=NORMAL; foreign keys enforced', async () => {
  const { database } = await newFile();
  expect(await pragma(database, 'journal_mode')).toBe('wal');
  expect(await pragma(database, 'synchronous')).toBe(1);
  expect(await pragma(database, 'foreign_keys')).toBe(1);
  const place = { workspace_id: 'ws_none', user_id: 'usr_none' };
  const member = { ...place, id: 'mem_1', role: 'owner' as const, created_at: 1, metadata: '{}' };
  const orphan = database.write((tx) => tx.query.insertInto('members').values(member).execute());
  await expect(orphan).rejects.toThrow(/FOREIGN KEY/);
});

test('the connection that reads cannot write', async () => {
  const { database } = await newFile();
  const sneaky = database.read.insertInto('installation').values({ name: 'x', value: '', created_at: 1 }).execute();
  await expect(sneaky).rejects.toMatchObject({ code: 'unavailable' });
  expect(await names(database)).toEqual([]);
});

test('50 parallel writes share one commit; writes one after the other have one each', async () => {
  const { database, path } = await newFile();
  const before = commits(path);
  await Promise.all(Array.from({ length: 50 }, (_, index) => database.write((tx) => put(tx, `parallel ${index}`))));
  expect(commits(path) - before).toBe(1);
  for (const index of [1, 2, 3]) await database.write((tx) => put(tx, `alone ${index}`));
  expect(commits(path) - before).toBe(4);
});

test('more writes than one group holds are all written, in order', async () => {
  const { database, path } = await newFile();
  const before = commits(path);
  const done: number[] = [];
  await Promise.all(
    Array.from({ length: 300 }, (_, index) =>
      database.write((tx) => put(tx, `row ${index}`)).then(() => done.push(index)),
    ),
  );
  expect(commits(path) - before).toBe(3);
  expect(done).toEqual(Array.from({ length: 300 }, (_, index) => index));
  expect(await names(database)).toHaveLength(300);
});

test('close waits for the writes under way', async () => {
  const { database, path } = await newFile();
  const writes = Array.from({ length: 200 }, (_, index) => database.write((tx) => put(tx, `row ${index}`)));
  opened.splice(0);
  await database.close();
  await Promise.all(writes);
  const again = openSqlite(path);
  opened.push(again);
  expect(await names(again)).toHaveLength(200);
});

test('a file that may not grow refuses the whole group as unavailable, keeps nothing of it, and recovers', async () => {
  const { database } = await newFile();
  await database.write((tx) => put(tx, 'before'));
  await pragma(database, `max_page_count = ${await pragma(database, 'page_count')}`);
  const heard: string[] = [];
  const sized = (name: string, bytes: number) =>
    database.write(async (tx) => {
      tx.afterCommit(() => heard.push(name));
      await put(tx, name, 'x'.repeat(bytes));
    });
  const outcomes = await Promise.allSettled([sized('small', 1), sized('large', 500_000), sized('last', 1)]);
  for (const outcome of outcomes) {
    const { reason } = outcome as PromiseRejectedResult;
    expect(reason).toBeInstanceOf(Failure);
    expect(reason).toMatchObject({ code: 'unavailable', status: 503, details: { retryAfterSeconds: 1 } });
  }
  expect(heard).toEqual([]);
  expect(await names(database)).toEqual(['before']);
  await sized('fits', 1);
  await pragma(database, 'max_page_count = 1000000');
  await sized('large', 500_000);
  expect(await names(database)).toEqual(['before', 'fits', 'large']);
});

test('a file that somebody else is writing is read meanwhile, and written when it is free', async () => {
  const { database, path } = await newFile();
  await database.write((tx) => put(tx, 'before'));
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE; insert into installation values ('theirs', '', 1)");
  expect(await names(database)).toEqual(['before']);
  other.exec('COMMIT');
  other.close();
  await database.write((tx) => put(tx, 'ours'));
  expect(await names(database)).toEqual(['before', 'ours', 'theirs']);
});

test('a file that is no database, or in no folder, is refused as unavailable', () => {
  const folder = newFolder();
  const path = join(folder, 'text.sqlite');
  writeFileSync(path, 'this is a text file, and long enough to be none of SQLite\n'.repeat(100));
  for (const bad of [path, join(folder, 'missing', 'test.sqlite'), folder]) {
    expect(() => openSqlite(bad)).toThrow(expect.objectContaining({ code: 'unavailable' }));
  }
});

test('what savepoints keep stays in memory, after a migration that worked and after one that did not', async () => {
  const { database } = await newFile();
  const inMemory = 2;
  expect(await pragma(database, 'temp_store')).toBe(inMemory);
  const broken = [{ name: '9999_broken', up: () => [sql`no statement`] }];
  await expect(database.migrate(broken as never, { dryRun: false, nowMs: 2 })).rejects.toThrow();
  expect(await pragma(database, 'temp_store')).toBe(inMemory);
});
