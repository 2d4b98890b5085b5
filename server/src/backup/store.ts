import { type Kysely, sql } from 'kysely';
import type { Tables } from '../database/index.ts';

/** Names of all tables, sorted; on PostgreSQL those of this schema. */
export async function tableNames(query: Kysely<Tables>, schema: string | null): Promise<string[]> {
  const all =
    schema === null
      ? sql<{
          name: string;
        }>`select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'`
      : sql<{ name: string }>`select tablename as name from pg_tables where schemaname = ${schema}`;
  const { rows } = await all.execute(query);
  return rows.map(({ name }) => name).sort();
}

/** How many rows each table has. */
export async function countRows(query: Kysely<Tables>, tables: readonly string[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of tables) {
    const { rows } = await sql<{ count: number }>`select count(*) as count from ${sql.table(table)}`.execute(query);
    counts[table] = rows[0]?.count ?? 0;
  }
  return counts;
}

/** Names of the migrations that the database had, sorted. */
export async function migrationNames(query: Kysely<Tables>): Promise<string[]> {
  const rows = await query.selectFrom('schema_migrations').select('name').orderBy('name').execute();
  return rows.map(({ name }) => name).sort();
}
