import type { Kysely } from 'kysely';
import type { Tables, Tx } from '../../database/index.ts';
import type { PlanRow } from './tables.ts';

export function allPlans(query: Kysely<Tables>): Promise<PlanRow[]> {
  return query.selectFrom('plans').selectAll().orderBy('name').execute();
}

export function planByName(query: Kysely<Tables>, name: string): Promise<PlanRow | undefined> {
  return query.selectFrom('plans').selectAll().where('name', '=', name).executeTakeFirst();
}

/** Adds those that are not there yet. */
export async function insertMissingPlans(tx: Tx, rows: readonly PlanRow[]): Promise<void> {
  await tx.query
    .insertInto('plans')
    .values([...rows])
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function insertPlan(tx: Tx, row: PlanRow): Promise<void> {
  await tx.query.insertInto('plans').values(row).execute();
}

export function updatePlan(tx: Tx, name: string, values: Partial<PlanRow>): Promise<PlanRow | undefined> {
  return tx.query.updateTable('plans').set(values).where('name', '=', name).returningAll().executeTakeFirst();
}

/** False when there was none. */
export async function deletePlan(tx: Tx, name: string): Promise<boolean> {
  const gone = await tx.query.deleteFrom('plans').where('name', '=', name).returning('name').executeTakeFirst();
  return gone !== undefined;
}
