import type { Clock } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { createAddActivity, deleteActivityBefore } from './store.ts';
import type { KeyActivityRow } from './tables.ts';

/** Who uses which key, counted in memory and written down now and then. */
export interface KeyActivity {
  note(use: { keyId: string | null; route: string; address: string; code: string }): void;
  flush(): Promise<void>;
  /** Drops what is older than thirty days. */
  prune(): Promise<void>;
}

const MINUTE_MS = 60_000;
const RETENTION_MS = 30 * 24 * 3_600_000;
/** Bounds memory between two flushes; what comes on top is counted without its address. */
const MAX_ROWS = 200_000;
/** A step is one short transaction: requests go on between two of them. */
const WRITE_STEP = 200;

export function createKeyActivity(database: Database, clock: Clock): KeyActivity {
  const addActivity = createAddActivity(database);
  let counts = new Map<string, KeyActivityRow>();

  const count = (row: Omit<KeyActivityRow, 'count'>, times: number) => {
    const name = `${row.key_id} ${row.minute} ${row.route} ${row.address} ${row.outcome}`;
    const known = counts.get(name);
    if (known) known.count += times;
    else if (counts.size < MAX_ROWS || row.address === '') counts.set(name, { ...row, count: times });
    else count({ ...row, address: '' }, times);
  };

  return {
    note: ({ keyId, route, address, code }) => {
      if (keyId === null) return;
      const nowMs = clock.nowMs();
      count({ key_id: keyId, minute: nowMs - (nowMs % MINUTE_MS), route, address, outcome: code }, 1);
    },
    flush: async () => {
      const rows = [...counts.values()].sort((a, b) => (a.key_id < b.key_id ? -1 : 1));
      counts = new Map();
      for (let from = 0; from < rows.length; from += WRITE_STEP) {
        const step = rows.slice(from, from + WRITE_STEP);
        try {
          await database.write(async (tx) => {
            for (const row of step) await addActivity(tx, row);
          });
        } catch (error) {
          for (const { count: times, ...row } of rows.slice(from)) count(row, times);
          throw error;
        }
      }
    },
    prune: () => database.write((tx) => deleteActivityBefore(tx, clock.nowMs() - RETENTION_MS)),
  };
}
