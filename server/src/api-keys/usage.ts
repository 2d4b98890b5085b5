import type { Clock } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { markUsed } from './store.ts';

/** What is remembered of a key's use until it is written down, kept on its record: noting a use costs no look-up. */
export interface UsedKey {
  readonly id: string;
  /** Milliseconds since the last flush, while a use is noted: a small number lies in the record itself. */
  usedAfterMs: number;
  isUseNoted: boolean;
  /** What the listener to the door's decisions keeps of this key; nobody else looks at it. */
  activity: object | null;
}

/** Remembers which keys were used, and writes it down now and then: verification itself never writes. */
export interface KeyUsage {
  touch(key: UsedKey): void;
  flush(): Promise<void>;
}

/** A step is one short transaction: requests go on between two of them. */
const STEP = 200;

/** A difference of times as a whole number, which V8 keeps in the object itself; as it is when it is too large for one. */
function whole(differenceMs: number): number {
  const small = differenceMs | 0;
  return small === differenceMs ? small : differenceMs;
}

export function createKeyUsage(database: Database, clock: Clock): KeyUsage {
  let noted: UsedKey[] = [];
  let flushedAtMs = clock.nowMs();

  const note = (key: UsedKey, atMs: number) => {
    // What a flush could not write is older than what was noted since.
    const afterMs = whole(atMs - flushedAtMs);
    key.usedAfterMs = key.isUseNoted ? Math.max(key.usedAfterMs, afterMs) : afterMs;
    if (key.isUseNoted) return;
    key.isUseNoted = true;
    noted.push(key);
  };

  return {
    touch: (key) => note(key, clock.nowMs()),
    flush: async () => {
      // In one order everywhere, so that two processes flushing the same keys cannot deadlock.
      const batch = noted.sort((a, b) => (a.id < b.id ? -1 : 1));
      noted = [];
      const uses = batch.map((key) => {
        key.isUseNoted = false;
        return { key, atMs: flushedAtMs + key.usedAfterMs };
      });
      flushedAtMs = clock.nowMs();
      for (let from = 0; from < uses.length; from += STEP) {
        try {
          await database.write((tx) => markUsed(tx, latestOf(uses.slice(from, from + STEP))));
        } catch (error) {
          for (const { key, atMs } of uses.slice(from)) note(key, atMs);
          throw error;
        }
      }
    },
  };
}

/** A key whose record was read again meanwhile stands here twice, and a statement takes either of the two. */
function latestOf(uses: readonly { key: UsedKey; atMs: number }[]): Map<string, number> {
  const latest = new Map<string, number>();
  for (const { key, atMs } of uses) latest.set(key.id, Math.max(atMs, latest.get(key.id) ?? 0));
  return latest;
}
