/** How often a credential may call, in whole requests; null means without bound. */
export interface Limits {
  perHour: number | null;
  perSecond: number | null;
}

/**
 * What is remembered of one bucket. It says nothing of limits, so that editing a limit keeps the count. Whole numbers
 * only: fractions of milliseconds since the epoch would lose a request of every second's burst to rounding.
 */
export interface BucketState {
  /** When the hour's window opened: the bucket's first request. Its end never moves. */
  windowStartedAtMs: number;
  /** Spent in that window. */
  used: number;
  /** GCRA's theoretical arrival time, in nanoseconds since the window opened. */
  arrivalNs: number;
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
export const NS_PER_MS = 1_000_000;
const SECOND_NS = 1_000_000_000;
/** By how much the clocks of processes that share a bucket may differ, or a clock be set back, without a fresh burst. */
const CLOCK_TOLERANCE_NS = 10 * SECOND_NS;
/** An arrival further ahead than this was written under a clock that has been set back since. */
export const LATEST_ARRIVAL_NS = SECOND_NS + CLOCK_TOLERANCE_NS;

/** GCRA's numbers: one request takes `intervalNs`, and `capacityNs` of them may be taken ahead of time. */
export function paceOf(perSecond: number): { intervalNs: number; capacityNs: number } {
  const intervalNs = Math.max(1, Math.floor(SECOND_NS / Math.max(1, perSecond)));
  return { intervalNs, capacityNs: perSecond * intervalNs };
}

const elapsedNs = (windowStartedAtMs: number, nowMs: number): number => (nowMs - windowStartedAtMs) * NS_PER_MS;

/** The bucket as it stands now: a window that has ended begins anew. */
export function currentState(state: BucketState | undefined, nowMs: number): BucketState {
  if (state === undefined) return { windowStartedAtMs: nowMs, used: 0, arrivalNs: 0 };
  const age = nowMs - state.windowStartedAtMs;
  // A clock set back must not keep a window open for ever, nor open a new one on every request.
  const isOver = age >= HOUR_MS || age < -HOUR_MS;
  const windowStartedAtMs = isOver ? nowMs : state.windowStartedAtMs;
  const arrivalNs = state.arrivalNs + (state.windowStartedAtMs - windowStartedAtMs) * NS_PER_MS;
  const elapsed = elapsedNs(windowStartedAtMs, nowMs);
  const isIdle = arrivalNs < elapsed || arrivalNs - elapsed > LATEST_ARRIVAL_NS;
  return { windowStartedAtMs, used: isOver ? 0 : state.used, arrivalNs: isIdle ? elapsed : arrivalNs };
}

/** Whether nothing would be lost by forgetting the bucket. */
export function isForgettable(state: BucketState, nowMs: number): boolean {
  const { windowStartedAtMs, used, arrivalNs } = currentState(state, nowMs);
  return used === 0 && arrivalNs <= elapsedNs(windowStartedAtMs, nowMs);
}

interface Room {
  hour: number;
  second: number;
}

/** How many requests of cost 1 fit into a current state, by each policy. */
function roomIn(state: BucketState, { perHour, perSecond }: Limits, nowMs: number): Room {
  const hour = perHour === null ? Number.POSITIVE_INFINITY : Math.max(0, perHour - state.used);
  if (perSecond === null) return { hour, second: Number.POSITIVE_INFINITY };
  const { intervalNs, capacityNs } = paceOf(perSecond);
  const aheadNs = elapsedNs(state.windowStartedAtMs, nowMs) + capacityNs - state.arrivalNs;
  return { hour, second: Math.max(0, Math.floor(aheadNs / intervalNs)) };
}

/** How many requests of that cost a current state would grant. */
export function grantable(state: BucketState, limits: Limits, cost: number, nowMs: number): number {
  const { hour, second } = roomIn(state, limits, nowMs);
  return Math.floor(Math.min(hour, second) / cost);
}

/** The state after so many requests of that cost were granted, or taken back when negative. */
export function charged(state: BucketState, { perSecond }: Limits, cost: number, requests: number): BucketState {
  const spent = cost * requests;
  const arrivalNs = state.arrivalNs + (perSecond === null ? 0 : spent * paceOf(perSecond).intervalNs);
  return { windowStartedAtMs: state.windowStartedAtMs, used: state.used + spent, arrivalNs };
}

function retryAfterMs(state: BucketState, limits: Limits, cost: number, room: Room, nowMs: number): number {
  if (room.hour < cost) return Math.max(1, state.windowStartedAtMs + HOUR_MS - nowMs);
  const perSecond = limits.perSecond ?? 0;
  const { intervalNs, capacityNs } = paceOf(perSecond);
  // More at once than a second holds never fits; the next moment at which the bucket is empty is the honest answer.
  const fitting = Math.min(cost, Math.max(1, perSecond));
  const waitNs = state.arrivalNs + fitting * intervalNs - capacityNs - elapsedNs(state.windowStartedAtMs, nowMs);
  return Math.max(1, Math.ceil(waitNs / NS_PER_MS));
}

/** What to tell of a decision, by the current state after it. */
export function describe(state: BucketState, limits: Limits, cost: number, allowed: boolean, nowMs: number): Spending {
  const room = roomIn(state, limits, nowMs);
  const refusedBy = allowed ? null : room.hour < cost ? 'hour' : 'second';
  return {
    allowed,
    refusedBy,
    limits,
    hourRemaining: limits.perHour === null ? null : room.hour,
    hourResetAtMs: state.windowStartedAtMs + HOUR_MS,
    secondRemaining: limits.perSecond === null ? null : room.second,
    retryAfterMs: allowed ? 0 : retryAfterMs(state, limits, cost, room, nowMs),
  };
}

/**
 * Spends `cost` from a bucket: all of it under both policies, or nothing. Pure: returns the answer and the state to
 * keep if something was spent. Hour: a fixed window from the first request. Second: GCRA with a burst of one second's
 * worth. Cost 0 only looks.
 */
export function spend(
  before: BucketState | undefined,
  limits: Limits,
  cost: number,
  nowMs: number,
): { spending: Spending; state: BucketState } {
  const current = currentState(before, nowMs);
  const allowed = cost === 0 || grantable(current, limits, cost, nowMs) >= 1;
  const state = allowed ? charged(current, limits, cost, 1) : current;
  return { spending: describe(state, limits, cost, allowed, nowMs), state };
}
