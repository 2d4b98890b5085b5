import type { BucketState, Limits, Spending } from './decision.ts';

/** A bucket in this process's memory, until it is forgotten. */
export interface BucketPlace extends BucketState {
  isForgotten: boolean;
}

/** Kept by whoever spends from the same bucket again: a limiter that counts in memory saves the look-up by name. */
export interface BucketSeat {
  place: BucketPlace | null;
}

/** Counts buckets exactly, under any concurrency and across the processes that share its memory. */
export interface Limiter {
  /** A promise only where the count is not in this process. */
  spend(bucket: string, limits: Limits, cost: number, seat?: BucketSeat): Spending | Promise<Spending>;
  /** Takes back what turned out to cost nothing, from the hour's window alone. */
  giveBack(bucket: string, cost: number): void | Promise<void>;
  close(): Promise<void>;
}
