import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRedis } from '../services/redis.ts';
import type { Service } from '../services/service.ts';
import { runTogether } from '../workers/run-together.ts';
import type { LimitsResult, LimitsWork } from './limits-worker.ts';
import { closePlaces, newBucket, newLimitsPlace } from './stores.ts';

let redis: Service;
let postgres: string;
beforeAll(async () => {
  redis = await startRedis();
  const { place } = await newLimitsPlace('postgres');
  postgres = 'postgres' in place ? place.postgres : '';
});
afterAll(async () => {
  await closePlaces();
  await redis.stop();
});

describe.each([
  ['an hour in Redis', 'redis', 'window'],
  ['an hour in PostgreSQL', 'postgres', 'window'],
  ['a quota in PostgreSQL', 'postgres', 'quota'],
] as const)('two processes spend from %s', (_name, kind, of) => {
  test('exactly N of 10 N calls at once pass, and exactly one of 100 when one is left', async () => {
    const store = kind === 'redis' ? { redis: redis.url } : { postgres };
    const buckets = [
      { name: newBucket(), limit: 200, calls: 1000 },
      { name: newBucket(), limit: 1, calls: 50 },
    ];
    const work: LimitsWork = { store, of, buckets };
    const [a, b] = await runTogether<LimitsResult>('../limits/limits-worker.ts', [work, work]);
    expect(buckets.map((_, index) => a![index]! + b![index]!)).toEqual([200, 1]);
  });
});
