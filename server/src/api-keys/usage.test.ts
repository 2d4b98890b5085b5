import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeKey, START_MS } from '../../test/domains/installation.ts';
import { manualClock, startServer, stopServers } from '../../test/harness.ts';
import type { Database } from '../database/index.ts';
import { createKeyUsage, type UsedKey } from './usage.ts';

const records = new Map<string, UsedKey>();

/** The record of a key, as verification keeps it. */
function used(id: string): UsedKey {
  const record = records.get(id) ?? { id, usedAfterMs: 0, isUseNoted: false, activity: null };
  records.set(id, record);
  return record;
}

describe('the last use of keys', () => {
  const clock = manualClock(START_MS);
  let database: Database;
  let ids: string[];

  beforeEach(async () => {
    const server = await startServer({ clock });
    database = server.latchkey.database;
    ids = await Promise.all(['a', 'b', 'c'].map(async (name) => (await makeKey(server, { name })).id));
  });
  afterEach(stopServers);

  /** The last use that is written down of `a`, `b` and `c`. */
  const usedAt = async () => {
    const rows = await database.read.selectFrom('api_keys').select(['id', 'last_used_at']).execute();
    return ids.map((id) => rows.find((row) => row.id === id)?.last_used_at);
  };
  const rename = (from: string, to: string) =>
    database.write(({ query }) => query.schema.alterTable(from).renameTo(to).execute());

  test('is written down only when it is flushed, the latest of each key', async () => {
    const [a = '', b = ''] = ids;
    const usage = createKeyUsage(database, clock);
    usage.touch(used(a));
    usage.touch(used(b));
    const firstMs = clock.nowMs();
    clock.advance(10);
    usage.touch(used(b));
    expect(await usedAt()).toEqual([null, null, null]);
    await usage.flush();
    expect(await usedAt()).toEqual([firstMs, firstMs + 10, null]);
    await usage.flush();
    expect(await usedAt()).toEqual([firstMs, firstMs + 10, null]);
  });

  test('is kept when it cannot be written, and newer uses win', async () => {
    const [a = '', b = ''] = ids;
    const usage = createKeyUsage(database, clock);
    usage.touch(used(a));
    usage.touch(used(b));
    const firstMs = clock.nowMs();
    await rename('api_keys', 'away');
    const failing = usage.flush();
    clock.advance(10);
    usage.touch(used(b));
    await expect(failing).rejects.toThrow();
    await rename('away', 'api_keys');
    await usage.flush();
    expect(await usedAt()).toEqual([firstMs, firstMs + 10, null]);
  });

  test('is the latest of a key whose record was read again meanwhile, whichever was noted first', async () => {
    const fresh = (id: string): UsedKey => ({ id, usedAfterMs: 0, isUseNoted: false, activity: null });
    const [a = '', b = ''] = ids;
    const usage = createKeyUsage(database, clock);
    const [oldA, newA, oldB, newB] = [fresh(a), fresh(a), fresh(b), fresh(b)];
    for (const record of [newA, oldA, oldB, newB]) usage.touch(record);
    clock.advance(10);
    for (const record of [newA, newB]) usage.touch(record);
    await usage.flush();
    expect((await usedAt()).slice(0, 2)).toEqual([clock.nowMs(), clock.nowMs()]);
  });

  test('of a key that is gone is no trouble', async () => {
    const usage = createKeyUsage(database, clock);
    usage.touch(used('nobody'));
    usage.touch(used(ids[2] ?? ''));
    await usage.flush();
    expect(await usedAt()).toEqual([null, null, clock.nowMs()]);
  });
});
