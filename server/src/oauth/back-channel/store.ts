import type { Kysely } from 'kysely';
import type { Tables, Tx } from '../../database/index.ts';
import type { LogoutDeliveryRow, SessionClientRow } from './tables.ts';

/** Safe to repeat. */
export async function insertSessionClient(tx: Tx, row: SessionClientRow): Promise<void> {
  await tx.query
    .insertInto('session_clients')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Takes the applications of sessions away, for who tells them. */
export function takeSessionClients(tx: Tx, sessionIds: readonly string[]): Promise<SessionClientRow[]> {
  return tx.query.deleteFrom('session_clients').where('session_id', 'in', sessionIds).returningAll().execute();
}

export async function moveSessionClients(
  tx: Tx,
  { id, by, expiresAtMs }: { id: string; by: string; expiresAtMs: number },
): Promise<void> {
  await tx.query
    .updateTable('session_clients')
    .set({ session_id: by, expires_at: expiresAtMs })
    .where('session_id', '=', id)
    .execute();
}

export async function deleteOldSessionClients(tx: Tx, nowMs: number): Promise<void> {
  await tx.query.deleteFrom('session_clients').where('expires_at', '<=', nowMs).execute();
}

export async function insertDeliveries(tx: Tx, rows: LogoutDeliveryRow[]): Promise<void> {
  await tx.query.insertInto('logout_deliveries').values(rows).execute();
}

/** Applications with something due, but for those named: the longest waiting first. */
export async function dueClients(
  read: Kysely<Tables>,
  nowMs: number,
  { except, limit }: { except: readonly string[]; limit: number },
): Promise<string[]> {
  let query = read
    .selectFrom('logout_deliveries')
    .select(({ fn }) => ['client_id', fn.min('next_attempt_at').as('first')])
    .where('next_attempt_at', '<=', nowMs)
    .groupBy('client_id')
    .orderBy('first')
    .limit(limit);
  if (except.length > 0) query = query.where('client_id', 'not in', except);
  return (await query.execute()).map(({ client_id: clientId }) => clientId);
}

export function dueDeliveries(
  read: Kysely<Tables>,
  clientId: string,
  nowMs: number,
  limit: number,
): Promise<LogoutDeliveryRow[]> {
  return read
    .selectFrom('logout_deliveries')
    .selectAll()
    .where('client_id', '=', clientId)
    .where('next_attempt_at', '<=', nowMs)
    .orderBy('next_attempt_at')
    .orderBy('id')
    .limit(limit)
    .execute();
}

/** Takes one for one attempt, in one statement: false when another process has it. */
export async function takeDelivery(tx: Tx, { id, attempts }: LogoutDeliveryRow, nextAtMs: number): Promise<boolean> {
  const row = await tx.query
    .updateTable('logout_deliveries')
    .set({ attempts: attempts + 1, next_attempt_at: nextAtMs })
    .where('id', '=', id)
    .where('attempts', '=', attempts)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** False when it was gone. */
export async function deleteDelivery(tx: Tx, id: string): Promise<boolean> {
  const row = await tx.query.deleteFrom('logout_deliveries').where('id', '=', id).returning('id').executeTakeFirst();
  return row !== undefined;
}
