import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import { type Limits, spend } from './decision.ts';
import type { Limiter } from './limiter.ts';
import { createMemoryLimiter } from './memory-limiter.ts';
import { Patience } from './patience.ts';

/** What a lost shared store means for a call: it passes, it is refused with 503, or this process counts alone. */
export const OUTAGE_POLICIES = ['open', 'closed', 'local'] as const;
export type OutagePolicy = (typeof OUTAGE_POLICIES)[number];

export interface ResilientLimiterOptions {
  shared: Limiter;
  clock: Clock;
  policy?: OutagePolicy;
  /** Counts during an outage under `local`. Kept over outages, so that a flapping store gives nothing away. */
  local?: Limiter;
  /** How long the shared store may take for an answer. */
  timeoutMs?: number;
  probeIntervalMs?: number;
}

/** Hears of each change, with what caused it. */
export type DegradedListener = (degraded: boolean, cause: unknown) => void;

export interface ResilientLimiter extends Limiter {
  /** Whether the shared store is lost at the moment. */
  readonly degraded: boolean;
  onDegraded(listener: DegradedListener): void;
}

const TIMEOUT_MS = 80;
const PROBE_INTERVAL_MS = 500;
/** A probe spends, so that a store that reads but cannot write is not taken for well. */
const PROBE_BUCKET = 'probe';
const NO_LIMITS: Limits = { perHour: null, perSecond: null };

function byPolicy(policy: OutagePolicy, local: Limiter, clock: Clock): Limiter['spend'] {
  if (policy === 'local') return (bucket, limits, cost, seat) => local.spend(bucket, limits, cost, seat);
  if (policy === 'open') return (_bucket, limits) => spend(undefined, limits, 0, clock.nowMs()).spending;
  return () => {
    throw new Failure('unavailable', 'Limits cannot be counted right now. Try again.', { retryAfterSeconds: 1 });
  };
}

/** Whether the store counts again. Never rejects. */
async function probe(shared: Limiter): Promise<boolean> {
  try {
    await shared.spend(PROBE_BUCKET, NO_LIMITS, 1);
    return true;
  } catch {
    return false;
  }
}

/**
 * A shared limiter that is never waited for longer than a moment. When its store fails or is silent, calls are answered
 * by the policy at once, those under way included; the store is asked again by a probe alone, until it counts.
 */
export function createResilientLimiter(options: ResilientLimiterOptions): ResilientLimiter {
  const { shared, clock, policy = 'local', timeoutMs = TIMEOUT_MS } = options;
  const local = options.local ?? createMemoryLimiter({ clock });
  const instead = byPolicy(policy, local, clock);
  const listeners: DegradedListener[] = [];
  let degraded = false;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const turn = (isDegraded: boolean, cause: unknown) => {
    if (closed || degraded === isDegraded) return;
    degraded = isDegraded;
    clearInterval(timer);
    if (degraded) timer = setInterval(ask, options.probeIntervalMs ?? PROBE_INTERVAL_MS).unref();
    for (const listener of listeners) listener(degraded, cause);
  };
  const ask = async () => {
    const isWell = await probes.race(probe(shared), async () => false);
    if (isWell) turn(false, undefined);
  };
  const calls = new Patience(timeoutMs, (cause) => turn(true, cause));
  const probes = new Patience(timeoutMs, () => {});

  return {
    get degraded() {
      return degraded;
    },
    onDegraded: (listener) => listeners.push(listener),
    spend: (bucket, limits, cost, seat) => {
      if (degraded || closed) return instead(bucket, limits, cost, seat);
      const answer = shared.spend(bucket, limits, cost);
      return answer instanceof Promise ? calls.race(answer, async () => instead(bucket, limits, cost, seat)) : answer;
    },
    giveBack: async (bucket, cost) => {
      await local.giveBack(bucket, cost);
      // Lost with the store, it stays spent: an hour later nobody knows.
      if (!degraded && !closed) await Promise.resolve(shared.giveBack(bucket, cost)).catch(() => {});
    },
    close: async () => {
      closed = true;
      clearInterval(timer);
      calls.giveUpAll();
      await Promise.all([shared.close(), local.close()]);
    },
  };
}
