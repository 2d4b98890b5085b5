import type { Clock } from '../clock.ts';
import type { Database, Tx } from '../database/index.ts';
import type { Change } from './change.ts';
import { NumberLine } from './number-line.ts';
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
const GAPS_BEFORE_START = 200;
const RETENTION_MS = 3_600_000;

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
    const { highest } = numbers;
    const gaps = numbers.openGaps(startedMs);
    let after = (gaps[0]?.from ?? highest + 1) - 1;
    try {
      let rows: NumberedChange[];
      do {
        rows = await readChanges(database.read, { after, highest, gaps, limit: PAGE });
        for (const row of rows) tell(row.seq, row);
        after = rows.at(-1)?.seq ?? after;
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
      numbers.begin(await newestNumbers(database.read, GAPS_BEFORE_START), GAPS_BEFORE_START, clock.nowMs());
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
