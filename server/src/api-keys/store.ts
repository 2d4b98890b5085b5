import { type Kysely, sql } from 'kysely';
import {
  compileForMany,
  compileInsert,
  compileOnce,
  hasOneWriter,
  lockRows,
  type Tables,
  type Tx,
  valueRows,
} from '../database/index.ts';
import type { ApiKeyRow } from './tables.ts';

const insertRow = compileInsert<ApiKeyRow>('api_keys');

export async function insertKey(tx: Tx, row: ApiKeyRow): Promise<void> {
  await insertRow(tx.query, row);
}

const selectByHash = compileOnce((query) => query.selectFrom('api_keys').selectAll().where('secret_hash', '=', ''));

/** Finds a key by its hash: one indexed read. */
export async function keyByHash(read: Kysely<Tables>, secretHash: string): Promise<ApiKeyRow | undefined> {
  return (await selectByHash(read, [secretHash]))[0] as ApiKeyRow | undefined;
}

/** Imported keys whose slow hash may fit a text, or did lately: the longest prefixes first, which nobody takes by chance. */
export function slowKeysByPrefix(read: Kysely<Tables>, prefixes: readonly string[]): Promise<ApiKeyRow[]> {
  return read
    .selectFrom('api_keys')
    .selectAll()
    .where('lookup_prefix', 'in', [...prefixes])
    .orderBy('lookup_prefix', 'desc')
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
  let keys = query.selectFrom('api_keys').selectAll().where('deleted_at', 'is', null);
  if (workspaceId !== null) keys = keys.where('workspace_id', '=', workspaceId);
  return environment === null ? keys : keys.where('environment', '=', environment);
}

const selectById = compileOnce((query) => query.selectFrom('api_keys').selectAll().where('id', '=', ''));

const lockById = compileOnce((query) => lockRows(query, query.selectFrom('api_keys').selectAll().where('id', '=', '')));

const reaches = ({ workspaceId, environment }: KeyReach, row: ApiKeyRow): boolean =>
  (workspaceId === null || row.workspace_id === workspaceId) &&
  (environment === null || row.environment === environment);

export async function keyById(read: Kysely<Tables>, reach: KeyReach, id: string): Promise<ApiKeyRow | undefined> {
  const [row] = (await selectById(read, [id])) as ApiKeyRow[];
  return row && row.deleted_at === null && reaches(reach, row) ? row : undefined;
}

/** A key that nobody else changes before this transaction ends. */
export async function lockKey(tx: Tx, reach: KeyReach, id: string): Promise<ApiKeyRow | undefined> {
  const row = await lockKeyOrStub(tx, reach, id);
  return row?.deleted_at === null ? row : undefined;
}

/** The same, also for a key that was deleted and left its links: what it made can still be revoked by its id. */
export async function lockKeyOrStub(tx: Tx, reach: KeyReach, id: string): Promise<ApiKeyRow | undefined> {
  // Who may not see a row must not hold it either.
  const [seen] = (await selectById(tx.query, [id])) as ApiKeyRow[];
  if (!seen || !reaches(reach, seen)) return undefined;
  if (hasOneWriter(tx.query)) return seen;
  const [row] = (await lockById(tx.query, [id])) as ApiKeyRow[];
  return row && reaches(reach, row) ? row : undefined;
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

/**
 * Ids of living keys, at most `limit`: the successors of a key, all keys that it or its predecessors made or whose text
 * they got by rotating, what these made in turn, and so on. A successor keeps its maker, so rotation hides none.
 */
export async function livingDescendantIds(
  query: Kysely<Tables>,
  { id, successor_id: successorId }: Pick<ApiKeyRow, 'id' | 'successor_id'>,
  limit: number,
): Promise<string[]> {
  const rows = await query
    .withRecursive('self', (db) =>
      db
        .selectFrom('api_keys')
        .select(['id', 'predecessor_id'])
        .where('id', '=', id)
        .union(
          db
            .selectFrom('api_keys')
            .innerJoin('self', 'self.predecessor_id', 'api_keys.id')
            .select(['api_keys.id', 'api_keys.predecessor_id']),
        ),
    )
    .withRecursive('made', (db) =>
      db
        .selectFrom('api_keys')
        .select(['id', 'successor_id'])
        .where((where) =>
          where.or([
            where('created_by', 'in', db.selectFrom('self').select('id')),
            where('rotated_by', 'in', db.selectFrom('self').select('id')),
            where('id', '=', successorId ?? ''),
          ]),
        )
        .union(
          db
            .selectFrom('api_keys')
            .innerJoin('made', (join) =>
              join.on((on) =>
                on.or([
                  on('api_keys.created_by', '=', on.ref('made.id')),
                  on('api_keys.rotated_by', '=', on.ref('made.id')),
                  on('api_keys.id', '=', on.ref('made.successor_id')),
                ]),
              ),
            )
            .select(['api_keys.id', 'api_keys.successor_id']),
        ),
    )
    .selectFrom('made')
    .innerJoin('api_keys', 'api_keys.id', 'made.id')
    .select('api_keys.id')
    .where('api_keys.revoked_at', 'is', null)
    .orderBy('api_keys.id')
    .limit(limit)
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

/** Disables some of the keys that are not revoked; returns how many: 0 when there is none left. */
export async function disableLivingKeys(tx: Tx, limit: number): Promise<number> {
  const { numUpdatedRows } = await tx.query
    .updateTable('api_keys')
    .set({ disabled: 1 })
    .where('id', 'in', (some) =>
      some.selectFrom('api_keys').select('id').where('disabled', '=', 0).where('revoked_at', 'is', null).limit(limit),
    )
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

export function updateKey(tx: Tx, id: string, values: Partial<ApiKeyRow>): Promise<ApiKeyRow | undefined> {
  return tx.query.updateTable('api_keys').set(values).where('id', '=', id).returningAll().executeTakeFirst();
}

/** What a deleted key leaves when others descend from it: its place and its links, and nothing else to tell. */
const STUB: Partial<ApiKeyRow> = {
  name: '',
  hint: '',
  scopes: '[]',
  metadata: 'null',
  slow_hash: null,
  lookup_prefix: null,
  owner: null,
  external_id: null,
  ip_allowlist: null,
  plan: null,
  limits: null,
  quota: null,
  revoke_reason: null,
};

/** Removes a key, or all but its links: what it made must be found when its own maker is revoked with descendants. */
export async function deleteKey(tx: Tx, { id, successor_id, revoked_at }: ApiKeyRow, nowMs: number): Promise<void> {
  const made = tx.query
    .selectFrom('api_keys')
    .select('id')
    .where((where) => where.or([where('created_by', '=', id), where('rotated_by', '=', id)]))
    .limit(1);
  const isLink = successor_id !== null || (await made.executeTakeFirst()) !== undefined;
  if (isLink) {
    const ended = { secret_hash: `gone:${id}`, revoked_at: revoked_at ?? nowMs, deleted_at: nowMs };
    await updateKey(tx, id, { ...STUB, ...ended });
  } else await tx.query.deleteFrom('api_keys').where('id', '=', id).execute();
}

const updateLastUsed = compileForMany((query, count) => {
  const statement = sql`update api_keys set last_used_at = used.column2
    from (${valueRows(['text', 'bigint'], count)}) as used
    where api_keys.id = used.column1 and (last_used_at is null or last_used_at < used.column2)`;
  return { compile: () => statement.compile(query) };
});

/** Moves `last_used_at` of keys forward, never back; times by id. */
export async function markUsed(tx: Tx, atMsById: ReadonlyMap<string, number>): Promise<void> {
  await updateLastUsed(tx.query, [...atMsById]);
}
