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
/** From how many addresses one key is told apart within a minute; the rest is counted without its address. */
const MAX_ADDRESSES = 100;
/** A short list is searched faster than a long name is made; a key that has more rows gets an index. */
const SHORT_LIST = 8;
/** A step is one short transaction: requests go on between two of them. */
const WRITE_STEP = 200;

type Use = Omit<KeyActivityRow, 'count'>;

/** The rows of one key. */
interface KeyUses {
  rows: KeyActivityRow[];
  index: Map<string, KeyActivityRow> | null;
}

const nameOf = ({ minute, route, outcome, address }: Use) => `${minute}\n${route}\n${outcome}\n${address}`;

function findRow({ rows, index }: KeyUses, use: Use): KeyActivityRow | undefined {
  if (index !== null) return index.get(nameOf(use));
  const { minute, route, outcome, address } = use;
  return rows.find(
    (row) => row.address === address && row.route === route && row.outcome === outcome && row.minute === minute,
  );
}

function addRow(uses: KeyUses, row: KeyActivityRow): void {
  uses.rows.push(row);
  if (uses.index !== null) uses.index.set(nameOf(row), row);
  else if (uses.rows.length > SHORT_LIST) uses.index = new Map(uses.rows.map((known) => [nameOf(known), known]));
}

/** Remembers, through every flush of one minute, from where each key was used in it. */
function createAddressCap(): (use: Use) => boolean {
  let currentMinute = 0;
  let addressesByKey = new Map<string, Set<string>>();
  return ({ key_id, minute, address }) => {
    if (minute !== currentMinute) addressesByKey = new Map();
    currentMinute = minute;
    const known = addressesByKey.get(key_id);
    if (known === undefined) addressesByKey.set(key_id, new Set([address]));
    else if (!known.has(address) && known.size >= MAX_ADDRESSES) return false;
    else known.add(address);
    return true;
  };
}

export function createKeyActivity(database: Database, clock: Clock): KeyActivity {
  let usesByKey = new Map<string, KeyUses>();
  /** What a failed flush left: written first by the next one. */
  let unwritten: KeyActivityRow[] = [];
  /** Rows in memory, in both. */
  let size = 0;
  const isToldApart = createAddressCap();

  const count = (use: Use): void => {
    let uses = usesByKey.get(use.key_id);
    if (uses === undefined) {
      uses = { rows: [], index: null };
      usesByKey.set(use.key_id, uses);
    }
    const known = findRow(uses, use);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    if (use.address !== '' && (size >= MAX_ROWS || !isToldApart(use))) {
      count({ ...use, address: '' });
      return;
    }
    addRow(uses, { ...use, count: 1 });
    size += 1;
  };

  const write = async (rows: readonly KeyActivityRow[]) => {
    for (let from = 0; from < rows.length; from += WRITE_STEP) {
      const step = rows.slice(from, from + WRITE_STEP);
      try {
        await database.write(async (tx) => {
          for (const row of step) await addActivity(tx, row);
        });
      } catch (error) {
        unwritten = unwritten.concat(rows.slice(from));
        throw error;
      }
      size -= step.length;
    }
  };

  return {
    note: ({ keyId, route, address, code }) => {
      if (keyId === null) return;
      const nowMs = clock.nowMs();
      count({ key_id: keyId, minute: nowMs - (nowMs % MINUTE_MS), route, address, outcome: code });
    },
    flush: async () => {
      const left = unwritten;
      unwritten = [];
      await write(left);
      // In one order everywhere, so that two processes flushing the same keys cannot deadlock.
      const keyIds = [...usesByKey.keys()].sort();
      const rows = keyIds.flatMap((id) => usesByKey.get(id)?.rows ?? []);
      usesByKey = new Map();
      await write(rows);
    },
    prune: () => database.write((tx) => deleteActivityBefore(tx, clock.nowMs() - RETENTION_MS)),
  };
}
