import type { Kysely } from 'kysely';
import { lockRows, type Tables, type Tx } from '../database/index.ts';
import type { ResourceRow } from './tables.ts';

export function allResources(query: Kysely<Tables>): Promise<ResourceRow[]> {
  return query.selectFrom('resources').selectAll().orderBy('id').execute();
}

/** A resource that nobody else changes or removes before this transaction ends. */
export function lockResource(tx: Tx, id: string): Promise<ResourceRow | undefined> {
  return lockRows(tx.query, tx.query.selectFrom('resources').selectAll().where('id', '=', id)).executeTakeFirst();
}

/** Adds the default one, unless it is there. */
export async function insertDefault(tx: Tx, row: ResourceRow): Promise<void> {
  await tx.query
    .insertInto('resources')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Throws `UniqueViolation` when one of its audiences is another's. */
export async function insertResource(tx: Tx, row: ResourceRow, audiences: readonly string[]): Promise<void> {
  await tx.query.insertInto('resources').values(row).execute();
  await setAudiences(tx, row.id, audiences);
}

export function updateResource(
  tx: Tx,
  id: string,
  values: Partial<Omit<ResourceRow, 'id'>>,
): Promise<ResourceRow | undefined> {
  return tx.query.updateTable('resources').set(values).where('id', '=', id).returningAll().executeTakeFirst();
}

/** Throws `UniqueViolation` when one of them is another's. */
export async function setAudiences(tx: Tx, id: string, audiences: readonly string[]): Promise<void> {
  await tx.query.deleteFrom('resource_audiences').where('resource_id', '=', id).execute();
  if (audiences.length === 0) return;
  const rows = audiences.map((audience) => ({ audience, resource_id: id }));
  await tx.query.insertInto('resource_audiences').values(rows).execute();
}

export async function deleteResource(tx: Tx, id: string): Promise<void> {
  await tx.query.deleteFrom('resource_audiences').where('resource_id', '=', id).execute();
  await tx.query.deleteFrom('resources').where('id', '=', id).execute();
}
