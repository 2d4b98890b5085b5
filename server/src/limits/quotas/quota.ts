/** What a bucket may spend in each calendar period (UTC), or in its whole life. */
export interface Quota {
  limit: number;
  period: QuotaPeriod;
}

export const QUOTA_PERIODS = ['hour', 'day', 'month', 'total'] as const;
export type QuotaPeriod = (typeof QUOTA_PERIODS)[number];

/** The answer to one spending. */
export interface QuotaSpending {
  allowed: boolean;
  limit: number;
  /** Left in the period, as far as this process knows: others may have spent since it last asked. */
  remaining: number;
  /** When the period ends; null when it never does. */
  resetAtMs: number | null;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

function monthStart(timeMs: number, monthsLater: number): number {
  const date = new Date(timeMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + monthsLater, 1);
}

/** The period that a moment is in; `end` null when it never ends. */
export function periodAt(period: QuotaPeriod, nowMs: number): { startMs: number; endMs: number | null } {
  if (period === 'total') return { startMs: 0, endMs: null };
  if (period === 'month') return { startMs: monthStart(nowMs, 0), endMs: monthStart(nowMs, 1) };
  const lengthMs = period === 'hour' ? HOUR_MS : DAY_MS;
  const startMs = Math.floor(nowMs / lengthMs) * lengthMs;
  return { startMs, endMs: startMs + lengthMs };
}

/** The most that a process takes at once beyond what its requests need, and so the most that its death can lose. */
export const MAX_BLOCK = 1000;
const BLOCKS_LEFT = 50;

/**
 * How much to reserve: what the waiting requests want and a part of what remains, ever smaller towards the end. `need`
 * is the least that is of use, and not more than `remaining`.
 */
export function blockSize({ need, wanted, remaining }: { need: number; wanted: number; remaining: number }): number {
  const comfortable = Math.min(MAX_BLOCK, wanted + Math.floor(remaining / BLOCKS_LEFT));
  return Math.min(remaining, Math.max(need, comfortable));
}
