import { sql } from 'kysely';
import type { Database } from './database.ts';

/** What a database says of itself. */
export interface DatabaseFacts {
  version: string;
  sizeBytes: number;
  /** Null for SQLite, which has the clock of this process. */
  clockMs: number | null;
  /** Connections that call themselves `latchkey`, ours among them; null for SQLite. */
  connections: number | null;
}

const SQLITE = sql<{ version: string; size: number }>`
  select sqlite_version() as version,
    (select page_count from pragma_page_count) * (select page_size from pragma_page_size) as size`;

const POSTGRES = sql<{ version: string; size: number; clock: number; connections: number }>`
  select current_setting('server_version') as version, pg_database_size(current_database()) as size,
    (extract(epoch from clock_timestamp()) * 1000)::bigint as clock,
    (select count(*) from pg_stat_activity
      where datname = current_database() and application_name = 'latchkey') as connections`;

/** Asks the database. Throws `unavailable` when it does not answer. */
export async function databaseFacts({ name, read }: Database): Promise<DatabaseFacts> {
  if (name === 'sqlite') {
    const [row] = (await SQLITE.execute(read)).rows;
    return { version: row?.version ?? '', sizeBytes: row?.size ?? 0, clockMs: null, connections: null };
  }
  const [row] = (await POSTGRES.execute(read)).rows;
  return {
    version: row?.version ?? '',
    sizeBytes: row?.size ?? 0,
    clockMs: row?.clock ?? null,
    connections: row?.connections ?? null,
  };
}
