import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import { type Database, WriteConflict } from '../database/index.ts';
import {
  type BucketState,
  charged,
  currentState,
  describe,
  HOUR_MS,
  LATEST_ARRIVAL_NS,
  type Limits,
  NS_PER_MS,
  type Spending,
  spend,
} from './decision.ts';
import type { Limiter } from './limiter.ts';
import { type Ask, deleteBuckets, giveBackToBucket, spendFromBucket } from './store.ts';
import { WaitingBatches } from './waiting-batches.ts';

export interface PostgresLimiterOptions {
  database: Database;
  clock: Clock;
  /** False where other processes give back: a bucket that refused may have room again. */
  remembersRefusals?: boolean;
}

export interface PostgresLimiter extends Limiter {
  /** Removes buckets whose window has ended; a periodic job of one process. */
  prune(): Promise<void>;
}

type Question = Pick<Ask, 'limits' | 'cost'>;

const MAX_REMEMBERED = 10_000;
const PRUNE_STEP = 1000;
const MAX_ATTEMPTS = 3;

const sameLimits = (a: Limits, b: Limits): boolean => a.perHour === b.perHour && a.perSecond === b.perSecond;
const isAlike = (a: Question, b: Question): boolean => a.cost === b.cost && sameLimits(a.limits, b.limits);

/** One answer for each request: the first `granted` of them as if they had come one after the other. */
function answers({ limits, cost, requests, nowMs }: Ask, granted: number, state: BucketState): Spending[] {
  return Array.from({ length: requests }, (_, index) => {
    const allowed = index < granted;
    const then = allowed ? charged(state, limits, cost, index + 1 - granted) : state;
    return describe(then, limits, cost, allowed, nowMs);
  });
}

async function askDatabase({ read }: Database, ask: Ask): ReturnType<typeof spendFromBucket> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await spendFromBucket(read, ask);
    } catch (error) {
      if (!(error instanceof WriteConflict) || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

/**
 * Counts in PostgreSQL, exactly across all processes. While a statement for a bucket is under way, this process's
 * other requests for it wait, and the next statement settles all that are alike: a busy key costs one statement at a
 * time, not one for each request. Time is the processes' own, which must agree within seconds.
 */
export function createPostgresLimiter({
  database,
  clock,
  remembersRefusals = true,
}: PostgresLimiterOptions): PostgresLimiter {
  /** Buckets as they were when they refused. Others can only have spent since, so what they refuse is still refused. */
  const refusing = new LRUCache<string, BucketState | 'empty'>({ max: MAX_REMEMBERED });

  const settle = async (bucket: string, alike: readonly Question[]): Promise<Spending[]> => {
    const [first] = alike;
    if (!first) return [];
    const ask: Ask = { ...first, bucket, requests: alike.length, nowMs: clock.nowMs() };
    const { granted, state: kept } = await askDatabase(database, ask);
    const state = currentState(kept, ask.nowMs);
    if (granted < ask.requests && remembersRefusals) refusing.set(bucket, kept ?? 'empty');
    else if (ask.cost > 0) refusing.delete(bucket);
    return answers(ask, granted, state);
  };
  const batches = new WaitingBatches<Question, Spending>({ isAlike, ask: settle });

  return {
    spend: (bucket, limits, cost) => {
      const refused = cost === 0 ? undefined : refusing.get(bucket);
      if (refused) {
        const before = refused === 'empty' ? undefined : refused;
        const { spending } = spend(before, limits, cost, clock.nowMs());
        if (!spending.allowed) return spending;
      }
      return batches.ask(bucket, { limits, cost });
    },
    giveBack: async (bucket, cost) => {
      await giveBackToBucket(database.read, bucket, cost);
      refusing.delete(bucket);
    },
    prune: async () => {
      const openedBeforeMs = clock.nowMs() - HOUR_MS - LATEST_ARRIVAL_NS / NS_PER_MS;
      while ((await deleteBuckets(database.read, openedBeforeMs, PRUNE_STEP)) === PRUNE_STEP);
    },
    close: async () => refusing.clear(),
  };
}
