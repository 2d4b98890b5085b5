import type { Limits, Spending } from './decision.ts';

/**
 * Kept by whoever spends from the same bucket again: a limiter that counts in memory saves the look-up by name. It is
 * `NO_SEAT` before, and no longer the bucket's when the slot has had another turn.
 */
export interface BucketSeat {
  slot: number;
  turn: number;
}

export const NO_SEAT: Readonly<BucketSeat> = { slot: -1, turn: 0 };

/** Counts buckets exactly, under any concurrency and across the processes that share its memory. */
export interface Limiter {
  /** A promise only where the count is not in this process. */
  spend(bucket: string, limits: Limits, cost: number, seat?: BucketSeat): Spending | Promise<Spending>;
  /** Takes back what turned out to cost nothing, from the hour's window alone. */
  giveBack(bucket: string, cost: number): void | Promise<void>;
  close(): Promise<void>;
}
