import type { Clock } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { createMarkUsed } from './store.ts';

/** Remembers which keys were used, and writes it down now and then: verification itself never writes. */
export interface KeyUsage {
  touch(id: string): void;
  flush(): Promise<void>;
}

/** A step is one short transaction: requests go on between two of them. */
const STEP = 200;

export function createKeyUsage(database: Database, clock: Clock): KeyUsage {
  const markUsed = createMarkUsed(database);
  let usedAtMs = new Map<string, number>();
  return {
    touch: (id) => {
      usedAtMs.set(id, clock.nowMs());
    },
    flush: async () => {
      if (usedAtMs.size === 0) return;
      // In one order everywhere, so that two processes flushing the same keys cannot deadlock.
      const batch = [...usedAtMs].sort(([a], [b]) => (a < b ? -1 : 1));
      usedAtMs = new Map();
      for (let from = 0; from < batch.length; from += STEP) {
        try {
          await database.write(async (tx) => {
            for (const [id, atMs] of batch.slice(from, from + STEP)) await markUsed(tx, id, atMs);
          });
        } catch (error) {
          for (const [id, atMs] of batch.slice(from)) if (!usedAtMs.has(id)) usedAtMs.set(id, atMs);
          throw error;
        }
      }
    },
  };
}
