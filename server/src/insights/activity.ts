import type { Clock } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { addActivity, deleteActivityBefore } from './store.ts';
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
  // A key is used in few ways within one flush: a short list is searched faster than a long name is made.
  let rowsByKey = new Map<string, KeyActivityRow[]>();
  let size = 0;

  const count = (row: KeyActivityRow) => {
    let rows = rowsByKey.get(row.key_id);
    if (rows === undefined) {
      rows = [];
      rowsByKey.set(row.key_id, rows);
    }
    const { minute, route, address, outcome } = row;
    for (const known of rows) {
      if (known.minute !== minute || known.route !== route || known.outcome !== outcome) continue;
      if (known.address !== address) continue;
      known.count += row.count;
      return;
    }
    if (size >= MAX_ROWS && address !== '') return count({ ...row, address: '' });
    rows.push(row);
    size += 1;
  };

  return {
    note: ({ keyId, route, address, code }) => {
      if (keyId === null) return;
      const nowMs = clock.nowMs();
      count({ key_id: keyId, minute: nowMs - (nowMs % MINUTE_MS), route, address, outcome: code, count: 1 });
    },
    flush: async () => {
      // In one order everywhere, so that two processes flushing the same keys cannot deadlock.
      const keyIds = [...rowsByKey.keys()].sort();
      const rows = keyIds.flatMap((id) => rowsByKey.get(id) ?? []);
      rowsByKey = new Map();
      size = 0;
      for (let from = 0; from < rows.length; from += WRITE_STEP) {
        try {
          await database.write(async (tx) => {
            for (const row of rows.slice(from, from + WRITE_STEP)) await addActivity(tx, row);
          });
        } catch (error) {
          for (const row of rows.slice(from)) count(row);
          throw error;
        }
      }
    },
    prune: () => database.write((tx) => deleteActivityBefore(tx, clock.nowMs() - RETENTION_MS)),
  };
}
