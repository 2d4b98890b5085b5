import { type Kysely, type Selectable, sql } from 'kysely';
import { compileForMany, compileOnce, lockRows, type Tables, type Tx, valueRows } from '../../database/index.ts';
import type { Environment } from '../../http/index.ts';
import type { GrantRow } from './tables.ts';

type Row = Selectable<GrantRow>;

/** What makes a grant the only one: who allowed whom, in which workspace, for which resource. */
export interface GrantPlace {
  userId: string;
  clientId: string;
  workspaceId: string;
  audience: string;
}

function livingAt(query: Kysely<Tables>, { userId, clientId, workspaceId, audience }: GrantPlace) {
  return query
    .selectFrom('grants')
    .selectAll()
    .where('user_id', '=', userId)
    .where('client_id', '=', clientId)
    .where('workspace_id', '=', workspaceId)
    .where('audience', '=', audience)
    .where('revoked_at', 'is', null);
}

export function livingGrant(query: Kysely<Tables>, place: GrantPlace): Promise<Row | undefined> {
  return livingAt(query, place).executeTakeFirst();
}

/** The same, and nobody else changes it before the transaction ends. */
export function lockGrant(tx: Tx, place: GrantPlace): Promise<Row | undefined> {
  return lockRows(tx.query, livingAt(tx.query, place)).executeTakeFirst();
}

const selectById = compileOnce((query) => query.selectFrom('grants').selectAll().where('id', '=', ''));

export async function grantById(query: Kysely<Tables>, id: string): Promise<Row | undefined> {
  const [row] = (await selectById(query, [id])) as Row[];
  return row;
}

export async function insertGrant(tx: Tx, row: GrantRow): Promise<void> {
  await tx.query.insertInto('grants').values(row).execute();
}

export async function updateGrant(tx: Tx, id: string, values: Partial<GrantRow>): Promise<void> {
  await tx.query.updateTable('grants').set(values).where('id', '=', id).execute();
}

/** False when it had ended before. */
export async function endGrant(tx: Tx, id: string, nowMs: number): Promise<boolean> {
  const row = await tx.query
    .updateTable('grants')
    .set({ revoked_at: nowMs })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** What a person allowed and has not withdrawn, in one workspace or, with null, in all; in the order of its making. */
export function livingGrantsOf(query: Kysely<Tables>, userId: string, workspaceId: string | null): Promise<Row[]> {
  const rows = query.selectFrom('grants').selectAll().where('user_id', '=', userId).where('revoked_at', 'is', null);
  const there = workspaceId === null ? rows : rows.where('workspace_id', '=', workspaceId);
  return there.orderBy('id').execute();
}

/** Ends whatever people allowed an application. */
export async function endGrantsOf(tx: Tx, clientId: string, nowMs: number): Promise<void> {
  await tx.query
    .updateTable('grants')
    .set({ revoked_at: nowMs })
    .where('client_id', '=', clientId)
    .where('revoked_at', 'is', null)
    .execute();
}

/** Null: whatever it is. */
export interface GrantFilter {
  workspaceId: string | null;
  environment: Environment | null;
  userId: string | null;
  clientId: string | null;
}

/** Living ones, newest first, below `beforeId`. */
export function listGrants(
  query: Kysely<Tables>,
  { workspaceId, environment, userId, clientId }: GrantFilter,
  page: { beforeId: string | null; limit: number },
): Promise<Row[]> {
  let select = query
    .selectFrom('grants')
    .selectAll()
    .where('revoked_at', 'is', null)
    .orderBy('id', 'desc')
    .limit(page.limit);
  if (workspaceId !== null) select = select.where('workspace_id', '=', workspaceId);
  if (environment !== null) select = select.where('environment', '=', environment);
  if (userId !== null) select = select.where('user_id', '=', userId);
  if (clientId !== null) select = select.where('client_id', '=', clientId);
  if (page.beforeId !== null) select = select.where('id', '<', page.beforeId);
  return select.execute();
}

const updateUsed = compileForMany((query, count) => {
  const statement = sql`update grants set last_used_at = used.column2
    from (${valueRows(['text', 'bigint'], count)}) as used
    where grants.id = used.column1 and (last_used_at is null or last_used_at < used.column2)`;
  return { compile: () => statement.compile(query) };
});

/** Moves `last_used_at` forward, never back. */
export async function markUsed(tx: Tx, used: readonly (readonly [id: string, atMs: number])[]): Promise<void> {
  await updateUsed(tx.query, used);
}

/** Removes up to `limit` that ended before; how many there were. */
export async function deleteEndedGrants(tx: Tx, beforeMs: number, limit: number): Promise<number> {
  const ended = tx.query.selectFrom('grants').select('id').where('revoked_at', '<', beforeMs).limit(limit);
  const { numDeletedRows } = await tx.query.deleteFrom('grants').where('id', 'in', ended).executeTakeFirst();
  return Number(numDeletedRows);
}
