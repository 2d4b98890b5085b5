import type { Kysely } from 'kysely';
import type { Tables, Tx } from '../database/index.ts';
import type { ScopeRow } from './tables.ts';

export function allScopes(query: Kysely<Tables>): Promise<ScopeRow[]> {
  return query.selectFrom('scopes').selectAll().orderBy('name').execute();
}

export function scopeByName(query: Kysely<Tables>, name: string): Promise<ScopeRow | undefined> {
  return query.selectFrom('scopes').selectAll().where('name', '=', name).executeTakeFirst();
}

/** How many belong to a resource. */
export async function countScopesOf(query: Kysely<Tables>, resourceId: string): Promise<number> {
  const { count } = await query
    .selectFrom('scopes')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('resource', '=', resourceId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Adds those that are not there yet. */
export async function insertMissing(tx: Tx, rows: readonly ScopeRow[]): Promise<void> {
  await tx.query
    .insertInto('scopes')
    .values([...rows])
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function insertScope(tx: Tx, row: ScopeRow): Promise<void> {
  await tx.query.insertInto('scopes').values(row).execute();
}

export async function updateScope(
  tx: Tx,
  name: string,
  values: Partial<Omit<ScopeRow, 'name' | 'kind'>>,
): Promise<ScopeRow | undefined> {
  return tx.query.updateTable('scopes').set(values).where('name', '=', name).returningAll().executeTakeFirst();
}

export async function deleteScope(tx: Tx, name: string): Promise<void> {
  await tx.query.deleteFrom('scopes').where('name', '=', name).execute();
}
