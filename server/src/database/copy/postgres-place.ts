import { type Kysely, sql } from 'kysely';
import { translateDatabaseError } from '../errors.ts';
import { MIGRATION_LOCK, RESTORE_MARK } from '../postgres.ts';
import type { Tables } from '../tables.ts';
import { openSingle } from './postgres-snapshot.ts';
import { CopyError } from './snapshot.ts';

const INSUFFICIENT_PRIVILEGE = '42501';

/** A PostgreSQL database into which something is to be put: nobody migrates it meanwhile. */
export interface PostgresPlace {
  readonly schema: string;
  /** Connections of a server, or of a restore that goes on without its parent. */
  readonly others: number;
  /** Tables that would be in the way; none where an earlier restore was interrupted: what it left is its own. */
  readonly tables: readonly string[];
  /**
   * Empties the schema: moves its tables into one of that name. From here until `finish`, no server starts on it, also
   * when this process is killed. Returns where the tables went, now or in the restore that was interrupted.
   */
  begin(aside: string): Promise<string | null>;
  finish(): Promise<void>;
  /** Everything as it was before `begin`. */
  undo(): Promise<void>;
}

async function tablesIn(query: Kysely<Tables>, schema: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select tablename as name from pg_tables where schemaname = ${schema} order by tablename`.execute(query);
  return rows.map(({ name }) => name);
}

async function countOthers(query: Kysely<Tables>): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from pg_stat_activity
    where datname = current_database() and application_name in ('latchkey', 'pg_restore')`.execute(query);
  return rows[0]?.count ?? 0;
}

async function moveTables(query: Kysely<Tables>, from: string, to: string): Promise<void> {
  for (const table of await tablesIn(query, from)) {
    await sql`alter table ${sql.id(from, table)} set schema ${sql.id(to)}`.execute(query);
  }
}

async function dropTables(query: Kysely<Tables>, schema: string): Promise<void> {
  for (const table of await tablesIn(query, schema)) await sql`drop table ${sql.id(schema, table)}`.execute(query);
}

async function markedAside(query: Kysely<Tables>, schema: string): Promise<string | null> {
  const { rows } = await sql<{ moved_to: string | null }>`
    select moved_to from ${sql.id(schema, RESTORE_MARK)}`.execute(query);
  return rows[0]?.moved_to ?? null;
}

async function mark(query: Kysely<Tables>, schema: string, movedTo: string | null): Promise<void> {
  const table = sql.id(schema, RESTORE_MARK);
  await sql`create table ${table} (moved_to text)`.execute(query);
  await sql`insert into ${table} values (${movedTo})`.execute(query);
}

function placeOver(query: Kysely<Tables>, schema: string, others: number, found: readonly string[]): PostgresPlace {
  const isInterrupted = found.includes(RESTORE_MARK);
  const tables = isInterrupted ? [] : found;
  const within = <T>(work: (trx: Kysely<Tables>) => Promise<T>) => query.transaction().execute(work);
  return {
    schema,
    others,
    tables,
    begin: (aside) =>
      within(async (trx) => {
        const movedTo = isInterrupted ? await markedAside(trx, schema) : tables.length > 0 ? aside : null;
        if (isInterrupted) await dropTables(trx, schema);
        else if (movedTo !== null) {
          await sql`create schema ${sql.id(movedTo)}`.execute(trx);
          await moveTables(trx, schema, movedTo);
        }
        await mark(trx, schema, movedTo);
        return movedTo;
      }),
    finish: async () => {
      await sql`drop table ${sql.id(schema, RESTORE_MARK)}`.execute(query);
    },
    undo: () =>
      within(async (trx) => {
        const movedTo = await markedAside(trx, schema);
        await dropTables(trx, schema);
        if (movedTo === null) return;
        await moveTables(trx, movedTo, schema);
        await sql`drop schema ${sql.id(movedTo)}`.execute(trx);
      }),
  };
}

/** Holds the migrations' lock while `use` runs: a server that starts meanwhile waits. */
export async function withPostgresPlace<T>(url: string, use: (place: PostgresPlace) => Promise<T>): Promise<T> {
  const [guard, work] = [await openSingle(url), await openSingle(url)];
  try {
    return await guard.transaction().execute(async (locked) => {
      await sql`set local idle_in_transaction_session_timeout = 0`.execute(locked);
      await sql`select pg_advisory_xact_lock(${sql.lit(MIGRATION_LOCK)})`.execute(locked);
      const { rows } = await sql<{ schema: string }>`select current_schema() as schema`.execute(work);
      const schema = rows[0]?.schema ?? 'public';
      return use(placeOver(work, schema, await countOthers(work), await tablesIn(work, schema)));
    });
  } catch (error) {
    if ((error as { code?: string }).code === INSUFFICIENT_PRIVILEGE) {
      throw new CopyError(
        `PostgreSQL refuses: ${(error as Error).message}. The role must own the tables and may make schemas`,
      );
    }
    throw translateDatabaseError(error);
  } finally {
    await Promise.all([guard.destroy(), work.destroy()]);
  }
}
