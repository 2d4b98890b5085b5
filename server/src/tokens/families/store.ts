import type { Kysely, Selectable } from 'kysely';
import { compileInsertSeeing, compileOnce, type Tables, type Tx } from '../../database/index.ts';
import { EPOCH_NUMBER, heldNumber } from '../denials/index.ts';
import type { RefreshFamilyRow } from './tables.ts';

/** A family, and the newest watermark number as the same statement saw it. */
export type SeenFamily = Selectable<RefreshFamilyRow> & { epoch: number };

const insertRow = compileInsertSeeing<RefreshFamilyRow>('refresh_families', (query) => [heldNumber(query)]);

/** Returns the newest watermark number, which is held until the transaction ends. */
export async function insertFamilyRow(tx: Tx, row: RefreshFamilyRow): Promise<number> {
  const [seen] = (await insertRow(tx.query, row)) as { epoch: number | null }[];
  return seen?.epoch ?? 0;
}

const selectByHandle = compileOnce((query) =>
  query.selectFrom('refresh_families').selectAll().select(EPOCH_NUMBER.as('epoch')).where('handle_hash', '=', ''),
);

export async function familyByHandle(query: Kysely<Tables>, handleHash: string): Promise<SeenFamily | undefined> {
  const [row] = (await selectByHandle(query, [handleHash])) as SeenFamily[];
  return row;
}

export function familyById(query: Kysely<Tables>, id: string): Promise<RefreshFamilyRow | undefined> {
  return query.selectFrom('refresh_families').selectAll().where('id', '=', id).executeTakeFirst();
}

/**
 * One use of the current token, in one statement: undefined when it was not current any more, or the family had ended.
 * With `rotated` another token takes its place.
 */
export function useCurrent(
  tx: Tx,
  presented: { id: string; tokenHash: string },
  values: Pick<RefreshFamilyRow, 'expires_at'> &
    Partial<Pick<RefreshFamilyRow, 'current_hash' | 'parent_hash' | 'nonce' | 'rotated_at'>>,
): Promise<{ epoch: number } | undefined> {
  return tx.query
    .updateTable('refresh_families')
    .set(values)
    .where('id', '=', presented.id)
    .where('current_hash', '=', presented.tokenHash)
    .where('revoked_at', 'is', null)
    .returning(EPOCH_NUMBER.as('epoch'))
    .executeTakeFirst();
}

/** Ends a family. False when it had ended before. */
export async function endFamily(tx: Tx, id: string, reason: string, nowMs: number): Promise<boolean> {
  const ended = await tx.query
    .updateTable('refresh_families')
    .set({ revoked_at: nowMs, revoke_reason: reason })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return ended !== undefined;
}

/** Ends every family of a user, client, grant or session; returns how many. */
export async function endFamiliesOf(
  tx: Tx,
  column: 'user_id' | 'client_id' | 'grant_id' | 'session_id',
  ref: string,
  reason: string,
  nowMs: number,
): Promise<number> {
  const { numUpdatedRows } = await tx.query
    .updateTable('refresh_families')
    .set({ revoked_at: nowMs, revoke_reason: reason })
    .where(column, '=', ref)
    .where('revoked_at', 'is', null)
    .executeTakeFirst();
  return Number(numUpdatedRows);
}

/** Ends up to `limit` of all families that live; returns how many. */
export async function endLivingFamilies(tx: Tx, reason: string, nowMs: number, limit: number): Promise<number> {
  const living = tx.query.selectFrom('refresh_families').select('id').where('revoked_at', 'is', null).limit(limit);
  const { numUpdatedRows } = await tx.query
    .updateTable('refresh_families')
    .set({ revoked_at: nowMs, revoke_reason: reason })
    .where('id', 'in', living)
    .executeTakeFirst();
  return Number(numUpdatedRows);
}

/** Removes up to `limit` families that ended before; returns how many there were. */
export async function deleteEndedFamilies(tx: Tx, beforeMs: number, limit: number): Promise<number> {
  const ended = tx.query.selectFrom('refresh_families').select('id').where('expires_at', '<', beforeMs).limit(limit);
  const { numDeletedRows } = await tx.query
    .deleteFrom('refresh_families')
    .where('id', 'in', ended)
    .where('expires_at', '<', beforeMs)
    .executeTakeFirst();
  return Number(numDeletedRows);
}
