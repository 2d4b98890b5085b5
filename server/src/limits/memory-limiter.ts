import type { Clock } from '../clock.ts';
import { type BucketState, isForgettable, spend } from './decision.ts';
import type { BucketPlace, Limiter } from './limiter.ts';

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

type Buckets = Map<string, BucketPlace>;

function keep(buckets: Buckets, name: string, place: BucketPlace | undefined, state: BucketState): BucketPlace {
  if (place === undefined) {
    const made = { ...state, isForgotten: false };
    buckets.set(name, made);
    return made;
  }
  place.windowStartedAtMs = state.windowStartedAtMs;
  place.used = state.used;
  place.arrivalNs = state.arrivalNs;
  return place;
}

/**
 * Counts in this process. Memory is bounded under a flood of addresses without forgetting a live bucket: ended windows
 * are swept a few at a time, and when every place is taken newcomers share one bucket until some have ended.
 */
export function createMemoryLimiter({ clock, maxAnonymous = MAX_ANONYMOUS }: MemoryLimiterOptions): Limiter & {
  size(): number;
} {
  const named: Buckets = new Map();
  const anonymous: Buckets = new Map();
  const sweeps = new Map<Buckets, IterableIterator<[string, BucketPlace]>>();

  /** Looks at the next few buckets in turn, so that no request pays for all. */
  const sweep = (buckets: Buckets, nowMs: number) => {
    let turn = sweeps.get(buckets);
    for (let step = 0; step < SWEEP_STEP; step += 1) {
      const next = turn?.next();
      if (next === undefined || next.done) {
        turn = buckets.entries();
        sweeps.set(buckets, turn);
        continue;
      }
      const [name, place] = next.value;
      if (!isForgettable(place, nowMs)) continue;
      buckets.delete(name);
      place.isForgotten = true;
    }
  };

  return {
    spend: (bucket, limits, cost, seat) => {
      const nowMs = clock.nowMs();
      if (seat?.place && !seat.place.isForgotten) {
        const { spending, state } = spend(seat.place, limits, cost, nowMs);
        if (spending.allowed && cost > 0) keep(named, bucket, seat.place, state);
        return spending;
      }
      const buckets = bucket.startsWith(ANONYMOUS_PREFIX) ? anonymous : named;
      const known = buckets.get(bucket);
      if (known === undefined) sweep(buckets, nowMs);
      const isFull = known === undefined && buckets === anonymous && anonymous.size >= maxAnonymous;
      const name = isFull ? OVERFLOW : bucket;
      const before = isFull ? anonymous.get(OVERFLOW) : known;
      const { spending, state } = spend(before, limits, cost, nowMs);
      if (!spending.allowed || cost === 0) return spending;
      const place = keep(buckets, name, before, state);
      if (seat) seat.place = place;
      return spending;
    },
    giveBack: (bucket, cost) => {
      const place = (bucket.startsWith(ANONYMOUS_PREFIX) ? anonymous : named).get(bucket);
      if (place) place.used = Math.max(0, place.used - cost);
    },
    size: () => named.size + anonymous.size,
    close: async () => {
      for (const place of named.values()) place.isForgotten = true;
      named.clear();
      anonymous.clear();
    },
  };
}
