import type { Kysely } from 'kysely';
import { compileOnce, type Database, type Tables, type Tx } from '../database/index.ts';
import type { ApiKeyRow } from './tables.ts';

export async function insertKey(tx: Tx, row: ApiKeyRow): Promise<void> {
  await tx.query.insertInto('api_keys').values(row).execute();
}

/** Finds a key by its hash: one indexed read, compiled once. */
export function createKeyByHash(database: Database): (secretHash: string) => Promise<ApiKeyRow | undefined> {
  const statement = compileOnce(database.read, (query) =>
    query.selectFrom('api_keys').selectAll().where('secret_hash', '=', ''),
  );
  return async (secretHash) => (await statement(database.read, [secretHash]))[0] as ApiKeyRow | undefined;
}

/** The imported key whose slow hash may fit a text; prefixes differ from each other in their first letters or length. */
export function slowKeysByPrefix(read: Kysely<Tables>, prefixes: readonly string[]): Promise<ApiKeyRow[]> {
  return read
    .selectFrom('api_keys')
    .selectAll()
    .where('lookup_prefix', 'in', [...prefixes])
    .where('slow_hash', 'is not', null)
    .limit(3)
    .execute();
}

/** Replaces a slow hash after its first use; false when another call did so first. */
export async function replaceSlowHash(tx: Tx, id: string, secretHash: string): Promise<boolean> {
  const done = await tx.query
    .updateTable('api_keys')
    .set({ secret_hash: secretHash, slow_hash: null })
    .where('id', '=', id)
    .where('slow_hash', 'is not', null)
    .returning('id')
    .executeTakeFirst();
  return done !== undefined;
}

/** Which keys a caller may see: one workspace or (null) all, and for a key only its own environment. */
export interface KeyReach {
  workspaceId: string | null;
  environment: 'test' | 'live' | null;
}

function within(query: Kysely<Tables>, { workspaceId, environment }: KeyReach) {
  let keys = query.selectFrom('api_keys').selectAll();
  if (workspaceId !== null) keys = keys.where('workspace_id', '=', workspaceId);
  return environment === null ? keys : keys.where('environment', '=', environment);
}

export function keyById(read: Kysely<Tables>, reach: KeyReach, id: string): Promise<ApiKeyRow | undefined> {
  return within(read, reach).where('id', '=', id).executeTakeFirst();
}

/** Newest first, below `beforeId`. */
export function listKeys(
  read: Kysely<Tables>,
  reach: KeyReach,
  page: { limit: number; beforeId: string | null; externalId: string | null; owner: string | null },
): Promise<ApiKeyRow[]> {
  let query = within(read, reach).orderBy('id', 'desc').limit(page.limit);
  if (page.beforeId !== null) query = query.where('id', '<', page.beforeId);
  if (page.externalId !== null) query = query.where('external_id', '=', page.externalId);
  if (page.owner !== null) query = query.where('owner', '=', page.owner);
  return query.execute();
}

/** Ends these keys in one statement; returns those that still lived. */
export function markRevoked(
  tx: Tx,
  ids: readonly string[],
  revoked: { atMs: number; reason: string | null },
): Promise<ApiKeyRow[]> {
  return tx.query
    .updateTable('api_keys')
    .set({ revoked_at: revoked.atMs, revoke_reason: revoked.reason })
    .where('id', 'in', [...ids])
    .where('revoked_at', 'is', null)
    .returningAll()
    .execute();
}

/** Ids of all keys made by this one, by those, and so on; successors keep their maker, so rotation hides none. */
export async function descendantIds(query: Kysely<Tables>, id: string): Promise<string[]> {
  const rows = await query
    .withRecursive('made', (db) =>
      db
        .selectFrom('api_keys')
        .select('id')
        .where('created_by', '=', id)
        .union(
          db.selectFrom('api_keys').innerJoin('made', 'made.id', 'api_keys.created_by').select('api_keys.id as id'),
        ),
    )
    .selectFrom('made')
    .select('id')
    .execute();
  return rows.map((row) => row.id);
}

/**
 * Gives a key its successor in one statement: undefined when it has one already, or does not live any more. The
 * predecessor ends at `endsAtMs`; at `revokedAtMs` when there is no overlap.
 */
export function markSucceeded(
  tx: Tx,
  id: string,
  next: { successorId: string; nowMs: number; endsAtMs: number | null; revokedAtMs: number | null },
): Promise<ApiKeyRow | undefined> {
  return tx.query
    .updateTable('api_keys')
    .set({ successor_id: next.successorId, expires_at: next.endsAtMs, revoked_at: next.revokedAtMs })
    .where('id', '=', id)
    .where('successor_id', 'is', null)
    .where('revoked_at', 'is', null)
    .where('disabled', '=', 0)
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', next.nowMs)]))
    .returningAll()
    .executeTakeFirst();
}

export function updateKey(tx: Tx, id: string, values: Partial<ApiKeyRow>): Promise<ApiKeyRow | undefined> {
  return tx.query.updateTable('api_keys').set(values).where('id', '=', id).returningAll().executeTakeFirst();
}

export async function deleteKey(tx: Tx, id: string): Promise<void> {
  await tx.query.deleteFrom('api_keys').where('id', '=', id).execute();
}

/** Moves `last_used_at` forward, never back. */
export function createMarkUsed(database: Database): (tx: Tx, id: string, atMs: number) => Promise<void> {
  const statement = compileOnce(database.read, (query) =>
    query
      .updateTable('api_keys')
      .set({ last_used_at: 0 })
      .where('id', '=', '')
      .where((where) => where.or([where('last_used_at', 'is', null), where('last_used_at', '<', 0)])),
  );
  return async (tx, id, atMs) => {
    await statement(tx.query, [atMs, id, atMs]);
  };
}
