import type { Kysely } from 'kysely';
import { lockRows, type Tables, type Tx } from '../database/index.ts';
import type { Role } from '../http/index.ts';
import type { MemberRow, UserRow, WorkspaceRow } from './tables.ts';

export async function insertWorkspace(tx: Tx, row: WorkspaceRow): Promise<void> {
  await tx.query.insertInto('workspaces').values(row).execute();
}

export async function insertUser(tx: Tx, row: UserRow): Promise<void> {
  await tx.query.insertInto('users').values(row).execute();
}

/** A person with what a sign-in asks of them: which second factors there are, and where they belong first. */
export interface PersonRow extends UserRow {
  totp: number;
  passkeys: number;
  first_workspace_id: string | null;
}

function people(read: Kysely<Tables>) {
  return read
    .selectFrom('users')
    .selectAll('users')
    .select((select) => [
      select
        .selectFrom('totp_factors')
        .select(select.fn.countAll<number>().as('count'))
        .whereRef('totp_factors.user_id', '=', 'users.id')
        .where('confirmed_at', 'is not', null)
        .$asScalar()
        .as('totp'),
      select
        .selectFrom('passkeys')
        .select(select.fn.countAll<number>().as('count'))
        .whereRef('passkeys.user_id', '=', 'users.id')
        .$asScalar()
        .as('passkeys'),
      select
        .selectFrom('members')
        .select('members.workspace_id')
        .whereRef('members.user_id', '=', 'users.id')
        .orderBy('members.id')
        .limit(1)
        .$asScalar()
        .as('first_workspace_id'),
    ]);
}

/** By the form in which addresses are compared: one read for all that a sign-in needs. */
export function personByEmail(read: Kysely<Tables>, emailKey: string): Promise<PersonRow | undefined> {
  return people(read).where('users.email_key', '=', emailKey).executeTakeFirst() as Promise<PersonRow | undefined>;
}

export function personById(read: Kysely<Tables>, id: string): Promise<PersonRow | undefined> {
  return people(read).where('users.id', '=', id).executeTakeFirst() as Promise<PersonRow | undefined>;
}

export function updateUser(tx: Tx, id: string, values: Partial<Omit<UserRow, 'id'>>): Promise<UserRow | undefined> {
  return tx.query.updateTable('users').set(values).where('id', '=', id).returningAll().executeTakeFirst();
}

export async function deleteUser(tx: Tx, id: string): Promise<boolean> {
  const row = await tx.query.deleteFrom('users').where('id', '=', id).returning('id').executeTakeFirst();
  return row !== undefined;
}

export async function userState(read: Kysely<Tables>, id: string): Promise<UserRow['state'] | undefined> {
  const row = await read.selectFrom('users').select('state').where('id', '=', id).executeTakeFirst();
  return row?.state;
}

/** A person whom nobody else changes before this transaction ends. */
export function lockUser(tx: Tx, id: string): Promise<UserRow | undefined> {
  return lockRows(tx.query, tx.query.selectFrom('users').selectAll().where('id', '=', id)).executeTakeFirst();
}

/** A workspace that nobody else changes the members of before this transaction ends. */
export function lockWorkspace(tx: Tx, id: string): Promise<WorkspaceRow | undefined> {
  return lockRows(tx.query, tx.query.selectFrom('workspaces').selectAll().where('id', '=', id)).executeTakeFirst();
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

/** Writes a fact over what stood there. */
export async function replaceInstallationFact(tx: Tx, name: string, value: string, nowMs: number): Promise<void> {
  await tx.query
    .insertInto('installation')
    .values({ name, value, created_at: nowMs })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value, created_at: nowMs }))
    .execute();
}

export async function installationFact(read: Kysely<Tables>, name: string): Promise<string | null> {
  const row = await read.selectFrom('installation').select('value').where('name', '=', name).executeTakeFirst();
  return row?.value ?? null;
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
  filter: { id: string | null; externalId: string | null; memberId: string | null },
  page: { afterId: string; limit: number },
): Promise<WorkspaceRow[]> {
  let query = read.selectFrom('workspaces').selectAll().where('id', '>', page.afterId).orderBy('id').limit(page.limit);
  if (filter.id !== null) query = query.where('id', '=', filter.id);
  if (filter.memberId !== null) {
    const own = read.selectFrom('members').select('workspace_id').where('user_id', '=', filter.memberId);
    query = query.where('id', 'in', own);
  }
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

/** What a person is in a workspace; null where they are no member. */
export async function memberRole(read: Kysely<Tables>, workspaceId: string, userId: string): Promise<Role | null> {
  const row = await read
    .selectFrom('members')
    .select('role')
    .where('workspace_id', '=', workspaceId)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return row?.role ?? null;
}

export async function memberExists(read: Kysely<Tables>, workspaceId: string, userId: string): Promise<boolean> {
  return (await memberRole(read, workspaceId, userId)) !== null;
}
