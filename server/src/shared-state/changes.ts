import type { Clock } from '../clock.ts';
import type { Database, Tx } from '../database/index.ts';
import type { Change } from './change.ts';
import { NumberLine } from './number-line.ts';
import {
  deleteChangesBefore,
  insertChange,
  type NumberedChange,
  newestNumbers,
  numberBounds,
  readChanges,
  type Unread,
} from './store.ts';

/** The one way to tell the others: rows written with the mutation, read by every process. */
export interface Changes {
  /** Joins the caller's transaction. This process hears of it before the write resolves, others within a poll. */
  record(tx: Tx, change: Change): Promise<void>;
  onChange(listener: (change: Change) => void): void;
  /**
   * Hears that changes may have been missed: whoever remembers anything must forget it or read it again. Also told
   * once at the start, for what was read before this process listened.
   */
  onLost(listener: () => void | Promise<void>): void;
  /** Nothing is heard any more; the database is about to close. */
  isStopped(): boolean;
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
/** Who has heard nothing for longer may have missed rows that are pruned already. */
const LONGEST_SILENCE_MS = RETENTION_MS / 2;

/** Reads page by page what is unread. */
async function readUnread(
  database: Database,
  { highest, gaps }: Pick<Unread, 'highest' | 'gaps'>,
  tell: (row: NumberedChange) => void,
): Promise<void> {
  let after = (gaps[0]?.from ?? highest + 1) - 1;
  let rows: NumberedChange[];
  do {
    rows = await readChanges(database.read, { after, highest, gaps, limit: PAGE });
    for (const row of rows) tell(row);
    after = rows.at(-1)?.seq ?? after;
  } while (rows.length === PAGE);
}

/** Runs again and again, with a pause before each; `stop` waits for the one under way. */
function repeat(pauseMs: number, run: () => Promise<void>): { stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const schedule = () => {
    timer = setTimeout(() => {
      running = run().then(() => {
        if (timer) schedule();
      });
    }, pauseMs);
  };
  schedule();
  return {
    stop: async () => {
      clearTimeout(timer);
      timer = undefined;
      await running;
    },
  };
}

export function createChanges(options: ChangesOptions): Changes {
  const { database, clock, maxStaleMs } = options;
  const listeners: ((change: Change) => void)[] = [];
  const lostListeners: (() => void | Promise<void>)[] = [];
  const numbers = new NumberLine();
  let freshAtMs = Number.NEGATIVE_INFINITY;
  let polls: { stop(): Promise<void> } | undefined;
  let stopped = false;

  const tell = ({ seq, kind, ref }: NumberedChange) => {
    if (numbers.take(seq, clock.nowMs())) for (const listener of listeners) listener({ kind, ref });
  };

  const tellLost = async () => {
    await Promise.all(lostListeners.map(async (listener) => listener())).catch(options.onError);
  };

  /** Begins at the newest row there is. What comes before it is not told one by one: all of it counts as lost. */
  const begin = async () => {
    const startedMs = clock.nowMs();
    numbers.begin(await newestNumbers(database.read, GAPS_BEFORE_START), GAPS_BEFORE_START, startedMs);
    const told = tellLost();
    freshAtMs = startedMs;
    await told;
  };

  const poll = async () => {
    const startedMs = clock.nowMs();
    const { highest, givenUp } = numbers;
    const gaps = numbers.openGaps(startedMs);
    if (numbers.givenUp > givenUp) void tellLost();
    try {
      const bounds = await numberBounds(database.read);
      // Lower numbers than those heard: a failover, or a restored copy.
      const isBehind = bounds.highest !== null && bounds.highest < highest;
      if (isBehind || startedMs - freshAtMs > LONGEST_SILENCE_MS) return await begin();
      // What followed is pruned, or rolled back, or not committed yet: then it is told when it comes.
      if (bounds.lowest !== null && bounds.lowest > highest + 1) void tellLost();
      await readUnread(database, { highest, gaps }, tell);
      freshAtMs = startedMs;
    } catch (error) {
      options.onError(error);
    }
  };

  return {
    record: async (tx, change) => {
      const seq = await insertChange(tx, change, clock.nowMs());
      tx.afterCommit(() => tell({ ...change, seq }));
    },
    onChange: (listener) => listeners.push(listener),
    onLost: (listener) => lostListeners.push(listener),
    isStopped: () => stopped,
    isFresh: () => Math.abs(clock.nowMs() - freshAtMs) <= maxStaleMs,
    start: async () => {
      await begin();
      polls = repeat(options.pollMs ?? POLL_MS, poll);
    },
    stop: async () => {
      stopped = true;
      await polls?.stop();
    },
    prune: () => database.write((tx) => deleteChangesBefore(tx, clock.nowMs() - RETENTION_MS)),
  };
}
