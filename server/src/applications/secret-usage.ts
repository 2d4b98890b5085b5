import type { Clock } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { markSecretsUsed } from './store.ts';

/** Remembers which secrets were used, and writes it down now and then: authentication itself never writes that. */
export interface SecretUsage {
  touch(secretId: string): void;
  flush(): Promise<void>;
}

/** A step is one short transaction: requests go on between two of them. */
const STEP = 200;

export function createSecretUsage(database: Database, clock: Clock): SecretUsage {
  let noted = new Map<string, number>();
  const note = (id: string, atMs: number) => noted.set(id, Math.max(atMs, noted.get(id) ?? 0));
  return {
    touch: (secretId) => {
      note(secretId, clock.nowMs());
    },
    flush: async () => {
      // In one order everywhere, so that two processes cannot deadlock.
      const batch = [...noted].sort(([a], [b]) => (a < b ? -1 : 1));
      noted = new Map();
      for (let from = 0; from < batch.length; from += STEP) {
        try {
          await database.write((tx) => markSecretsUsed(tx, new Map(batch.slice(from, from + STEP))));
        } catch (error) {
          for (const [id, atMs] of batch.slice(from)) note(id, atMs);
          throw error;
        }
      }
    },
  };
}
