import { addressGroup } from '../address.ts';
import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import {
  ANONYMOUS_PREFIX,
  type BucketSeat,
  type Limiter,
  type Limits,
  limitHeaders,
  type PlanTable,
  planNamed,
  type Quota,
  type QuotaSpending,
  type Quotas,
  type Spending,
} from '../limits/index.ts';

/** Whoever spends: a key, or a token for its user or application. */
export interface Spendable extends BucketSeat {
  readonly limits: Limits;
  readonly limitBucket: string;
  readonly quota: Quota | null;
  readonly quotaBucket: string;
  /** Spends beside it: what many together may at most. */
  readonly cap?: Spendable;
}

/** What one use of a credential spent, or why it could not. */
export interface CredentialSpending {
  refusedBy: 'quota' | 'limit' | null;
  limit: Spending | null;
  quota: QuotaSpending | null;
}

/** Spends what a request costs: a credential's limits and quota all or nothing, an address's when there is no valid one. */
export interface Spender {
  spendCredential(record: Spendable, cost: number): CredentialSpending | Promise<CredentialSpending>;
  spendAddress(address: string): Spending | Promise<Spending>;
  /** What checking keys with slow hashes costs a credential that checks keys for others. */
  spendSlowCheck(credentialId: string): Spending | Promise<Spending>;
}

export interface SpenderOptions {
  limiter: Limiter;
  quotas: Quotas;
  plans(): PlanTable;
}

/** Goes on at once with what is here already, later with what is not. */
export function andThen<T, R>(value: T | Promise<T>, next: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** First uses of imported keys: enough for a migration, too few to keep the processor busy. */
const SLOW_CHECKS: Limits = { perHour: 10_000, perSecond: 5 };

export function createSpender({ limiter, quotas, plans }: SpenderOptions): Spender {
  /** Its own bucket, then the one that it shares; what its own gave goes back when the shared one refuses. */
  const spendBuckets = (record: Spendable, cost: number): Spending | Promise<Spending> =>
    andThen(limiter.spend(record.limitBucket, record.limits, cost, record), (own) => {
      const { cap } = record;
      if (cap === undefined || !own.allowed) return own;
      return andThen(limiter.spend(cap.limitBucket, cap.limits, cost, cap), (shared) => {
        if (shared.allowed) return own;
        return andThen(limiter.giveBack(record.limitBucket, cost), () => shared);
      });
    });

  const spendLimit = (
    record: Spendable,
    cost: number,
    quota: QuotaSpending | null,
  ): CredentialSpending | Promise<CredentialSpending> =>
    andThen(
      spendBuckets(record, cost),
      (limit): CredentialSpending => ({ refusedBy: limit.allowed ? null : 'limit', limit, quota }),
    );

  /** What the quota gave goes back when the limits refuse, and when they cannot be counted. */
  const spendGranted = async (record: Spendable, cost: number, quota: QuotaSpending): Promise<CredentialSpending> => {
    let isSpent = false;
    try {
      const spending = await spendLimit(record, cost, quota);
      isSpent = spending.refusedBy === null;
      return spending;
    } finally {
      if (!isSpent && record.quota !== null && cost > 0) quotas.refund(record.quotaBucket, record.quota, cost);
    }
  };

  /** The limits stay as they are, and the refusal tells of them all the same. */
  const refuseByQuota = (record: Spendable, quota: QuotaSpending): CredentialSpending | Promise<CredentialSpending> =>
    andThen(
      limiter.spend(record.limitBucket, record.limits, 0, record),
      (limit): CredentialSpending => ({ refusedBy: 'quota', limit, quota }),
    );

  return {
    spendCredential: (record, cost) => {
      if (record.quota === null) return spendLimit(record, cost, null);
      return andThen(quotas.spend(record.quotaBucket, record.quota, cost), (quota) =>
        quota.allowed ? spendGranted(record, cost, quota) : refuseByQuota(record, quota),
      );
    },
    spendSlowCheck: (credentialId) => limiter.spend(`slow:${credentialId}`, SLOW_CHECKS, 1),
    spendAddress: (address) => {
      const { nobody } = planNamed(plans(), null).limits;
      return limiter.spend(ANONYMOUS_PREFIX + addressGroup(address), nobody, 1);
    },
  };
}

const seconds = (ms: number) => Math.max(1, Math.ceil(ms / 1000));

/** A quota for a whole life ends only by the operator's hand: whoever asks again each hour learns of that in time. */
const NO_RESET_SECONDS = 3600;

/** How long a refused caller should wait; null when nothing was refused. */
export function retryAfterSeconds({ refusedBy, limit, quota }: CredentialSpending, clock: Clock): number | null {
  if (refusedBy === null) return null;
  if (refusedBy === 'limit') return seconds(limit?.retryAfterMs ?? 0);
  const resetAtMs = quota?.resetAtMs ?? null;
  return resetAtMs === null ? NO_RESET_SECONDS : seconds(resetAtMs - clock.nowMs());
}

/** The refusal of a spending that did not fit; nothing when it did. */
export function refuseOverspent(spending: CredentialSpending, clock: Clock): void {
  const { refusedBy, limit, quota } = spending;
  if (refusedBy === 'quota') {
    throw new Failure('quota_exceeded', `The quota of ${quota?.limit} is used up.`, {
      retryAfterSeconds: retryAfterSeconds(spending, clock) ?? NO_RESET_SECONDS,
      headers: limit ? limitHeaders(limit, clock.nowMs()) : {},
    });
  }
  if (refusedBy === 'limit' && limit) throw limitExceeded(limit, clock);
}

export function limitExceeded(limit: Spending, clock: Clock): Failure {
  const { perHour, perSecond } = limit.limits;
  const named = limit.refusedBy === 'hour' ? `${perHour} requests an hour` : `${perSecond} requests a second`;
  return new Failure('rate_limit_exceeded', `The limit of ${named} is reached.`, {
    retryAfterSeconds: seconds(limit.retryAfterMs),
    headers: limitHeaders(limit, clock.nowMs()),
  });
}

/** Throws when a spending did not fit. */
export function refuseSpending(spending: Spending, clock: Clock): void {
  if (!spending.allowed) throw limitExceeded(spending, clock);
}
