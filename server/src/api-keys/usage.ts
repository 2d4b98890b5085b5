import type { Clock } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { markUsed } from './store.ts';

/** Remembers which keys were used, and writes it down now and then: verification itself never writes. */
export interface KeyUsage {
  touch(id: string): void;
  flush(): Promise<void>;
}

export function createKeyUsage(database: Database, clock: Clock): KeyUsage {
  let usedAtMs = new Map<string, number>();
  return {
    touch: (id) => {
      usedAtMs.set(id, clock.nowMs());
    },
    flush: async () => {
      if (usedAtMs.size === 0) return;
      const batch = usedAtMs;
      usedAtMs = new Map();
      try {
        await database.write(async (tx) => {
          // In one order everywhere, so that two processes flushing the same keys cannot deadlock.
          for (const [id, atMs] of [...batch].sort(([a], [b]) => (a < b ? -1 : 1))) await markUsed(tx, id, atMs);
        });
      } catch (error) {
        for (const [id, atMs] of batch) if (!usedAtMs.has(id)) usedAtMs.set(id, atMs);
        throw error;
      }
    },
  };
}
