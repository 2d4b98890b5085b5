import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createMemoryLimiter,
  createPostgresLimiter,
  createRedisLimiter,
  type Limiter,
  type Limits,
  type Spending,
} from '../../src/limits/index.ts';
import { type ManualClock, manualClock } from '../harness.ts';
import { startRedis } from '../services/redis.ts';
import type { Service } from '../services/service.ts';
import { closePlaces, newBucket, newLimitsPlace } from './stores.ts';

const HOUR_MS = 3_600_000;

interface Step {
  afterMs: number;
  limits: Limits;
  cost: number;
  /** How many such calls at once. */
  calls: number;
}

const limit = fc.option(fc.integer({ min: 0, max: 12 }));
const afterMs = fc.oneof(
  { arbitrary: fc.constant(0), weight: 2 },
  { arbitrary: fc.integer({ min: 0, max: 1500 }), weight: 4 },
  { arbitrary: fc.constantFrom(HOUR_MS, HOUR_MS - 1, HOUR_MS - 100, 100), weight: 3 },
  { arbitrary: fc.integer({ min: 0, max: HOUR_MS + 2000 }), weight: 2 },
  { arbitrary: fc.integer({ min: -2 * HOUR_MS, max: 0 }), weight: 1 },
  { arbitrary: fc.integer({ min: -15_000, max: 0 }), weight: 1 },
);
const anyLimits = fc.record({ perHour: limit, perSecond: limit });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    afterMs,
    limits: fc.oneof(fc.constant({ perHour: 9, perSecond: 7 }), anyLimits),
    cost: fc.oneof({ arbitrary: fc.constant(1), weight: 3 }, { arbitrary: fc.integer({ min: 0, max: 4 }), weight: 1 }),
    calls: fc.oneof({ arbitrary: fc.constant(1), weight: 3 }, { arbitrary: fc.integer({ min: 1, max: 6 }), weight: 1 }),
  }),
  { minLength: 1, maxLength: 25 },
);

const both: Limits = { perHour: 9, perSecond: 3 };
/** A window that ends while the second is still full, so that its first call is refused. */
const overWindowEnd: Step[] = [
  { afterMs: 0, limits: both, cost: 1, calls: 1 },
  { afterMs: HOUR_MS - 100, limits: both, cost: 1, calls: 3 },
  { afterMs: 100, limits: both, cost: 2, calls: 2 },
  { afterMs: 100, limits: both, cost: 3, calls: 1 },
  { afterMs: 1000, limits: both, cost: 2, calls: 1 },
];

let clock: ManualClock;
let redis: Service;
const limiters: Limiter[] = [];
const startMs = () => clock.nowMs();

beforeAll(async () => {
  clock = manualClock();
  redis = await startRedis();
});
afterAll(async () => {
  for (const limiter of limiters) await limiter.close();
  await closePlaces();
  await redis.stop();
});

/** Plays a sequence on a new bucket, the calls of a step all at once. */
async function play(limiter: Limiter, sequence: readonly Step[]): Promise<Spending[][]> {
  const bucket = newBucket();
  const played: Spending[][] = [];
  for (const step of sequence) {
    clock.advance(step.afterMs);
    const calls = Array.from({ length: step.calls }, () => limiter.spend(bucket, step.limits, step.cost));
    played.push(await Promise.all(calls));
  }
  return played;
}

async function expectParity(limiter: Limiter): Promise<void> {
  limiters.push(limiter);
  const model = createMemoryLimiter({ clock });
  const property = fc.asyncProperty(steps, async (sequence) => {
    const beganMs = startMs();
    const wanted = await play(model, sequence);
    clock.set(beganMs);
    expect(await play(limiter, sequence)).toEqual(wanted);
  });
  await fc.assert(property, { numRuns: 150, examples: [[overWindowEnd]] });
}

describe('any sequence of calls, edited limits and clock jumps has the answers of the pure decision', () => {
  test('in Redis', async () => {
    await expectParity(await createRedisLimiter({ url: redis.url, clock }));
  });

  test('in PostgreSQL', async () => {
    const database = (await newLimitsPlace('postgres')).open();
    await expectParity(createPostgresLimiter({ database, clock }));
  });
});
