import type { Kysely } from 'kysely';
import type { Tables, Tx } from '../database/index.ts';
import type { ApiKeyRow } from './tables.ts';

export async function insertKey(tx: Tx, row: ApiKeyRow): Promise<void> {
  await tx.query.insertInto('api_keys').values(row).execute();
}

export function keyByHash(read: Kysely<Tables>, secretHash: string): Promise<ApiKeyRow | undefined> {
  return read.selectFrom('api_keys').selectAll().where('secret_hash', '=', secretHash).executeTakeFirst();
}

/** Whose keys a caller may see: one workspace, and for a key only its own environment. */
export interface KeyReach {
  workspaceId: string;
  environment: 'test' | 'live' | null;
}

function within(query: Kysely<Tables>, { workspaceId, environment }: KeyReach) {
  const keys = query.selectFrom('api_keys').selectAll().where('workspace_id', '=', workspaceId);
  return environment === null ? keys : keys.where('environment', '=', environment);
}

export function keyById(read: Kysely<Tables>, reach: KeyReach, id: string): Promise<ApiKeyRow | undefined> {
  return within(read, reach).where('id', '=', id).executeTakeFirst();
}

/** Newest first, below `beforeId`. */
export function listKeys(
  read: Kysely<Tables>,
  reach: KeyReach,
  page: { limit: number; beforeId: string | null; externalId: string | null },
): Promise<ApiKeyRow[]> {
  let query = within(read, reach).orderBy('id', 'desc').limit(page.limit);
  if (page.beforeId !== null) query = query.where('id', '<', page.beforeId);
  if (page.externalId !== null) query = query.where('external_id', '=', page.externalId);
  return query.execute();
}

/** Ends the key in one statement; undefined when there is none in reach that still lives. */
export function markRevoked(
  tx: Tx,
  reach: KeyReach,
  id: string,
  revoked: { atMs: number; reason: string | null },
): Promise<ApiKeyRow | undefined> {
  let query = tx.query
    .updateTable('api_keys')
    .set({ revoked_at: revoked.atMs, revoke_reason: revoked.reason })
    .where('id', '=', id)
    .where('workspace_id', '=', reach.workspaceId)
    .where('revoked_at', 'is', null);
  if (reach.environment !== null) query = query.where('environment', '=', reach.environment);
  return query.returningAll().executeTakeFirst();
}

/** Moves `last_used_at` forward, never back. */
export async function markUsed(tx: Tx, id: string, atMs: number): Promise<void> {
  await tx.query
    .updateTable('api_keys')
    .set({ last_used_at: atMs })
    .where('id', '=', id)
    .where((where) => where.or([where('last_used_at', 'is', null), where('last_used_at', '<', atMs)]))
    .execute();
}
