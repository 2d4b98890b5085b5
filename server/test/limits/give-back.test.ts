import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createMemoryLimiter,
  createPostgresLimiter,
  createRedisLimiter,
  createResilientLimiter,
  type Limiter,
} from '../../src/limits/index.ts';
import { type ManualClock, manualClock } from '../harness.ts';
import { startRedis } from '../services/redis.ts';
import type { Service } from '../services/service.ts';
import { closePlaces, newBucket, newLimitsPlace } from './stores.ts';

const HOUR_MS = 3_600_000;
const LIMITS = { perHour: 3, perSecond: null };
let redis: Service;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  await closePlaces();
  await redis.stop();
});

const makers: Record<string, (clock: ManualClock) => Promise<Limiter>> = {
  memory: async (clock) => createMemoryLimiter({ clock }),
  redis: (clock) => createRedisLimiter({ url: redis.url, clock }),
  postgres: async (clock) => {
    const database = (await newLimitsPlace('postgres')).open();
    return createPostgresLimiter({ database, clock, remembersRefusals: false });
  },
  'redis, resilient': async (clock) =>
    createResilientLimiter({ shared: await createRedisLimiter({ url: redis.url, clock }), clock, timeoutMs: 1000 }),
};

describe.each(Object.keys(makers))('giving back on %s', (name) => {
  test('makes room in the hour, never more than was spent, and moves no window', async () => {
    const clock = manualClock();
    const limiter = await makers[name]!(clock);
    const bucket = newBucket();
    const spend = async () => (await limiter.spend(bucket, LIMITS, 1)).allowed;
    // Of what nobody spent from, nothing can be given back.
    await limiter.giveBack(bucket, 1);
    expect([await spend(), await spend(), await spend(), await spend()]).toEqual([true, true, true, false]);
    clock.advance(HOUR_MS / 2);
    await limiter.giveBack(bucket, 1);
    expect([await spend(), await spend()]).toEqual([true, false]);
    await limiter.giveBack(bucket, 50);
    expect([await spend(), await spend(), await spend(), await spend()]).toEqual([true, true, true, false]);
    clock.advance(HOUR_MS / 2);
    expect(await spend()).toBe(true);
    await limiter.close();
  });
});
