import type { Clock } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { addActivity, deleteActivityBefore } from './store.ts';
import type { KeyActivityRow } from './tables.ts';

/** A key, and the place on its record where its uses are kept: noting one costs no look-up. */
export interface ActiveKey {
  readonly id: string;
  activity: object | null;
}

/** Who uses which key, counted in memory and written down now and then. */
export interface KeyActivity {
  note(use: { key: ActiveKey | null; route: string; address: string; code: string }): void;
  flush(): Promise<void>;
  /** Drops what is older than thirty days. */
  prune(): Promise<void>;
}

const MINUTE_MS = 60_000;
const RETENTION_MS = 30 * 24 * 3_600_000;
/**
 * Bounds memory while nothing can be written: what comes on top is counted without its address, and beyond twice as many
 * not at all.
 */
const MAX_ROWS = 200_000;
/** From how many addresses one key is told apart within a minute; the rest is counted without its address. */
const MAX_ADDRESSES = 100;
/** A short list is searched faster than a long name is made; a key that has more rows gets an index. */
const SHORT_LIST = 8;
/** A step is one short transaction: requests go on between two of them. */
const WRITE_STEP = 200;

type Use = Omit<KeyActivityRow, 'count'>;

/** The rows of one key behind its first. */
interface MoreRows {
  readonly rows: KeyActivityRow[];
  index: Map<string, KeyActivityRow> | null;
}

/** The rows of one key. Most have one, which lies in the object itself: many keys are called in any order. */
class KeyUses {
  readonly keyId: string;
  /** Of the first row; there is none while it is 0. */
  count = 0;
  /** Minutes since 1970, a number that lies in the object. */
  minute = 0;
  route = '';
  outcome = '';
  address = '';
  more: MoreRows | null = null;
  /** From where it was used in this minute, through every flush. */
  addressesMinute = 0;
  addresses: Set<string> | string = '';

  constructor(keyId: string) {
    this.keyId = keyId;
  }
}

/** Minutes since 1970 as a whole number, which V8 keeps in the object itself. */
const minuteOf = (timeMs: number) => (timeMs / MINUTE_MS) | 0;

const nameOf = ({ minute, route, outcome, address }: Use) => `${minute}\n${route}\n${outcome}\n${address}`;

function findMore({ rows, index }: MoreRows, use: Use): KeyActivityRow | undefined {
  if (index !== null) return index.get(nameOf(use));
  const { minute, route, outcome, address } = use;
  return rows.find(
    (row) => row.address === address && row.route === route && row.outcome === outcome && row.minute === minute,
  );
}

function addMore(more: MoreRows, row: KeyActivityRow): void {
  more.rows.push(row);
  if (more.index !== null) more.index.set(nameOf(row), row);
  else if (more.rows.length > SHORT_LIST) more.index = new Map(more.rows.map((known) => [nameOf(known), known]));
}

/** Adds to the row of a use; false when there is none. */
function addToRow(uses: KeyUses, use: Use, count: number): boolean {
  const { minute, route, outcome, address } = use;
  const isFirst = uses.address === address && uses.route === route && uses.outcome === outcome;
  if (uses.count > 0 && isFirst && uses.minute * MINUTE_MS === minute) {
    uses.count += count;
    return true;
  }
  const row = uses.more === null ? undefined : findMore(uses.more, use);
  if (row !== undefined) row.count += count;
  return row !== undefined;
}

function makeRow(uses: KeyUses, use: Use, count: number): void {
  if (uses.count > 0) {
    uses.more ??= { rows: [], index: null };
    addMore(uses.more, { ...use, count });
    return;
  }
  uses.minute = minuteOf(use.minute);
  uses.route = use.route;
  uses.outcome = use.outcome;
  uses.address = use.address;
  uses.count = count;
}

function rowsOf({ keyId, count, minute, route, outcome, address, more }: KeyUses): KeyActivityRow[] {
  if (count === 0) return [];
  const first = { key_id: keyId, minute: minute * MINUTE_MS, route, address, outcome, count };
  return more === null ? [first] : [first, ...more.rows];
}

/**
 * The rows of all, which begin anew. In one order everywhere, so that two processes flushing the same keys cannot
 * deadlock; a key whose record was read again meanwhile has two lists, of which one statement may not meet the same row.
 */
function takeRows(noted: KeyUses[]): KeyActivityRow[] {
  const merged: KeyUses[] = [];
  for (const uses of noted.sort((a, b) => (a.keyId < b.keyId ? -1 : 1))) {
    const last = merged.at(-1);
    if (last?.keyId !== uses.keyId) {
      merged.push(uses);
      continue;
    }
    for (const row of rowsOf(uses)) if (!addToRow(last, row, row.count)) makeRow(last, row, row.count);
  }
  const rows = merged.flatMap(rowsOf);
  for (const uses of noted) {
    uses.count = 0;
    uses.more = null;
  }
  return rows;
}

/** Whether one more address of a key is told apart. Most keys have one only, which then stands there without a set. */
function isToldApart(uses: KeyUses, { minute, address }: Use): boolean {
  const { addresses } = uses;
  if (uses.addressesMinute * MINUTE_MS !== minute || addresses === '') {
    uses.addressesMinute = minuteOf(minute);
    uses.addresses = address;
    return true;
  }
  if (addresses === address) return true;
  const known = typeof addresses === 'string' ? new Set([addresses]) : addresses;
  if (!known.has(address) && known.size >= MAX_ADDRESSES) return false;
  known.add(address);
  uses.addresses = known;
  return true;
}

/** What is kept of a key: on its record, and by name for this minute, in case the record is read again within it. */
function createUsesOf(): (key: ActiveKey, minute: number) => KeyUses {
  let currentMinute = 0;
  let usesById = new Map<string, KeyUses>();
  return (key, minute) => {
    if (key.activity !== null) return key.activity as KeyUses;
    if (minute !== currentMinute) usesById = new Map();
    currentMinute = minute;
    const uses = usesById.get(key.id) ?? new KeyUses(key.id);
    usesById.set(key.id, uses);
    key.activity = uses;
    return uses;
  };
}

export function createKeyActivity(database: Database, clock: Clock, maxRows = MAX_ROWS): KeyActivity {
  let noted: KeyUses[] = [];
  const usesOf = createUsesOf();
  /** What a failed flush left: written first by the next one. */
  let unwritten: KeyActivityRow[] = [];
  /** Rows in memory, in both. */
  let size = 0;

  const count = (uses: KeyUses, use: Use): void => {
    if (addToRow(uses, use, 1)) return;
    if (use.address !== '' && (size >= maxRows || !isToldApart(uses, use))) {
      count(uses, { ...use, address: '' });
      return;
    }
    if (size >= 2 * maxRows) return;
    if (uses.count === 0) noted.push(uses);
    makeRow(uses, use, 1);
    size += 1;
  };

  const write = async (rows: readonly KeyActivityRow[]) => {
    for (let from = 0; from < rows.length; from += WRITE_STEP) {
      const step = rows.slice(from, from + WRITE_STEP);
      try {
        await database.write((tx) => addActivity(tx, step));
      } catch (error) {
        unwritten = unwritten.concat(rows.slice(from));
        throw error;
      }
      size -= step.length;
    }
  };

  return {
    note: ({ key, route, address, code }) => {
      if (key === null) return;
      const nowMs = clock.nowMs();
      const minute = nowMs - (nowMs % MINUTE_MS);
      const uses = usesOf(key, minute);
      count(uses, { key_id: key.id, minute, route, address, outcome: code });
    },
    flush: async () => {
      const left = unwritten;
      unwritten = [];
      await write(left);
      const before = noted.reduce((total, { more }) => total + 1 + (more?.rows.length ?? 0), 0);
      const rows = takeRows(noted);
      noted = [];
      size -= before - rows.length;
      await write(rows);
    },
    prune: () => database.write((tx) => deleteActivityBefore(tx, clock.nowMs() - RETENTION_MS)),
  };
}
