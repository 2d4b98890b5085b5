import { type Kysely, sql } from 'kysely';
import type { Tables, Tx } from '../database/index.ts';
import type { SealedColumn } from './column.ts';

export interface SealedValue {
  id: string;
  sealed: string;
}

/** Whether a value names this key. Not LIKE: SQLite's does not tell upper case from lower. */
function isUnder(column: string, keyId: string) {
  const prefix = `${keyId}:`;
  return sql<boolean>`substr(${sql.ref(column)}, 1, ${sql.lit(prefix.length)}) = ${prefix}`;
}

/** Values that name none of these keys, in the order of their ids, behind `afterId`. */
export async function valuesUnderOthers(
  query: Kysely<Tables>,
  { table, id, column }: SealedColumn,
  { keyIds, afterId, limit }: { keyIds: readonly string[]; afterId: string; limit: number },
): Promise<SealedValue[]> {
  const others = keyIds.map((keyId) => sql`and not (${isUnder(column, keyId)})`);
  const { rows } = await sql<SealedValue>`
    select ${sql.ref(id)} as id, ${sql.ref(column)} as sealed from ${sql.table(table)}
    where ${sql.ref(column)} is not null and ${sql.ref(id)} > ${afterId} ${sql.join(others, sql` `)}
    order by ${sql.ref(id)} limit ${sql.lit(limit)}`.execute(query);
  return rows;
}

export async function countUnder(
  query: Kysely<Tables>,
  { table, column }: SealedColumn,
  keyId: string,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from ${sql.table(table)} where ${isUnder(column, keyId)}`.execute(query);
  return rows[0]?.count ?? 0;
}

/** Puts the new text in the place of the old one; false when somebody else has changed it meanwhile. */
export async function replaceSealed(
  tx: Tx,
  { table, id, column }: SealedColumn,
  { id: value, sealed }: SealedValue,
  resealed: string,
): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update ${sql.table(table)} set ${sql.ref(column)} = ${resealed}
    where ${sql.ref(id)} = ${value} and ${sql.ref(column)} = ${sealed}`.execute(tx.query);
  return numAffectedRows === 1n;
}
