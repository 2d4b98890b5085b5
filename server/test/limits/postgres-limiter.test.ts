import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../../src/database/index.ts';
import { createPostgresLimiter, type Limits, type PostgresLimiter } from '../../src/limits/index.ts';
import { type ManualClock, manualClock } from '../harness.ts';
import { closePlaces, newBucket, newLimitsPlace } from './stores.ts';

const HOUR_MS = 3_600_000;
const tenAnHour: Limits = { perHour: 10, perSecond: null };

describe('the limiter on PostgreSQL', () => {
  let database: Database;
  let clock: ManualClock;
  let limiter: PostgresLimiter;
  let another: PostgresLimiter;

  beforeEach(async () => {
    const { open } = await newLimitsPlace('postgres');
    database = open();
    clock = manualClock();
    limiter = createPostgresLimiter({ database, clock });
    another = createPostgresLimiter({ database: open(), clock });
  });
  afterEach(closePlaces);

  const rows = () => database.read.selectFrom('limit_buckets').selectAll().orderBy('bucket').execute();

  test('grants exactly N of 10 N over two connections, in the order of asking', async () => {
    const bucket = newBucket();
    const calls = Array.from({ length: 100 }, (_, index) =>
      (index % 2 ? limiter : another).spend(bucket, tenAnHour, 1),
    );
    const answers = await Promise.all(calls);
    const remaining = answers.filter(({ allowed }) => allowed).map(({ hourRemaining }) => hourRemaining);
    expect(remaining.sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await rows()).toMatchObject([{ bucket, used: 10 }]);
  });

  test('keeps calls of other costs and limits apart, and the count over all', async () => {
    const bucket = newBucket();
    const wide: Limits = { perHour: 100, perSecond: null };
    const asked: [Limits, number][] = [
      [tenAnHour, 1],
      [tenAnHour, 1],
      [tenAnHour, 7],
      [tenAnHour, 9],
      [wide, 1],
      [wide, 0],
    ];
    const answers = await Promise.all(asked.map(([limits, cost]) => limiter.spend(bucket, limits, cost)));
    expect(answers.map(({ allowed }) => allowed)).toEqual([true, true, true, false, true, true]);
    expect(await rows()).toMatchObject([{ bucket, used: 10 }]);
    expect((await limiter.spend(bucket, wide, 0)).hourRemaining).toBe(90);
    expect((await limiter.spend(bucket, tenAnHour, 0)).hourRemaining).toBe(0);
  });

  test('answers a flood of refused calls without the database', async () => {
    const bucket = newBucket();
    await Promise.all(Array.from({ length: 20 }, () => limiter.spend(bucket, tenAnHour, 1)));
    const never: Limits = { perHour: 0, perSecond: null };
    const blocked = newBucket();
    await limiter.spend(blocked, never, 1);
    await database.close();
    clock.advance(HOUR_MS - 1);
    for (const answer of [limiter.spend(bucket, tenAnHour, 1), limiter.spend(blocked, never, 1)]) {
      expect(answer).toMatchObject({ allowed: false, refusedBy: 'hour' });
    }
    expect(limiter.spend(bucket, tenAnHour, 1)).toMatchObject({ retryAfterMs: 1, hourRemaining: 0 });
    // A wider limit, or the end of the window, is a question for the database again.
    await expect(limiter.spend(bucket, { perHour: 11, perSecond: null }, 1)).rejects.toThrow();
    clock.advance(1);
    await expect(limiter.spend(bucket, tenAnHour, 1)).rejects.toThrow();
  });

  test('counts anew once the window has ended, also after refusals', async () => {
    const bucket = newBucket();
    await limiter.spend(bucket, tenAnHour, 10);
    expect(await limiter.spend(bucket, tenAnHour, 1)).toMatchObject({ allowed: false });
    clock.advance(HOUR_MS);
    expect(await limiter.spend(bucket, tenAnHour, 1)).toMatchObject({ allowed: true, hourRemaining: 9 });
  });

  test('takes clocks that differ by seconds for one', async () => {
    const bucket = newBucket();
    const ahead = manualClock(clock.nowMs() + 5000);
    const other = createPostgresLimiter({ database, clock: ahead });
    const both: Limits = { perHour: 1000, perSecond: 10 };
    let granted = 0;
    for (let round = 0; round < 100; round += 1) {
      const answers = await Promise.all([other, limiter].map((one) => one.spend(bucket, both, 1)));
      granted += answers.filter(({ allowed }) => allowed).length;
      clock.advance(10);
      ahead.advance(10);
    }
    // One second: a burst of ten, and ten more as it passes; the window is one too.
    expect(granted).toBeLessThanOrEqual(20);
    expect(granted).toBeGreaterThanOrEqual(19);
    expect(await rows()).toMatchObject([{ used: granted }]);
  });

  test('writes nothing for looks and for what no bucket could grant', async () => {
    await limiter.spend(newBucket(), tenAnHour, 0);
    await limiter.spend(newBucket(), tenAnHour, 11);
    await limiter.spend(newBucket(), { perHour: null, perSecond: 5 }, 6);
    expect(await rows()).toEqual([]);
  });

  test('prunes buckets whose window has ended, and no others', async () => {
    const [old, fresh] = [newBucket(), newBucket()];
    await limiter.spend(old, tenAnHour, 1);
    clock.advance(HOUR_MS);
    await limiter.prune();
    expect(await rows()).toHaveLength(1);
    await limiter.spend(fresh, tenAnHour, 1);
    clock.advance(60_000);
    await limiter.prune();
    expect((await rows()).map(({ bucket }) => bucket)).toEqual([fresh]);
  });
});
