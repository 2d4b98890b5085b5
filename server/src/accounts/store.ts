import type { Kysely } from 'kysely';
import type { Tables, Tx } from '../database/index.ts';
import type { MemberRow, UserRow, WorkspaceRow } from './tables.ts';

export async function insertWorkspace(tx: Tx, row: WorkspaceRow): Promise<void> {
  await tx.query.insertInto('workspaces').values(row).execute();
}

export async function insertUser(tx: Tx, row: UserRow): Promise<void> {
  await tx.query.insertInto('users').values(row).execute();
}

export async function insertMember(tx: Tx, row: MemberRow): Promise<void> {
  await tx.query.insertInto('members').values(row).execute();
}

/** Writes a fact that may be written once; false when it stood already. */
export async function claimInstallationFact(tx: Tx, name: string, value: string, nowMs: number): Promise<boolean> {
  const won = await tx.query
    .insertInto('installation')
    .values({ name, value, created_at: nowMs })
    .onConflict((conflict) => conflict.doNothing())
    .returning('name')
    .executeTakeFirst();
  return won !== undefined;
}

export async function workspaceExists(read: Kysely<Tables>, id: string): Promise<boolean> {
  const row = await read.selectFrom('workspaces').select('id').where('id', '=', id).executeTakeFirst();
  return row !== undefined;
}

export function workspaceById(read: Kysely<Tables>, id: string): Promise<WorkspaceRow | undefined> {
  return read.selectFrom('workspaces').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Oldest first, after `afterId`; only that one when the filter names an id. */
export function listWorkspaces(
  read: Kysely<Tables>,
  filter: { id: string | null; externalId: string | null },
  page: { afterId: string; limit: number },
): Promise<WorkspaceRow[]> {
  let query = read.selectFrom('workspaces').selectAll().where('id', '>', page.afterId).orderBy('id').limit(page.limit);
  if (filter.id !== null) query = query.where('id', '=', filter.id);
  if (filter.externalId !== null) query = query.where('external_id', '=', filter.externalId);
  return query.execute();
}

export function updateWorkspace(
  tx: Tx,
  id: string,
  values: Partial<Omit<WorkspaceRow, 'id'>>,
): Promise<WorkspaceRow | undefined> {
  return tx.query.updateTable('workspaces').set(values).where('id', '=', id).returningAll().executeTakeFirst();
}

/** At most `limit` ids, oldest first. */
export async function workspaceIds(read: Kysely<Tables>, limit: number): Promise<string[]> {
  const rows = await read.selectFrom('workspaces').select('id').orderBy('id').limit(limit).execute();
  return rows.map(({ id }) => id);
}

export async function memberExists(read: Kysely<Tables>, workspaceId: string, userId: string): Promise<boolean> {
  const row = await read
    .selectFrom('members')
    .select('id')
    .where('workspace_id', '=', workspaceId)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return row !== undefined;
}
