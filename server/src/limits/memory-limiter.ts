import type { Clock } from '../clock.ts';
import { type BucketState, isForgettable, spend } from './decision.ts';
import type { Limiter } from './limiter.ts';

export interface MemoryLimiterOptions {
  clock: Clock;
  /** Buckets of callers without a credential, of which there may be any number. */
  maxAnonymous?: number;
}

/** Buckets whose name begins so are made by anyone who sends a request; the others only by valid credentials. */
export const ANONYMOUS_PREFIX = 'ip:';

const MAX_ANONYMOUS = 100_000;
const OVERFLOW = `${ANONYMOUS_PREFIX}overflow`;
const SWEEP_STEP = 4;

/**
 * Counts in this process. Memory is bounded under a flood of addresses without forgetting a live bucket: ended windows
 * are swept a few at a time, and when every place is taken newcomers share one bucket until some have ended.
 */
export function createMemoryLimiter({ clock, maxAnonymous = MAX_ANONYMOUS }: MemoryLimiterOptions): Limiter & {
  size(): number;
} {
  const named = new Map<string, BucketState>();
  const anonymous = new Map<string, BucketState>();
  const sweeps = new Map<Map<string, BucketState>, IterableIterator<[string, BucketState]>>();

  /** Looks at the next few buckets in turn, so that no request pays for all. */
  const sweep = (buckets: Map<string, BucketState>, nowMs: number) => {
    let turn = sweeps.get(buckets);
    for (let step = 0; step < SWEEP_STEP; step += 1) {
      const next = turn?.next();
      if (next === undefined || next.done) {
        turn = buckets.entries();
        sweeps.set(buckets, turn);
        continue;
      }
      const [name, state] = next.value;
      if (isForgettable(state, nowMs)) buckets.delete(name);
    }
  };

  return {
    spend: (bucket, limits, cost) => {
      const nowMs = clock.nowMs();
      const buckets = bucket.startsWith(ANONYMOUS_PREFIX) ? anonymous : named;
      const before = buckets.get(bucket);
      if (before === undefined) sweep(buckets, nowMs);
      const isFull = before === undefined && buckets === anonymous && anonymous.size >= maxAnonymous;
      const name = isFull ? OVERFLOW : bucket;
      const { spending, state } = spend(isFull ? anonymous.get(OVERFLOW) : before, limits, cost, nowMs);
      if (spending.allowed && cost > 0) buckets.set(name, state);
      return spending;
    },
    size: () => named.size + anonymous.size,
    close: async () => {
      named.clear();
      anonymous.clear();
    },
  };
}
