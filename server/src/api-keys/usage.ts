import type { Clock } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { markUsed } from './store.ts';

/** What is remembered of a key's use until it is written down, kept on its record: noting a use costs no look-up. */
export interface UsedKey {
  readonly id: string;
  usedAtMs: number;
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

export function createKeyUsage(database: Database, clock: Clock): KeyUsage {
  let noted: UsedKey[] = [];

  const note = (key: UsedKey) => {
    if (key.isUseNoted) return;
    key.isUseNoted = true;
    noted.push(key);
  };

  const writeStep = (step: readonly UsedKey[]) => {
    // A key whose record was read again meanwhile stands here twice, and a statement takes either of the two.
    const latest = new Map<string, number>();
    for (const key of step) {
      key.isUseNoted = false;
      latest.set(key.id, Math.max(key.usedAtMs, latest.get(key.id) ?? 0));
    }
    return database.write((tx) => markUsed(tx, latest));
  };

  return {
    touch: (key) => {
      key.usedAtMs = clock.nowMs();
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
