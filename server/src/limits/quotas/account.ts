import type { Clock } from '../../clock.ts';
import type { Database } from '../../database/index.ts';
import { blockSize, periodAt, type Quota, type QuotaSpending } from './quota.ts';
import { giveBack, readReserved, reserveBlock, type Usage } from './store.ts';

export interface AccountDeps {
  database: Database;
  clock: Clock;
}

interface Waiting {
  quota: Quota;
  cost: number;
  resolve(spending: QuotaSpending): void;
  reject(error: unknown): void;
}

/** Units taken out of memory, on their way back to the database. */
export interface Returned extends Usage {
  units: number;
}

/** How long what the database last said is believed when it refuses: others may give units back. */
const BELIEVED_MS = 1000;

/**
 * One bucket in this process: units that the database has reserved for it, and the requests that wait for more. A unit
 * is in memory only after its reservation is on disk, so a crash can lose units but never serve one twice.
 */
export class QuotaAccount {
  readonly #deps: AccountDeps;
  readonly #bucket: string;
  #quota: Quota;
  #startMs: number;
  #units = 0;
  /** What all processes together had reserved when the database was last asked; undefined when it must be asked. */
  #reserved: number | undefined;
  #askedAtMs = 0;
  #servedAtMs: number;
  readonly #waiting: Waiting[] = [];
  /** Resolves when nobody waits; undefined when nobody does. */
  draining: Promise<void> | undefined;

  constructor(deps: AccountDeps, bucket: string, quota: Quota) {
    this.#deps = deps;
    this.#bucket = bucket;
    this.#quota = quota;
    this.#servedAtMs = deps.clock.nowMs();
    this.#startMs = periodAt(quota.period, this.#servedAtMs).startMs;
  }

  spend(quota: Quota, cost: number): QuotaSpending | Promise<QuotaSpending> {
    const known = this.draining ? undefined : this.#fromMemory(quota, cost);
    if (known) return known;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ quota, cost, resolve, reject });
      this.draining ??= this.#drain();
    });
  }

  /** Gives back what was spent a moment ago and not used; nothing when the period or the quota has changed since. */
  refund(quota: Quota, cost: number): void {
    if (this.#isFor(quota)) this.#units += cost;
  }

  /** Whether nothing was served for so long; a clock that was set back says so too. */
  isIdle(idleMs: number): boolean {
    return !this.draining && Math.abs(this.#deps.clock.nowMs() - this.#servedAtMs) >= idleMs;
  }

  /** Takes the unused units out of this process; whoever calls gives them back. */
  takeUnits(): Returned {
    const units = this.#units;
    this.#units = 0;
    this.#reserved = undefined;
    return { ...this.#usage(), units };
  }

  #usage(): Usage {
    return { bucket: this.#bucket, period: this.#quota.period, startMs: this.#startMs };
  }

  #isFor({ limit, period }: Quota): boolean {
    const { startMs } = periodAt(period, this.#deps.clock.nowMs());
    return limit === this.#quota.limit && period === this.#quota.period && startMs === this.#startMs;
  }

  /** What the database said, while it is fresh. */
  #believed(): number | undefined {
    const age = this.#deps.clock.nowMs() - this.#askedAtMs;
    return age >= 0 && age < BELIEVED_MS ? this.#reserved : undefined;
  }

  #learn(reserved: number | undefined): void {
    this.#reserved = reserved;
    this.#askedAtMs = this.#deps.clock.nowMs();
  }

  #answer(allowed: boolean): QuotaSpending {
    const { limit, period } = this.#quota;
    const remaining = Math.max(0, limit - (this.#reserved ?? 0) + this.#units);
    return { allowed, limit, remaining, resetAtMs: periodAt(period, this.#startMs).endMs };
  }

  /** The answer, when it takes no word from the database. */
  #fromMemory(quota: Quota, cost: number): QuotaSpending | undefined {
    if (!this.#isFor(quota)) return undefined;
    const reserved = this.#believed();
    if (cost === 0) return reserved === undefined ? undefined : this.#answer(true);
    if (this.#units >= cost) {
      this.#units -= cost;
      this.#servedAtMs = this.#deps.clock.nowMs();
      return this.#answer(true);
    }
    if (reserved === undefined || reserved + cost - this.#units <= quota.limit) return undefined;
    return this.#answer(false);
  }

  async #drain(): Promise<void> {
    try {
      for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
        const answer = this.#fromMemory(first.quota, first.cost);
        if (!answer) {
          await this.#ask(first);
          continue;
        }
        this.#waiting.shift();
        first.resolve(answer);
      }
    } catch (error) {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    }
    this.draining = undefined;
  }

  /** One step towards an answer for the first that waits. */
  async #ask(first: Waiting): Promise<void> {
    if (!this.#isFor(first.quota)) return this.#turnTo(first.quota);
    const { database } = this.#deps;
    const { limit } = first.quota;
    const usage = this.#usage();
    const need = first.cost - this.#units;
    // What was heard long ago is good enough to try with, not to refuse.
    const remaining = limit - (this.#reserved ?? limit);
    if (first.cost === 0 || need > remaining) return this.#learn(await readReserved(database.read, usage));
    const alike = this.#waiting.filter(({ quota }) => quota.limit === limit && quota.period === usage.period);
    const wanted = alike.reduce((sum, { cost }) => sum + cost, 0) - this.#units;
    const block = blockSize({ need, wanted, remaining });
    const reservedNow = await database.write((tx) => reserveBlock(tx, usage, block, limit));
    this.#learn(reservedNow);
    if (reservedNow !== undefined) this.#units += block;
  }

  /** Another period, or a limit that was edited: units reserved under the old one may be too many under the new. */
  async #turnTo(quota: Quota): Promise<void> {
    const returned = this.takeUnits();
    this.#quota = quota;
    this.#startMs = periodAt(quota.period, this.#deps.clock.nowMs()).startMs;
    if (returned.units > 0) await this.#deps.database.write((tx) => giveBack(tx, returned, returned.units));
  }
}
