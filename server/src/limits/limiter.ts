import type { Limits, Spending } from './decision.ts';

/** Counts buckets exactly, under any concurrency and across the processes that share its memory. */
export interface Limiter {
  /** A promise only where the count is not in this process. */
  spend(bucket: string, limits: Limits, cost: number): Spending | Promise<Spending>;
  close(): Promise<void>;
}
