import type { Clock } from '../clock.ts';
import type { Database, Tx } from '../database/index.ts';
import type { Change } from './change.ts';
import { deleteChangesBefore, insertChange, type NumberedChange, newestNumbers, readChanges } from './store.ts';

/** The one way to tell the others: rows written with the mutation, read by every process. */
export interface Changes {
  /** Joins the caller's transaction. This process hears of it before the write resolves, others within a poll. */
  record(tx: Tx, change: Change): Promise<void>;
  onChange(listener: (change: Change) => void): void;
  /** Whether this process has heard everything up to `maxStaleMs` ago; a cache that may not have must not answer. */
  isFresh(): boolean;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Drops rows that every process has long read. */
  prune(): Promise<void>;
}

export interface ChangesOptions {
  database: Database;
  clock: Clock;
  pollMs?: number;
  maxStaleMs: number;
  onError(error: unknown): void;
}

const POLL_MS = 100;
const PAGE = 1000;
/** Longer than any transaction may last (`database/postgres.ts`): after that a missing number was rolled back. */
const GAP_LIFETIME_MS = 10_000;
const GAPS_BEFORE_START = 200;
const RETENTION_MS = 3_600_000;

/**
 * Numbers are given out before commits, so a lower number can appear after a higher one. What is missing below the
 * highest seen is asked for again until no transaction can still hold it.
 */
class NumberLine {
  highest = 0;
  readonly #gaps = new Map<number, number>();

  begin(newest: readonly number[], nowMs: number): void {
    this.highest = newest[0] ?? 0;
    const seen = new Set(newest);
    const first = Math.max(1, this.highest - GAPS_BEFORE_START);
    for (let seq = first; seq < this.highest; seq += 1) if (!seen.has(seq)) this.#gaps.set(seq, nowMs);
  }

  /** False when this number was taken in before. */
  take(seq: number, nowMs: number): boolean {
    if (seq <= this.highest) return this.#gaps.delete(seq);
    for (let missing = Math.max(this.highest + 1, seq - PAGE); missing < seq; missing += 1) {
      this.#gaps.set(missing, nowMs);
    }
    this.highest = seq;
    return true;
  }

  openGaps(nowMs: number): number[] {
    for (const [seq, sinceMs] of this.#gaps) if (nowMs - sinceMs > GAP_LIFETIME_MS) this.#gaps.delete(seq);
    return [...this.#gaps.keys()];
  }
}

export function createChanges(options: ChangesOptions): Changes {
  const { database, clock, maxStaleMs } = options;
  const listeners: ((change: Change) => void)[] = [];
  const numbers = new NumberLine();
  let freshAtMs = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let polling: Promise<void> = Promise.resolve();

  const tell = (seq: number, { kind, ref }: Change) => {
    if (numbers.take(seq, clock.nowMs())) for (const listener of listeners) listener({ kind, ref });
  };

  const poll = async () => {
    const startedMs = clock.nowMs();
    try {
      let rows: NumberedChange[];
      do {
        rows = await readChanges(database.read, numbers.highest, numbers.openGaps(startedMs), PAGE);
        for (const row of rows) tell(row.seq, row);
      } while (rows.length === PAGE);
      freshAtMs = startedMs;
    } catch (error) {
      options.onError(error);
    }
  };

  const schedule = () => {
    timer = setTimeout(() => {
      polling = poll().then(() => {
        if (timer) schedule();
      });
    }, options.pollMs ?? POLL_MS);
  };

  return {
    record: async (tx, change) => {
      const seq = await insertChange(tx, change, clock.nowMs());
      tx.afterCommit(() => tell(seq, change));
    },
    onChange: (listener) => listeners.push(listener),
    isFresh: () => Math.abs(clock.nowMs() - freshAtMs) <= maxStaleMs,
    start: async () => {
      numbers.begin(await newestNumbers(database.read, GAPS_BEFORE_START), clock.nowMs());
      freshAtMs = clock.nowMs();
      schedule();
    },
    stop: async () => {
      clearTimeout(timer);
      timer = undefined;
      await polling;
    },
    prune: () => database.write((tx) => deleteChangesBefore(tx, clock.nowMs() - RETENTION_MS)),
  };
}
