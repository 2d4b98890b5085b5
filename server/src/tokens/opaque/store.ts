import type { Kysely } from 'kysely';
import { compileInsert, compileOnce, type Tables, type Tx } from '../../database/index.ts';
import type { OpaqueTokenRow } from './tables.ts';

const insertRow = compileInsert<OpaqueTokenRow>('opaque_tokens');

export async function insertOpaque(tx: Tx, row: OpaqueTokenRow): Promise<void> {
  await insertRow(tx.query, row);
}

const selectByHash = compileOnce((query) => query.selectFrom('opaque_tokens').selectAll().where('token_hash', '=', ''));

/** One indexed read. */
export async function opaqueByHash(read: Kysely<Tables>, tokenHash: string): Promise<OpaqueTokenRow | undefined> {
  return (await selectByHash(read, [tokenHash]))[0] as OpaqueTokenRow | undefined;
}

/** Removes up to `limit` that are over for everybody; returns how many. */
export async function deleteOldOpaque(tx: Tx, beforeMs: number, limit: number): Promise<number> {
  const old = tx.query.selectFrom('opaque_tokens').select('token_hash').where('expires_at', '<', beforeMs).limit(limit);
  const gone = await tx.query.deleteFrom('opaque_tokens').where('token_hash', 'in', old).executeTakeFirst();
  return Number(gone.numDeletedRows);
}

/** Removes some of them, whatever they are; returns how many: 0 when there is none left. */
export async function deleteSomeOpaque(tx: Tx, limit: number): Promise<number> {
  return deleteOldOpaque(tx, Number.MAX_SAFE_INTEGER, limit);
}
