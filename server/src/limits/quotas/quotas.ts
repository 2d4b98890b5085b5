import { AsyncLocalStorage } from 'node:async_hooks';
import { type AccountDeps, QuotaAccount, type Returned } from './account.ts';
import { periodAt, QUOTA_PERIODS, type Quota, type QuotaSpending } from './quota.ts';
import { deletePeriods, giveBack } from './store.ts';

/** Quotas that survive a crash and never over-serve, in any number of processes. */
export interface Quotas {
  /** All of `cost` or nothing; 0 only looks. From memory while a reserved block lasts, else after one statement. */
  spend(bucket: string, quota: Quota, cost: number): QuotaSpending | Promise<QuotaSpending>;
  /** Undoes a spending whose request was refused for another reason. */
  refund(bucket: string, quota: Quota, cost: number): void;
  /** Gives unused units of idle buckets back, so that other processes can serve them; each process's job, every second. */
  giveBackIdle(): Promise<void>;
  /** Removes what is known of periods long over; a periodic job of one process. */
  prune(): Promise<void>;
  /** For a graceful stop, after the last request: gives everything back. */
  release(): Promise<void>;
}

export const IDLE_MS = 3000;
/** Longer than a clock is likely to be wrong: a count forgotten too early would be free units once it is set back. */
const KEPT_MS = 7 * 24 * 3_600_000;
const GIVE_BACK_STEP = 100;

/** `database` on disk before memory: units are reserved in blocks by statements that say whether they fit. */
export function createQuotas(deps: AccountDeps): Quotas {
  const { database, clock } = deps;
  const accounts = new Map<string, QuotaAccount>();
  // A reservation serves many requests; it must not join the transaction that the first of them is about to make.
  const apart = AsyncLocalStorage.snapshot();

  const giveAllBack = async (returned: readonly Returned[]) => {
    // In one order everywhere, so that two processes never wait for each other's rows.
    const ordered = returned.filter(({ units }) => units > 0).sort((a, b) => (a.bucket < b.bucket ? -1 : 1));
    for (let from = 0; from < ordered.length; from += GIVE_BACK_STEP) {
      const step = ordered.slice(from, from + GIVE_BACK_STEP);
      await database.write(async (tx) => {
        for (const usage of step) await giveBack(tx, usage, usage.units);
      });
    }
  };

  const close = async (isDone: (account: QuotaAccount) => boolean) => {
    const returned: Returned[] = [];
    for (const [bucket, account] of accounts) {
      if (!isDone(account)) continue;
      accounts.delete(bucket);
      returned.push(account.takeUnits());
    }
    await giveAllBack(returned);
  };

  return {
    spend: (bucket, quota, cost) => {
      let account = accounts.get(bucket);
      if (!account) {
        account = new QuotaAccount(deps, bucket, quota);
        accounts.set(bucket, account);
      }
      const known = account;
      return apart(() => known.spend(quota, cost));
    },
    refund: (bucket, quota, cost) => accounts.get(bucket)?.refund(quota, cost),
    giveBackIdle: () => close((account) => account.isIdle(IDLE_MS)),
    prune: async () => {
      const nowMs = clock.nowMs() - KEPT_MS;
      for (const period of QUOTA_PERIODS) {
        const { startMs } = periodAt(period, nowMs);
        if (period !== 'total') await database.write((tx) => deletePeriods(tx, period, startMs));
      }
    },
    release: async () => {
      await Promise.all([...accounts.values()].map(({ draining }) => draining));
      await close(({ draining }) => draining === undefined);
    },
  };
}
