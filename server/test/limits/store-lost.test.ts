import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { Failure } from '../../src/failure.ts';
import {
  createPostgresLimiter,
  createRedisLimiter,
  createResilientLimiter,
  type Limits,
  type OutagePolicy,
  type ResilientLimiter,
  type Spending,
} from '../../src/limits/index.ts';
import { startRedis } from '../services/redis.ts';
import type { Service } from '../services/service.ts';
import { askRedis, closePlaces, newBucket, newLimitsPlace, redisPid } from './stores.ts';

const fiftyAnHour: Limits = { perHour: 50, perSecond: null };
const WAIT = { timeout: 10_000 };

/** A Redis that may be killed, stopped and configured. */
async function ownRedis(skip: (note: string) => void): Promise<Service> {
  const redis = await startRedis();
  if (!redis.own) skip('the environment names the Redis');
  return redis;
}

interface Watched {
  limiter: ResilientLimiter;
  /** What the listener heard, and with which causes. */
  heard: boolean[];
  causes: string[];
}

const limiters: ResilientLimiter[] = [];
afterEach(async () => {
  for (const limiter of limiters.splice(0)) await limiter.close();
});

function watch(limiter: ResilientLimiter): Watched {
  limiters.push(limiter);
  const heard: boolean[] = [];
  const causes: string[] = [];
  limiter.onDegraded((degraded, cause) => {
    heard.push(degraded);
    if (cause instanceof Error) causes.push(cause.message);
  });
  return { limiter, heard, causes };
}

type Outcome = Spending | Failure;

async function outcomeOf({ limiter }: Watched, bucket: string): Promise<Outcome> {
  try {
    return await limiter.spend(bucket, fiftyAnHour, 1);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

function manyOutcomes(watched: Watched, bucket: string, calls = 500): Promise<Outcome[]> {
  return Promise.all(Array.from({ length: calls }, () => outcomeOf(watched, bucket)));
}

const isAllowed = (outcome: Outcome) => !(outcome instanceof Failure) && outcome.allowed;
const isRefusedCall = (outcome: Outcome) => outcome instanceof Failure && outcome.code === 'unavailable';

/** What 500 calls of one bucket get during an outage, of a limit of 50. */
function expectPolicy(policy: OutagePolicy, outcomes: readonly Outcome[]): void {
  if (policy === 'local') expect(outcomes.filter(isAllowed)).toHaveLength(50);
  if (policy === 'open') expect(outcomes.filter(isAllowed)).toHaveLength(500);
  if (policy === 'closed') expect(outcomes.filter(isRefusedCall)).toHaveLength(500);
}

describe.each(['local', 'open', 'closed'] as const)('a Redis that is lost, under the policy %s', (policy) => {
  let redis: Service;
  let watched: Watched;

  beforeEach(async ({ skip }) => {
    redis = await ownRedis(skip);
    const shared = await createRedisLimiter({ url: redis.url });
    watched = watch(createResilientLimiter({ shared, clock: systemClock, policy }));
  });
  afterEach(() => redis.stop());

  const backInRedis = async () => {
    await vi.waitFor(async () => {
      const bucket = newBucket();
      expect((await manyOutcomes(watched, bucket)).filter(isAllowed)).toHaveLength(50);
      expect(await askRedis(redis.url, 'EXISTS', `latchkey:limit:${bucket}`)).toBe('1');
      expect(watched.limiter.degraded).toBe(false);
    }, WAIT);
    // It hears of changes, not of calls.
    expect(watched.heard).toEqual(watched.heard.map((_, index) => index % 2 === 0));
    expect(watched.heard.at(-1)).toBe(false);
  };

  test('killed under load, every call settles, the policy holds, and it recovers by itself', async () => {
    const underLoad: Promise<Outcome>[] = [];
    let settled = 0;
    const bucket = newBucket();
    const load = setInterval(() => {
      for (let call = 0; call < 50; call += 1) {
        const outcome = outcomeOf(watched, bucket);
        underLoad.push(outcome);
        void outcome.then(() => {
          settled += 1;
        });
      }
    }, 1);
    await vi.waitFor(() => expect(settled).toBeGreaterThan(200), WAIT);
    await redis.kill9();
    await vi.waitFor(() => expect(watched.limiter.degraded).toBe(true), WAIT);
    expectPolicy(policy, await manyOutcomes(watched, newBucket()));
    clearInterval(load);
    const outcomes = await Promise.all(underLoad);
    const allowed = outcomes.filter(isAllowed).length;
    expect(allowed).toBeGreaterThan(0);
    // The limit once in Redis, and once more in this process.
    if (policy === 'local') expect(allowed).toBeLessThanOrEqual(100);
    if (policy === 'closed') expect(allowed).toBeLessThanOrEqual(50);
    await redis.restart();
    await backInRedis();
  });

  test('stopped without a word, nobody waits for it, and it recovers by itself', async () => {
    const pid = await redisPid(redis.url);
    expect(isAllowed(await outcomeOf(watched, newBucket()))).toBe(true);
    process.kill(pid, 'SIGSTOP');
    try {
      // It stays stopped until all of these have settled.
      expectPolicy(policy, await manyOutcomes(watched, newBucket()));
      expect(watched.limiter.degraded).toBe(true);
      // Not because the connection was given up, which takes seconds.
      expect(watched.causes).toEqual(['no answer within 80 ms']);
      const bucket = newBucket();
      if (policy === 'closed') expect(() => watched.limiter.spend(bucket, fiftyAnHour, 1)).toThrow(Failure);
      else expect(watched.limiter.spend(bucket, fiftyAnHour, 1)).not.toBeInstanceOf(Promise);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await backInRedis();
  });
});

describe('other ways to lose the store', () => {
  test('what an outage counted here still holds in the next one', async ({ skip }) => {
    const redis = await ownRedis(skip);
    const shared = await createRedisLimiter({ url: redis.url });
    const watched = watch(createResilientLimiter({ shared, clock: systemClock }));
    const pid = await redisPid(redis.url);
    const bucket = newBucket();
    const allowed: number[] = [];
    try {
      for (let outage = 0; outage < 2; outage += 1) {
        process.kill(pid, 'SIGSTOP');
        allowed.push((await manyOutcomes(watched, bucket)).filter(isAllowed).length);
        process.kill(pid, 'SIGCONT');
        await vi.waitFor(() => expect(watched.limiter.degraded).toBe(false), WAIT);
      }
    } finally {
      process.kill(pid, 'SIGCONT');
      await redis.stop();
    }
    expect(allowed).toEqual([50, 0]);
  });

  test('a Redis that reads but cannot write is lost until it can', async ({ skip }) => {
    const redis = await ownRedis(skip);
    const shared = await createRedisLimiter({ url: redis.url });
    const watched = watch(createResilientLimiter({ shared, clock: systemClock, probeIntervalMs: 20 }));
    try {
      await askRedis(redis.url, 'CONFIG', 'SET', 'min-replicas-to-write', '1');
      expect(isAllowed(await outcomeOf(watched, newBucket()))).toBe(true);
      const failures = async () => {
        const [, count] =
          /errorstat_NOREPLICAS:count=(\d+)/.exec(await askRedis(redis.url, 'INFO', 'errorstats')) ?? [];
        return Number(count);
      };
      const before = await failures();
      await vi.waitFor(async () => expect(await failures()).toBeGreaterThan(before + 3), WAIT);
      expect(watched.heard).toEqual([true]);
      await askRedis(redis.url, 'CONFIG', 'SET', 'min-replicas-to-write', '0');
      await vi.waitFor(() => expect(watched.limiter.degraded).toBe(false), WAIT);
    } finally {
      await redis.stop();
    }
  });

  test('a PostgreSQL that hangs is not waited for, and counts again afterwards', async () => {
    const { place, open } = await newLimitsPlace('postgres');
    const shared = createPostgresLimiter({ database: open(), clock: systemClock });
    const watched = watch(createResilientLimiter({ shared, clock: systemClock }));
    const holder = new pg.Client({ connectionString: 'postgres' in place ? place.postgres : '' });
    await holder.connect();
    try {
      expect(isAllowed(await outcomeOf(watched, newBucket()))).toBe(true);
      await holder.query('begin; lock table limit_buckets in access exclusive mode');
      expectPolicy('local', await manyOutcomes(watched, newBucket()));
      expect(watched.limiter.degraded).toBe(true);
      await holder.query('rollback');
      await vi.waitFor(() => expect(watched.limiter.degraded).toBe(false), WAIT);
      expect(isAllowed(await outcomeOf(watched, newBucket()))).toBe(true);
    } finally {
      await holder.end();
      await closePlaces();
    }
  });

  test('closing settles the calls that are under way', async ({ skip }) => {
    const redis = await ownRedis(skip);
    const shared = await createRedisLimiter({ url: redis.url });
    const { limiter } = watch(createResilientLimiter({ shared, clock: systemClock }));
    const calls = Array.from({ length: 100 }, () => limiter.spend('bucket', fiftyAnHour, 1));
    await limiter.close();
    expect((await Promise.all(calls)).filter(({ allowed }) => allowed)).toHaveLength(50);
    await redis.stop();
  });
});
