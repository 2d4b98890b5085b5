import { crc32 } from '@latchkey/protocol';
import type { Clock } from '../clock.ts';
import { BucketSlots } from './bucket-slots.ts';
import { isForgettable, type Limits, spend } from './decision.ts';
import type { BucketSeat, Limiter } from './limiter.ts';

export interface MemoryLimiterOptions {
  clock: Clock;
  /** Buckets of callers without a credential, of which there may be any number. */
  maxAnonymous?: number;
}

/** Buckets whose name begins so are made by anyone who sends a request; the others only by valid credentials. */
export const ANONYMOUS_PREFIX = 'ip:';

const MAX_ANONYMOUS = 100_000;
/** How many buckets newcomers of one kind share when every place is taken. */
export const SHARED_BUCKETS = 256;
/** What is guessed at: named by us, and never by who calls. */
const GUESS = /^ip:guess:([a-z_-]+):/;

/**
 * The bucket that a newcomer shares when every place is taken: with few others, and with nothing of another kind. So calls
 * that cost their maker nothing do not use up what is left for passwords.
 */
function sharedBucket(bucket: string): string {
  const [, kind = 'others'] = GUESS.exec(bucket) ?? [];
  return `${ANONYMOUS_PREFIX}overflow:${kind}:${crc32(bucket) % SHARED_BUCKETS}`;
}

const SWEEP_STEP = 4;

/** Slots by name. */
type Buckets = Map<string, number>;

/** Looks at the next few buckets in turn, so that no request pays for all. */
function createSweep(slots: BucketSlots): (buckets: Buckets, nowMs: number) => void {
  const turns = new Map<Buckets, IterableIterator<[string, number]>>();
  return (buckets, nowMs) => {
    let turn = turns.get(buckets);
    for (let step = 0; step < SWEEP_STEP; step += 1) {
      const next = turn?.next();
      if (next === undefined || next.done) {
        turn = buckets.entries();
        turns.set(buckets, turn);
        continue;
      }
      const [name, slot] = next.value;
      if (!isForgettable(slots.read(slot), nowMs)) continue;
      buckets.delete(name);
      slots.release(slot);
    }
  };
}

function sit(slots: BucketSlots, seat: BucketSeat, slot: number): void {
  seat.slot = slot;
  seat.turn = slots.turnOf(slot);
}

/**
 * Counts in this process. Memory is bounded under a flood of addresses without forgetting a live bucket: ended windows
 * are swept a few at a time, and when every place is taken newcomers share some until others have ended.
 */
export function createMemoryLimiter({ clock, maxAnonymous = MAX_ANONYMOUS }: MemoryLimiterOptions): Limiter & {
  size(): number;
} {
  const slots = new BucketSlots();
  const named: Buckets = new Map();
  const anonymous: Buckets = new Map();
  const sweep = createSweep(slots);
  const bucketsOf = (bucket: string) => (bucket.startsWith(ANONYMOUS_PREFIX) ? anonymous : named);

  const spendFrom = (slot: number, limits: Limits, cost: number, nowMs: number) => {
    const { spending, state } = spend(slots.read(slot), limits, cost, nowMs);
    if (spending.allowed && cost > 0) slots.write(slot, state);
    return spending;
  };

  /** Nothing is kept of a refusal, nor of a look. */
  const spendFirst = (name: string, limits: Limits, cost: number, nowMs: number, seat?: BucketSeat) => {
    const { spending, state } = spend(undefined, limits, cost, nowMs);
    if (!spending.allowed || cost === 0) return spending;
    const slot = slots.take();
    slots.write(slot, state);
    bucketsOf(name).set(name, slot);
    if (seat) sit(slots, seat, slot);
    return spending;
  };

  return {
    spend: (bucket, limits, cost, seat) => {
      const nowMs = clock.nowMs();
      if (seat && seat.slot >= 0 && slots.turnOf(seat.slot) === seat.turn) {
        return spendFrom(seat.slot, limits, cost, nowMs);
      }
      const buckets = bucketsOf(bucket);
      const known = buckets.get(bucket);
      if (known !== undefined) {
        if (seat) sit(slots, seat, known);
        return spendFrom(known, limits, cost, nowMs);
      }
      sweep(buckets, nowMs);
      if (buckets === named || anonymous.size < maxAnonymous) return spendFirst(bucket, limits, cost, nowMs, seat);
      const name = sharedBucket(bucket);
      const shared = anonymous.get(name);
      return shared === undefined ? spendFirst(name, limits, cost, nowMs) : spendFrom(shared, limits, cost, nowMs);
    },
    giveBack: (bucket, cost) => {
      const buckets = bucketsOf(bucket);
      // What found no place of its own was counted where all newcomers are.
      const slot = buckets.get(bucket) ?? (buckets === anonymous ? anonymous.get(sharedBucket(bucket)) : undefined);
      if (slot === undefined) return;
      const state = slots.read(slot);
      slots.write(slot, { ...state, used: Math.max(0, state.used - cost) });
    },
    size: () => named.size + anonymous.size,
    close: async () => {
      for (const buckets of [named, anonymous]) {
        for (const slot of buckets.values()) slots.release(slot);
        buckets.clear();
      }
    },
  };
}
