import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Database } from '../../src/database/index.ts';
import { type Changes, createChanges, createLive, createRecordCache } from '../../src/shared-state/index.ts';
import { DATABASES, type DatabaseName, manualClock } from '../harness.ts';
import { closeDatabases, newDatabase } from './databases.ts';

const running: Changes[] = [];
afterEach(async () => {
  for (const changes of running.splice(0)) await changes.stop();
  await closeDatabases();
});

/** A reader with a cache and a live table over it; `insert` writes a row as another process would. */
async function newReader(kind: DatabaseName) {
  const database = await newDatabase(kind);
  const clock = manualClock();
  const changes = createChanges({ database, clock, pollMs: 5, maxStaleMs: 1e9, onError: () => {} });
  running.push(changes);
  const cache = createRecordCache({ changes, maxEntries: 10, refsOf: () => [], load: async (key) => ({ key }) });
  const loads: number[] = [];
  const read = async () => loads.push(1);
  createLive({ changes, kind: 'table', initial: 0, read, onError: () => {} });
  const heard: string[] = [];
  changes.onChange(({ ref }) => heard.push(ref));
  const insert = (seq: number) => insertRow(database, seq);
  const isForgotten = () =>
    vi.waitFor(() => expect([cache.size(), loads.length]).toEqual([0, 2]), { interval: 5, timeout: 10_000 });
  const start = async () => {
    await changes.start();
    expect(loads).toHaveLength(1);
    await cache.fetch('kept');
  };
  return { database, clock, changes, cache, heard, insert, isForgotten, start };
}

async function insertRow(database: Database, seq: number): Promise<void> {
  const row = { seq, kind: 'thing', ref: `${seq}`, changed_at: 1 };
  await database.write((tx) => tx.query.insertInto('changes').values(row).execute());
}

const wipe = (database: Database) => database.write((tx) => tx.query.deleteFrom('changes').execute());

describe.each(DATABASES)('what may have been missed on %s', (kind) => {
  test('at the start is read again once, after the place in the line is taken', async () => {
    const { cache, start } = await newReader(kind);
    await cache.fetch('early');
    await start();
    expect(cache.peek('early')).toBeUndefined();
    expect(cache.peek('kept')).toBeDefined();
  });

  test('as a number that never came makes everything forgotten', async () => {
    const { clock, cache, heard, insert, isForgotten, start } = await newReader(kind);
    await start();
    await insert(1);
    await insert(3);
    await vi.waitFor(() => expect(heard).toEqual(['1', '3']), { interval: 5, timeout: 10_000 });
    expect(cache.size()).toBe(1);
    clock.advance(10_001);
    await isForgotten();
  });

  test('in half an hour without a poll makes everything forgotten', async () => {
    const { clock, isForgotten, start } = await newReader(kind);
    await start();
    clock.advance(1_800_001);
    await isForgotten();
  });

  test('because the rows behind ours are gone makes everything forgotten, and the newest are followed', async () => {
    const { database, insert, heard, isForgotten, start } = await newReader(kind);
    await insert(1);
    await start();
    await wipe(database);
    await insert(500);
    await isForgotten();
    heard.splice(0);
    await insert(501);
    await vi.waitFor(() => expect(heard).toContain('501'), { interval: 5, timeout: 10_000 });
  });

  test('because the database knows only lower numbers makes everything forgotten, and those are followed', async () => {
    const { database, insert, heard, isForgotten, start } = await newReader(kind);
    await insert(500);
    await start();
    await wipe(database);
    await insert(300);
    await isForgotten();
    heard.splice(0);
    await insert(301);
    await vi.waitFor(() => expect(heard).toEqual(['301']), { interval: 5, timeout: 10_000 });
  });
});

test('a live table that cannot be read is read again until it can, and no more once all is stopped', async () => {
  const database = await newDatabase('sqlite');
  const changes = createChanges({ database, clock: manualClock(), maxStaleMs: 1e9, onError: () => {} });
  running.push(changes);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    let isAway = true;
    let reads = 0;
    const errors: unknown[] = [];
    const read = async () => {
      reads += 1;
      if (isAway) throw new Error('away');
      return 'read';
    };
    const live = createLive({ changes, kind: 'table', initial: '', read, onError: (error) => errors.push(error) });
    const change = () => database.write((tx) => changes.record(tx, { kind: 'table', ref: 'all' }));
    await change();
    await vi.advanceTimersByTimeAsync(249);
    expect(reads).toBe(1);
    await vi.advanceTimersByTimeAsync(1 + 500);
    expect(reads).toBe(3);
    isAway = false;
    await vi.advanceTimersByTimeAsync(1000);
    expect([reads, errors.length, live.current()]).toEqual([4, 3, 'read']);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(reads).toBe(4);
    isAway = true;
    await change();
    await changes.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(reads).toBe(5);
  } finally {
    vi.useRealTimers();
  }
});
