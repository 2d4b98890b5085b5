import { sql } from 'kysely';
import pg from 'pg';
import { afterEach, expect, test, vi } from 'vitest';
import { MIGRATIONS } from '../../src/compose.ts';
import { type Database, openPostgres, type Tx, WriteConflict } from '../../src/database/index.ts';
import { freshPostgres } from '../harness.ts';
import { names, put } from './databases.ts';

const opened: Database[] = [];
afterEach(async () => {
  for (const database of opened.splice(0)) await database.close();
});

async function open(url: string, onIdleError: (error: Error) => void = () => {}): Promise<Database> {
  const database = await openPostgres(url, onIdleError);
  opened.push(database);
  return database;
}

async function newDatabase(onIdleError?: (error: Error) => void): Promise<{ database: Database; url: string }> {
  const url = await freshPostgres();
  const database = await open(url, onIdleError);
  await database.migrate(MIGRATIONS, { dryRun: false, nowMs: 1 });
  return { database, url };
}

/** Runs statements on a connection of its own. */
async function elsewhere(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(text);
  await client.end();
}

/** Resolves for all callers when the last of them has arrived. */
function meeting(count: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let arrived = 0;
  return () => {
    arrived += 1;
    if (arrived === count) resolve();
    return promise;
  };
}

async function touch(tx: Tx, name: string, by: string): Promise<void> {
  await tx.query
    .updateTable('installation')
    .set((set) => ({ value: set(set.ref('value'), '||' as never, by) }))
    .where('name', '=', name)
    .execute();
}

test('two writes that deadlock both succeed: the loser runs again, its listeners heard once', async () => {
  const { database } = await newDatabase();
  await database.write(async (tx) => {
    await put(tx, 'a');
    await put(tx, 'b');
  });
  const bothHoldOne = meeting(2);
  let attempts = 0;
  const heard: string[] = [];
  const write = (by: string, first: string, second: string) =>
    database.write(async (tx) => {
      attempts += 1;
      tx.afterCommit(() => heard.push(by));
      await touch(tx, first, by);
      if (attempts <= 2) await bothHoldOne();
      await touch(tx, second, by);
      return by;
    });
  expect(await Promise.all([write('x', 'a', 'b'), write('y', 'b', 'a')])).toEqual(['x', 'y']);
  expect(attempts).toBeGreaterThan(2);
  expect(heard.sort()).toEqual(['x', 'y']);
  const rows = await database.read.selectFrom('installation').select('value').execute();
  expect(rows.map(({ value }) => [...value].sort().join(''))).toEqual(['xy', 'xy']);
});

test('a write that never gets through gives up as unavailable, and leaves nothing', async () => {
  const { database } = await newDatabase();
  let attempts = 0;
  const write = database.write(async (tx) => {
    attempts += 1;
    await put(tx, `attempt ${attempts}`);
    await sql.raw("do $$ begin raise exception 'conflict' using errcode = '40001'; end $$").execute(tx.query);
  });
  const error = await write.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(WriteConflict);
  expect(error).toMatchObject({ code: 'unavailable', details: { retryAfterSeconds: 1 } });
  expect(attempts).toBe(4);
  expect(await names(database)).toEqual([]);
});

test('a transaction carries its time limits, and leaves none on the connection', async () => {
  const { database } = await newDatabase();
  const limits = async (query: Tx['query']) => {
    const row = await sql<{ s: string; i: string }>`
      select current_setting('statement_timeout') s, current_setting('idle_in_transaction_session_timeout') i`.execute(
      query,
    );
    return row.rows[0];
  };
  expect(await database.write((tx) => limits(tx.query))).toEqual({ s: '5s', i: '3s' });
  expect(await limits(database.read)).toEqual({ s: '0', i: '0' });
});

test('a connection that breaks inside a write is unavailable; nothing is kept; the next write has another', async () => {
  const { database, url } = await newDatabase();
  const write = database.write(async (tx) => {
    await put(tx, 'lost');
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx.query);
    await elsewhere(url, `select pg_terminate_backend(${rows[0]?.pid})`);
    await put(tx, 'never');
  });
  await expect(write).rejects.toMatchObject({ code: 'unavailable' });
  await database.write((tx) => put(tx, 'kept'));
  expect(await names(database)).toEqual(['kept']);
});

test('idle connections that break are told about and replaced', async () => {
  const onIdleError = vi.fn();
  const { database, url } = await newDatabase(onIdleError);
  await Promise.all(Array.from({ length: 5 }, () => database.ping()));
  const others = 'datname = current_database() and pid <> pg_backend_pid()';
  await elsewhere(url, `select pg_terminate_backend(pid) from pg_stat_activity where ${others}`);
  await vi.waitFor(() => expect(onIdleError).toHaveBeenCalled(), { timeout: 10_000 });
  await vi.waitFor(() => database.ping(), { timeout: 10_000 });
  await database.write((tx) => put(tx, 'kept'));
  expect(await names(database)).toEqual(['kept']);
});

test('what cannot be reached, entered or found is unavailable', async () => {
  const url = await freshPostgres();
  const changed = (change: (parts: URL) => void) => {
    const parts = new URL(url);
    change(parts);
    return parts.href;
  };
  const wrong = [
    changed((parts) => {
      parts.port = '1';
    }),
    changed((parts) => {
      parts.hostname = 'no-such-host.invalid';
    }),
    changed((parts) => {
      parts.pathname = '/no_such_database';
    }),
    changed((parts) => {
      parts.username = 'no_such_role';
    }),
  ];
  for (const each of wrong) {
    const database = await open(each);
    await expect(database.ping()).rejects.toMatchObject({ code: 'unavailable' });
    await expect(database.write((tx) => put(tx, 'x'))).rejects.toMatchObject({ code: 'unavailable' });
  }
});

test('a read-only database reads, and refuses writes as unavailable until it may write again', async () => {
  const { database, url } = await newDatabase();
  await database.write((tx) => put(tx, 'before'));
  const name = pg.escapeIdentifier(new URL(url).pathname.slice(1));
  const readOnly = async (state: 'on' | 'off') => {
    // Another database of the same server, where this statement may itself write.
    const maintenance = new URL(url);
    maintenance.pathname = '/postgres';
    await elsewhere(maintenance.href, `alter database ${name} set default_transaction_read_only = ${state}`);
  };
  await readOnly('on');
  const reopened = await open(url);
  expect(await names(reopened)).toEqual(['before']);
  await expect(reopened.write((tx) => put(tx, 'no'))).rejects.toMatchObject({ code: 'unavailable' });
  expect(await names(reopened)).toEqual(['before']);
  await readOnly('off');
  await (await open(url)).write((tx) => put(tx, 'after'));
  expect(await names(reopened)).toEqual(['after', 'before']);
});

test('a write that lasts longer than others look back for it is rolled back', async () => {
  const { database, url } = await newDatabase();
  const hasty = openPostgres(url, () => {}, { longestWriteMs: 1 });
  opened.push(hasty);
  let toldOfCommit = false;
  const late = hasty.write(async (tx) => {
    tx.afterCommit(() => {
      toldOfCommit = true;
    });
    await put(tx, 'late');
    await sql`select pg_sleep(0.05)`.execute(tx.query);
  });
  await expect(late).rejects.toMatchObject({ code: 'unavailable' });
  expect([await names(database), toldOfCommit]).toEqual([[], false]);
});

test('a listener that throws after the commit is reported; the write and the next listener are well', async () => {
  const { url } = await newDatabase();
  const reported: unknown[] = [];
  const heard: string[] = [];
  const database = openPostgres(url, () => {}, { onListenerError: (error) => reported.push(error) });
  opened.push(database);
  const broken = new Error('a listener broke');
  await database.write(async (tx) => {
    tx.afterCommit(() => {
      throw broken;
    });
    tx.afterCommit(() => heard.push('next'));
    await put(tx, 'kept');
  });
  expect([reported, heard, await names(database)]).toEqual([[broken], ['next'], ['kept']]);
});
