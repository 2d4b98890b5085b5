import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import { type Limits, type Spending, spend } from './decision.ts';
import type { Limiter } from './limiter.ts';
import { createMemoryLimiter } from './memory-limiter.ts';

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

/** Calls back once, when nothing came for so long, even from what has already arrived at the socket. */
function afterSilence(timeoutMs: number, onSilence: () => void): NodeJS.Timeout {
  // When the event loop was held up, timers run before the sockets are read: look there first.
  return setTimeout(() => setImmediate(onSilence), timeoutMs);
}

function byPolicy(policy: OutagePolicy, local: Limiter, clock: Clock): Limiter['spend'] {
  if (policy === 'local') return (bucket, limits, cost) => local.spend(bucket, limits, cost);
  if (policy === 'open') return (_bucket, limits) => spend(undefined, limits, 0, clock.nowMs()).spending;
  return () => {
    throw new Failure('unavailable', 'Limits cannot be counted right now. Try again.', { retryAfterSeconds: 1 });
  };
}

/** Every shared answer that is still awaited: settled by the store, or all at once when it is given up. */
class Awaited {
  readonly #giveUps = new Set<() => void>();
  readonly #timeoutMs: number;
  readonly #onLost: (cause: unknown) => void;

  constructor(timeoutMs: number, onLost: (cause: unknown) => void) {
    this.#timeoutMs = timeoutMs;
    this.#onLost = onLost;
  }

  /** The answer, or `instead` when the store is lost before it comes. */
  race(answer: Promise<Spending>, instead: () => Promise<Spending>): Promise<Spending> {
    return new Promise((resolve) => {
      const isFirst = () => {
        clearTimeout(timer);
        return this.#giveUps.delete(giveUp);
      };
      const giveUp = () => {
        if (isFirst()) resolve(instead());
      };
      const lost = (cause: unknown) => {
        if (this.#giveUps.has(giveUp)) this.#onLost(cause);
      };
      const timer = afterSilence(this.#timeoutMs, () => lost(new Error(`no answer within ${this.#timeoutMs} ms`)));
      this.#giveUps.add(giveUp);
      answer.then((spending) => isFirst() && resolve(spending), lost);
    });
  }

  giveUpAll(): void {
    for (const giveUp of [...this.#giveUps]) giveUp();
  }
}

/** Whether the store counts again, within the time that a call would give it. Never rejects. */
function probe(shared: Limiter, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = afterSilence(timeoutMs, () => resolve(false));
    const settle = (isWell: boolean) => {
      clearTimeout(timer);
      resolve(isWell);
    };
    const spent = async () => shared.spend(PROBE_BUCKET, NO_LIMITS, 1);
    spent().then(
      () => settle(true),
      () => settle(false),
    );
  });
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
  let probes: NodeJS.Timeout | undefined;

  const turn = (isDegraded: boolean, cause: unknown) => {
    if (closed || degraded === isDegraded) return;
    degraded = isDegraded;
    clearInterval(probes);
    if (degraded) probes = setInterval(ask, options.probeIntervalMs ?? PROBE_INTERVAL_MS).unref();
    for (const listener of listeners) listener(degraded, cause);
  };
  const ask = () => void probe(shared, timeoutMs).then((isWell) => isWell && turn(false, undefined));
  const lose = (cause: unknown) => {
    turn(true, cause);
    awaited.giveUpAll();
  };
  const awaited = new Awaited(timeoutMs, lose);

  return {
    get degraded() {
      return degraded;
    },
    onDegraded: (listener) => listeners.push(listener),
    spend: (bucket, limits, cost) => {
      if (degraded || closed) return instead(bucket, limits, cost);
      const answer = shared.spend(bucket, limits, cost);
      return answer instanceof Promise ? awaited.race(answer, async () => instead(bucket, limits, cost)) : answer;
    },
    close: async () => {
      closed = true;
      clearInterval(probes);
      awaited.giveUpAll();
      await Promise.all([shared.close(), local.close()]);
    },
  };
}
