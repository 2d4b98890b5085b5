import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { afterEach, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/harness.ts';
import { GroupCommit } from './group-commit.ts';
import { nodeSqliteDialect } from './sqlite-dialect.ts';
import type { Tables } from './tables.ts';

/** A disk whose fsyncs end when told to. */
function slowDisk() {
  const begun: { done(): void; fail(error: Error): void }[] = [];
  const sync = () => new Promise<void>((done, fail) => begun.push({ done, fail }));
  return { begun, sync };
}

const open: DatabaseSync[] = [];
afterEach(() => {
  for (const connection of open.splice(0)) connection.close();
});

function groupOn(sync: () => Promise<void>, path = ':memory:', onListenerError?: (error: unknown) => void) {
  const connection = new DatabaseSync(path, { timeout: 0 });
  connection.exec('PRAGMA journal_mode = WAL');
  open.push(connection);
  connection.exec('create table schema_migrations (name text primary key, applied_at integer)');
  const query = new Kysely<Tables>({ dialect: nodeSqliteDialect(connection) });
  const groups = new GroupCommit(connection, query, sync, onListenerError);
  const put = (name: string) =>
    groups.write((tx) => tx.query.insertInto('schema_migrations').values({ name, applied_at: 1 }).execute());
  const names = () =>
    connection
      .prepare('select name from schema_migrations order by name')
      .all()
      .map((row) => row.name);
  return { groups, put, names };
}

/** Lets everything happen that waits for nobody but the event loop. */
async function settle() {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('a write is acknowledged only after an fsync that began after its commit', async () => {
  const disk = slowDisk();
  const { put, names } = groupOn(disk.sync);
  const acknowledged: string[] = [];
  const note = (name: string) => put(name).then(() => acknowledged.push(name));
  const first = note('a');
  await settle();
  expect([names(), acknowledged, disk.begun.length]).toEqual([['a'], [], 1]);
  const second = note('b');
  await settle();
  // Committed while the first fsync was under way: that one does not count for it.
  expect([names(), acknowledged, disk.begun.length]).toEqual([['a', 'b'], [], 1]);
  disk.begun[0]?.done();
  await first;
  await settle();
  expect([acknowledged, disk.begun.length]).toEqual([['a'], 2]);
  disk.begun[1]?.done();
  await second;
  expect(acknowledged).toEqual(['a', 'b']);
});

test('a disk that does not confirm is 503 for the writes that wait, and the next are tried again', async () => {
  const disk = slowDisk();
  const { put, groups } = groupOn(disk.sync);
  const lost = put('a');
  await settle();
  disk.begun[0]?.fail(new Error('EIO'));
  await expect(lost).rejects.toMatchObject({ code: 'unavailable' });
  const kept = put('b');
  await settle();
  disk.begun[1]?.done();
  await kept;
  await groups.idle();
});

test('is idle only when nothing waits for the disk', async () => {
  const disk = slowDisk();
  const { put, groups } = groupOn(disk.sync);
  const write = put('a');
  await settle();
  let isIdle = false;
  const idle = groups.idle().then(() => {
    isIdle = true;
  });
  await settle();
  expect(isIdle).toBe(false);
  disk.begun[0]?.done();
  await Promise.all([write, idle]);
});

test('after a failed fsync nothing is written until a checkpoint has brought everything to the disk', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'test.sqlite');
  const disk = slowDisk();
  const { put, names } = groupOn(disk.sync, path);
  const first = put('a');
  await settle();
  // Committed while the failing fsync was under way: a second fsync proves nothing for it.
  const second = put('b');
  await settle();
  disk.begun[0]?.fail(new Error('EIO'));
  for (const lost of [first, second]) await expect(lost).rejects.toMatchObject({ code: 'unavailable' });
  expect(disk.begun).toHaveLength(1);
  const inTheWay = new DatabaseSync(path);
  inTheWay.exec('BEGIN');
  inTheWay.prepare('select * from schema_migrations').all();
  await expect(put('c')).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('Nothing') });
  expect(names()).toEqual(['a', 'b']);
  inTheWay.close();
  const kept = put('d');
  await settle();
  disk.begun[1]?.done();
  await kept;
  expect(names()).toEqual(['a', 'b', 'd']);
  rmSync(folder, { recursive: true, force: true });
});

test('a listener that throws is reported; its write, the next listener and the next write are well', async () => {
  const reported: unknown[] = [];
  const heard: string[] = [];
  const { groups, put } = groupOn(
    async () => {},
    ':memory:',
    (error) => reported.push(error),
  );
  const broken = new Error('a listener broke');
  await groups.write(async (tx) => {
    tx.afterCommit(() => {
      throw broken;
    });
    tx.afterCommit(() => heard.push('next'));
  });
  await put('a');
  expect([reported, heard]).toEqual([[broken], ['next']]);
});
