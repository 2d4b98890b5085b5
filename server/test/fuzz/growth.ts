import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import type { Holdings } from './probe.ts';

/** What was acknowledged, so that what is stored can be held against it. */
export interface Acknowledged {
  /** Replies of success to anything but reads. */
  writes: number;
  /** Those of them that carried an Idempotency-Key. */
  keyed: number;
  /** Rows that import alone may make beyond one for each write. */
  imported: number;
  /** Attempts to sign in, each of which is an event, and may be a challenge. */
  guesses: number;
  /** Forms with an assertion, whose id is used up though the rest may be refused. */
  assertions: number;
}

/** The preparation of a run writes too, and so does the server by itself: jobs, leases, the first start. */
const OWN_ROWS = 300;

/**
 * Tables whose rows come from elsewhere than acknowledged writes. Every other table, also a new one, may hold as many as
 * those account for: a refused request leaves nothing behind.
 */
const OTHERWISE: Record<string, (acknowledged: Acknowledged) => number> = {
  // Making a workspace is two events, and revoking a key with all that it made is one for each.
  audit_events: ({ writes, imported, guesses }) => OWN_ROWS + 2 * (writes + imported) + guesses,
  changes: ({ writes, imported }) => OWN_ROWS + 2 * (writes + imported),
  // A slot for each call that was done under a key, kept for 24 hours; a refused call frees its own.
  idempotency_keys: ({ keyed }) => keyed,
  client_assertions: ({ assertions }) => assertions,
  used_assertions: ({ assertions }) => assertions,
};

/** Tables that count use by key, minute, route and outcome: bounded by what there is to tell apart, not by calls. */
const COUNTERS = /^key_activity$/;

/** What must be none once all is quiet, as SQL that both databases read. */
const LEFTOVERS: Record<string, string> = {
  'idempotency slots of calls that have ended':
    "select count(*) as count from idempotency_keys where state = 'pending'",
};

export interface Stored {
  /** Rows of each table. */
  tables: Map<string, number>;
  problems: string[];
}

type Count = (sql: string) => Promise<number>;

async function readStored(names: readonly string[], count: Count): Promise<Stored> {
  const tables = new Map<string, number>();
  for (const name of names) tables.set(name, await count(`select count(*) as count from "${name}"`));
  const problems: string[] = [];
  for (const [what, sql] of Object.entries(LEFTOVERS)) {
    const left = await count(sql);
    if (left > 0) problems.push(`${left} ${what} are left`);
  }
  return { tables, problems };
}

/** Looks into the database of a server that has stopped. */
export async function storedBy(dataDir: string, databaseUrl: string | null): Promise<Stored> {
  return databaseUrl === null ? storedInSqlite(join(dataDir, 'latchkey.sqlite')) : storedInPostgres(databaseUrl);
}

async function storedInSqlite(path: string): Promise<Stored> {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    const list = "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'";
    const names = database.prepare(list).all();
    return await readStored(
      names.map(({ name }) => String(name)),
      async (sql) => Number(database.prepare(sql).get()?.count),
    );
  } finally {
    database.close();
  }
}

async function storedInPostgres(url: string): Promise<Stored> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const list = "select table_name as name from information_schema.tables where table_schema = 'public'";
    const { rows } = await client.query<{ name: string }>(list);
    return await readStored(
      rows.map(({ name }) => name),
      async (sql) => Number((await client.query<{ count: string }>(sql)).rows[0]?.count),
    );
  } finally {
    await client.end();
  }
}

/** Tables that hold more rows than what was acknowledged accounts for. */
export function tableProblems(sizes: ReadonlyMap<string, number>, acknowledged: Acknowledged): string[] {
  const byWrites = OWN_ROWS + acknowledged.writes + acknowledged.imported;
  return [...sizes].flatMap(([table, rows]) => {
    if (COUNTERS.test(table)) return [];
    const bound = OTHERWISE[table]?.(acknowledged) ?? byWrites;
    return rows <= bound ? [] : [`the table ${table} holds ${rows} rows; what was acknowledged accounts for ${bound}`];
  });
}

const MiB = 1024 * 1024;
/** What caches, counters and compiled code may still come to hold in the second half. */
const HEAP_ALLOWANCE_BYTES = 24 * MiB;

export interface Measured {
  half: Holdings;
  end: Holdings;
  /** Before the first request of the run. */
  start: Holdings;
}

/**
 * Memory that a collection does not free grows in the second half by no more than a fixed allowance, however long the
 * run; sockets and timers are back to what they were before it.
 */
export function holdingProblems({ start, half, end }: Measured): string[] {
  const problems: string[] = [];
  const grown = end.heapBytes - half.heapBytes;
  if (grown > HEAP_ALLOWANCE_BYTES) {
    problems.push(`the heap grew by ${(grown / MiB).toFixed(1)} MiB in the second half of the run`);
  }
  if (end.sockets > start.sockets) problems.push(`${end.sockets} sockets are open; before there were ${start.sockets}`);
  if (end.timers > start.timers + 20) problems.push(`${end.timers} timers run; before there were ${start.timers}`);
  return problems;
}
