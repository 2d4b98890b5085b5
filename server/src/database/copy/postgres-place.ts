import { type Kysely, sql } from 'kysely';
import { translateDatabaseError } from '../errors.ts';
import { MIGRATION_LOCK } from '../postgres.ts';
import type { Tables } from '../tables.ts';
import { openSingle } from './postgres-snapshot.ts';

/** A PostgreSQL database into which something is to be put: nobody migrates it meanwhile. */
export interface PostgresPlace {
  readonly schema: string;
  /** Other connections of Latchkey: a server that runs. */
  servers: number;
  /** What stands in the schema already. */
  tables: readonly string[];
  /** Moves these tables into a schema of that name, which is made for them. */
  moveTables(tables: readonly string[], from: string, to: string): Promise<void>;
  dropTables(tables: readonly string[]): Promise<void>;
  listTables(): Promise<string[]>;
}

async function tablesIn(query: Kysely<Tables>, schema: string): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select tablename as name from pg_tables where schemaname = ${schema} order by tablename`.execute(query);
  return rows.map(({ name }) => name);
}

function countServers(query: Kysely<Tables>) {
  return sql<{ count: number }>`
    select count(*) as count from pg_stat_activity
    where datname = current_database() and application_name = 'latchkey' and pid <> pg_backend_pid()`.execute(query);
}

function placeOver(
  query: Kysely<Tables>,
  schema: string,
  facts: Pick<PostgresPlace, 'servers' | 'tables'>,
): PostgresPlace {
  return {
    schema,
    ...facts,
    listTables: () => tablesIn(query, schema),
    moveTables: (tables, from, to) =>
      query.transaction().execute(async (trx) => {
        await sql`create schema if not exists ${sql.id(to)}`.execute(trx);
        for (const table of tables) {
          await sql`alter table ${sql.id(from, table)} set schema ${sql.id(to)}`.execute(trx);
        }
      }),
    dropTables: (tables) =>
      query.transaction().execute(async (trx) => {
        for (const table of tables) await sql`drop table ${sql.id(schema, table)}`.execute(trx);
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
      const servers = (await countServers(work)).rows[0]?.count ?? 0;
      return use(placeOver(work, schema, { servers, tables: await tablesIn(work, schema) }));
    });
  } catch (error) {
    throw translateDatabaseError(error);
  } finally {
    await Promise.all([guard.destroy(), work.destroy()]);
  }
}
