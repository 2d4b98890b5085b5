/** How often a credential may call; null means without bound. */
export interface Limits {
  perHour: number | null;
  perSecond: number | null;
}

/** What is remembered of one bucket. It says nothing of limits, so that editing a limit keeps the count. */
export interface BucketState {
  /** When the hour's window opened: the bucket's first request. Its end never moves. */
  windowStartedAtMs: number;
  /** Spent in that window. */
  used: number;
  /** GCRA's theoretical arrival time, in milliseconds with fractions. */
  arrivalMs: number;
}

export type Policy = 'hour' | 'second';

/** The answer to one spending, and what a reply tells of it. */
export interface Spending {
  allowed: boolean;
  /** Which policy refused; null when none did. */
  refusedBy: Policy | null;
  limits: Limits;
  /** Left in the hour's window; null when the hour is without bound. */
  hourRemaining: number | null;
  /** When that window ends. */
  hourResetAtMs: number;
  /** Whole requests that could follow at once. */
  secondRemaining: number | null;
  /** How long to wait, when refused; 0 when allowed. */
  retryAfterMs: number;
}

export const HOUR_MS = 3_600_000;
const SECOND_MS = 1000;

/** The bucket as it stands now: a window that has ended begins anew. */
export function currentState(state: BucketState | undefined, nowMs: number): BucketState {
  if (state === undefined) return { windowStartedAtMs: nowMs, used: 0, arrivalMs: nowMs };
  const age = nowMs - state.windowStartedAtMs;
  // A clock set back must not keep a window open for ever, nor open a new one on every request.
  const isOver = age >= HOUR_MS || age < -HOUR_MS;
  const latestArrivalMs = nowMs + SECOND_MS;
  return {
    windowStartedAtMs: isOver ? nowMs : state.windowStartedAtMs,
    used: isOver ? 0 : state.used,
    arrivalMs: Math.min(Math.max(state.arrivalMs, nowMs), latestArrivalMs),
  };
}

interface Room {
  hour: number;
  second: number;
}

/** How many requests of cost 1 fit, by each policy. */
function roomIn(state: BucketState, { perHour, perSecond }: Limits, nowMs: number): Room {
  const hour = perHour === null ? Number.POSITIVE_INFINITY : Math.max(0, perHour - state.used);
  if (perSecond === null) return { hour, second: Number.POSITIVE_INFINITY };
  const aheadMs = nowMs + SECOND_MS - state.arrivalMs;
  return { hour, second: Math.max(0, Math.floor((aheadMs * perSecond) / SECOND_MS + 1e-6)) };
}

function retryAfter(state: BucketState, limits: Limits, cost: number, room: Room, nowMs: number): number {
  if (room.hour < cost) return Math.max(1, state.windowStartedAtMs + HOUR_MS - nowMs);
  const perSecond = limits.perSecond ?? 1;
  // More at once than a second holds never fits; the next moment at which the bucket is empty is the honest answer.
  const fitting = Math.min(cost, perSecond);
  return Math.max(1, Math.ceil(state.arrivalMs + (fitting * SECOND_MS) / perSecond - (nowMs + SECOND_MS)));
}

function describe(state: BucketState, limits: Limits, cost: number, nowMs: number, room: Room): Spending {
  const refusedBy = room.hour < cost ? 'hour' : room.second < cost ? 'second' : null;
  const spent = refusedBy === null ? cost : 0;
  return {
    allowed: refusedBy === null,
    refusedBy,
    limits,
    hourRemaining: limits.perHour === null ? null : room.hour - spent,
    hourResetAtMs: state.windowStartedAtMs + HOUR_MS,
    secondRemaining: limits.perSecond === null ? null : room.second - spent,
    retryAfterMs: refusedBy === null ? 0 : retryAfter(state, limits, cost, room, nowMs),
  };
}

/**
 * Spends `cost` from a bucket: all of it under both policies, or nothing. Pure: returns the answer and the state to keep.
 * Hour: a fixed window from the first request. Second: GCRA with a burst of one second's worth. Cost 0 only looks.
 */
export function spend(
  before: BucketState | undefined,
  limits: Limits,
  cost: number,
  nowMs: number,
): { spending: Spending; state: BucketState } {
  const state = currentState(before, nowMs);
  const spending = describe(state, limits, cost, nowMs, roomIn(state, limits, nowMs));
  if (spending.allowed && cost > 0) {
    state.used += cost;
    if (limits.perSecond !== null) state.arrivalMs += (cost * SECOND_MS) / limits.perSecond;
  }
  return { spending, state };
}
