import type { Clock } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { markUsed } from './store.ts';

/** When a key was last used, kept on its record: noting a use costs no look-up. */
export interface UsedKey {
  readonly id: string;
  readonly use: { atMs: number; isNoted: boolean };
}

export const unusedYet = (): UsedKey['use'] => ({ atMs: 0, isNoted: false });

/** Remembers which keys were used, and writes it down now and then: verification itself never writes. */
export interface KeyUsage {
  touch(key: UsedKey): void;
  flush(): Promise<void>;
}

/** A step is one short transaction: requests go on between two of them. */
const STEP = 200;

export function createKeyUsage(database: Database, clock: Clock): KeyUsage {
  let noted: UsedKey[] = [];

  const note = (key: UsedKey) => {
    if (key.use.isNoted) return;
    key.use.isNoted = true;
    noted.push(key);
  };

  const writeStep = (step: readonly UsedKey[]) => {
    const uses = step.map(({ id, use }) => ({ id, atMs: use.atMs }));
    for (const { use } of step) use.isNoted = false;
    return database.write(async (tx) => {
      for (const { id, atMs } of uses) await markUsed(tx, id, atMs);
    });
  };

  return {
    touch: (key) => {
      key.use.atMs = clock.nowMs();
      note(key);
    },
    flush: async () => {
      // In one order everywhere, so that two processes flushing the same keys cannot deadlock.
      const batch = noted.sort((a, b) => (a.id < b.id ? -1 : 1));
      noted = [];
      for (let from = 0; from < batch.length; from += STEP) {
        try {
          await writeStep(batch.slice(from, from + STEP));
        } catch (error) {
          for (const key of batch.slice(from, from + STEP)) note(key);
          noted.push(...batch.slice(from + STEP));
          throw error;
        }
      }
    },
  };
}
