import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { manualClock, temporaryFolder } from '../../test/harness.ts';
import { openSqlite } from '../database/index.ts';
import { createChanges } from './changes.ts';
import { createRecordCache } from './record-cache.ts';
import { sharedStateMigrations } from './tables.ts';

interface Thing {
  name: string;
  refs: string[];
}

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const MAX_STALE_MS = 5000;

/** A cache over real changes in a real database; each load stays open until the test answers it. */
async function newCache(maxEntries = 100) {
  const folder = temporaryFolder();
  const database = openSqlite(join(folder, 'test.sqlite'));
  await database.migrate(sharedStateMigrations, { dryRun: false, nowMs: 1 });
  const clock = manualClock();
  // Polls are left out: what this process writes itself is heard at once.
  const changes = createChanges({ database, clock, pollMs: 1e9, maxStaleMs: MAX_STALE_MS, onError: () => {} });
  await changes.start();
  cleanups.push(async () => {
    await changes.stop();
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const loads: { key: string; answer(value: Thing | null): void; fail(error: Error): void }[] = [];
  const cache = createRecordCache<Thing>({
    changes,
    maxEntries,
    refsOf: ({ refs }) => refs,
    load: (key) => {
      const { promise, resolve, reject } = Promise.withResolvers<Thing | null>();
      loads.push({ key, answer: resolve, fail: reject });
      return promise;
    },
  });
  const change = (ref: string) => database.write((tx) => changes.record(tx, { kind: 'thing', ref }));
  const remember = async (key: string, ...refs: string[]) => {
    const fetched = cache.fetch(key);
    loads.at(-1)?.answer({ name: key, refs });
    await fetched;
  };
  return { cache, clock, loads, change, remember };
}

const old = { name: 'old', refs: ['a'] };
const current = { name: 'current', refs: ['a'] };
/** Enough turns for everything that waits on a settled promise. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('the record cache', () => {
  test('answers from memory after one load', async () => {
    const { cache, loads } = await newCache();
    expect(cache.peek('key')).toBeUndefined();
    const fetched = cache.fetch('key');
    loads[0]?.answer(current);
    expect(await fetched).toBe(current);
    expect(cache.peek('key')).toBe(current);
    expect(await cache.fetch('key')).toBe(current);
    expect(loads).toHaveLength(1);
  });

  test('loads once for all who wait', async () => {
    const { cache, loads } = await newCache();
    const fetched = Array.from({ length: 50 }, () => cache.fetch('key'));
    expect(loads).toHaveLength(1);
    loads[0]?.answer(current);
    for (const found of await Promise.all(fetched)) expect(found).toBe(current);
  });

  test('tells all who wait when a load fails, and tries again for the next', async () => {
    const { cache, loads } = await newCache();
    const fetched = [cache.fetch('key'), cache.fetch('key')];
    loads[0]?.fail(new Error('the database is away'));
    for (const each of fetched) await expect(each).rejects.toThrow('the database is away');
    const again = cache.fetch('key');
    loads[1]?.answer(current);
    expect(await again).toBe(current);
    expect(cache.peek('key')).toBe(current);
  });

  test('does not remember that there is nothing', async () => {
    const { cache, loads } = await newCache();
    const fetched = cache.fetch('key');
    loads[0]?.answer(null);
    expect(await fetched).toBeNull();
    const again = cache.fetch('key');
    loads[1]?.answer(current);
    expect(await again).toBe(current);
  });

  test('forgets what a change names, under every key, and nothing else', async () => {
    const { cache, change, remember } = await newCache();
    await remember('first', 'a', 'b');
    await remember('second', 'b');
    await remember('third', 'c');
    await change('b');
    expect([cache.peek('first'), cache.peek('second')]).toEqual([undefined, undefined]);
    expect(cache.peek('third')).toMatchObject({ name: 'third' });
    await remember('first', 'a', 'b');
    await change('a');
    expect(cache.peek('first')).toBeUndefined();
  });

  test('follows the references of the newest value alone', async () => {
    const { cache, clock, change, remember } = await newCache();
    await remember('key', 'a');
    clock.advance(MAX_STALE_MS + 1);
    await remember('key', 'b');
    clock.advance(-MAX_STALE_MS - 1);
    expect(cache.peek('key')).toMatchObject({ refs: ['b'] });
    await change('a');
    expect(cache.peek('key')).toMatchObject({ refs: ['b'] });
    await change('b');
    expect(cache.peek('key')).toBeUndefined();
  });

  test('a fill that raced with a change reads again: nobody gets the old record, nor is it remembered', async () => {
    const { cache, loads, change } = await newCache();
    const fetched = cache.fetch('key');
    await change('a');
    const after = cache.fetch('key');
    loads[0]?.answer(old);
    await settle();
    expect(cache.peek('key')).toBeUndefined();
    loads[1]?.answer(current);
    expect(await Promise.all([fetched, after])).toEqual([current, current]);
    expect(cache.peek('key')).not.toBe(old);
  });

  test('and again, when there was another change during the second reading', async () => {
    const { cache, loads, change } = await newCache();
    const fetched = cache.fetch('key');
    await change('a');
    loads[0]?.answer({ name: 'before both', refs: ['a'] });
    await settle();
    expect(loads).toHaveLength(2);
    await change('a');
    const afterBoth = cache.fetch('key');
    loads[1]?.answer({ name: 'before the second', refs: ['a'] });
    await settle();
    loads[2]?.answer(current);
    expect(await afterBoth).toEqual(current);
    expect(await fetched).toEqual(current);
    expect(loads).toHaveLength(3);
  });

  test('clear forgets everything, also what is being read at that moment', async () => {
    const { cache, loads, remember } = await newCache();
    await remember('first', 'a');
    const fetched = cache.fetch('second');
    cache.clear();
    expect([cache.size(), cache.peek('first')]).toEqual([0, undefined]);
    loads[1]?.answer(old);
    await settle();
    expect(cache.peek('second')).toBeUndefined();
    loads[2]?.answer(current);
    expect(await fetched).toBe(current);
    expect(cache.peek('second')).toBe(current);
  });

  test('a change during the fill of another record costs nothing', async () => {
    const { cache, loads, change } = await newCache();
    const fetched = cache.fetch('key');
    await change('unrelated');
    loads[0]?.answer(current);
    expect(await fetched).toBe(current);
    expect(cache.peek('key')).toBe(current);
    expect(loads).toHaveLength(1);
  });

  test('a change before the fill began does not count against it', async () => {
    const { cache, loads, change } = await newCache();
    const slow = cache.fetch('slow');
    await change('a');
    const fetched = cache.fetch('key');
    loads[1]?.answer(current);
    expect(await fetched).toBe(current);
    expect(loads).toHaveLength(2);
    loads[0]?.answer({ name: 'slow', refs: ['z'] });
    await slow;
  });

  test('does not answer from memory when it may not have heard everything', async () => {
    const { cache, clock, loads, remember } = await newCache();
    await remember('key', 'a');
    clock.advance(MAX_STALE_MS);
    expect(cache.peek('key')).toBeDefined();
    clock.advance(1);
    expect(cache.peek('key')).toBeUndefined();
    const fetched = cache.fetch('key');
    expect(loads).toHaveLength(2);
    loads[1]?.fail(new Error('the database is away'));
    await expect(fetched).rejects.toThrow('the database is away');
  });

  test('holds no more than it may, and drops what was not used for longest', async () => {
    const { cache, change, remember } = await newCache(3);
    for (const key of ['a', 'b', 'c']) await remember(key, key, 'all');
    cache.peek('a');
    await remember('d', 'd', 'all');
    expect(cache.size()).toBe(3);
    expect(['a', 'b', 'c', 'd'].filter((key) => cache.peek(key))).toEqual(['a', 'c', 'd']);
    await change('all');
    expect(cache.size()).toBe(0);
  });
});
