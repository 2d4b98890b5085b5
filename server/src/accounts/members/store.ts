import { type AliasedExpression, type Kysely, sql } from 'kysely';
import { compileOnce, type Tables, type Tx } from '../../database/index.ts';
import type { Role } from '../../http/index.ts';
import type { MemberRow, UserRow, WorkspaceRow } from '../tables.ts';
import type { InvitationRow } from './tables.ts';

/** A member with the person behind it. */
export interface MemberFacts extends MemberRow {
  email: string;
  email_verified: number;
  name: string | null;
  state: UserRow['state'];
  created_in: string | null;
  user_created_at: number;
  totp: number;
  passkeys: number;
}

function facts(read: Kysely<Tables>, workspaceId: string) {
  return read
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.user_id')
    .selectAll('members')
    .select((select) => [
      'users.email',
      'users.email_verified',
      'users.name',
      'users.state',
      'users.created_in',
      'users.created_at as user_created_at',
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
    ])
    .where('members.workspace_id', '=', workspaceId);
}

export interface MemberFilter {
  externalId: string | null;
  emailKey: string | null;
}

/** Oldest first, after `afterId`. */
export function listMembers(
  read: Kysely<Tables>,
  workspaceId: string,
  filter: MemberFilter,
  page: { afterId: string; limit: number },
): Promise<MemberFacts[]> {
  let query = facts(read, workspaceId).where('members.id', '>', page.afterId).orderBy('members.id').limit(page.limit);
  if (filter.externalId !== null) query = query.where('members.external_id', '=', filter.externalId);
  if (filter.emailKey !== null) query = query.where('users.email_key', '=', filter.emailKey);
  return query.execute() as Promise<MemberFacts[]>;
}

export function memberById(read: Kysely<Tables>, workspaceId: string, id: string): Promise<MemberFacts | undefined> {
  return facts(read, workspaceId).where('members.id', '=', id).executeTakeFirst() as Promise<MemberFacts | undefined>;
}

export function memberOfUser(
  read: Kysely<Tables>,
  workspaceId: string,
  userId: string,
): Promise<MemberFacts | undefined> {
  return facts(read, workspaceId).where('members.user_id', '=', userId).executeTakeFirst() as Promise<
    MemberFacts | undefined
  >;
}

/** What decides whether a person may act in a workspace, and as what. */
export interface Standing {
  isDisabled: boolean;
  hasSecondFactor: boolean;
  role: Role;
  isWorkspaceSuspended: boolean;
  requiresSecondFactor: boolean;
}

export interface StandingColumns {
  role: Role | null;
  user_state: UserRow['state'] | null;
  workspace_state: WorkspaceRow['state'] | null;
  require_second_factor: number | null;
  factors: number;
}

/** The columns of a standing, for a SELECT or RETURNING that has the two ids. */
export function standingColumns(
  query: Kysely<Tables>,
  ids: { workspaceId: string; userId: string },
): AliasedExpression<unknown, keyof StandingColumns>[] {
  // Names of their own: the ids may stand in a table that is looked at here.
  const [workspaceId, userId] = [sql.ref<string>(ids.workspaceId), sql.ref<string>(ids.userId)];
  const workspace = query.selectFrom('workspaces as place').where('place.id', '=', workspaceId);
  const factors = sql<number>`
    (select count(*) from totp_factors as code where code.user_id = ${userId} and code.confirmed_at is not null) +
    (select count(*) from passkeys as passkey where passkey.user_id = ${userId})`;
  return [
    query
      .selectFrom('members as own')
      .select('own.role')
      .where('own.workspace_id', '=', workspaceId)
      .where('own.user_id', '=', userId)
      .$asScalar()
      .as('role'),
    query
      .selectFrom('users as person')
      .select('person.state')
      .where('person.id', '=', userId)
      .$asScalar()
      .as('user_state'),
    workspace.select('place.state').$asScalar().as('workspace_state'),
    workspace.select('place.require_second_factor').$asScalar().as('require_second_factor'),
    factors.as('factors'),
  ];
}

/** Who is in a workspace and has neither authenticator app nor passkey; in the order of their ids. */
export async function membersWithoutFactor(tx: Tx, workspaceId: string): Promise<string[]> {
  const rows = await tx.query
    .selectFrom('members')
    .select('user_id')
    .where('workspace_id', '=', workspaceId)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('totp_factors')
            .select('user_id')
            .whereRef('totp_factors.user_id', '=', 'members.user_id')
            .where('confirmed_at', 'is not', null),
        ),
      ),
    )
    .where(({ not, exists, selectFrom }) =>
      not(exists(selectFrom('passkeys').select('user_id').whereRef('passkeys.user_id', '=', 'members.user_id'))),
    )
    .orderBy('user_id')
    .execute();
  return rows.map(({ user_id: userId }) => userId);
}

/** Null when the person is not in that workspace. Pure. */
export function standingFrom(row: StandingColumns | undefined): Standing | null {
  if (!row || row.role === null) return null;
  return {
    isDisabled: row.user_state !== 'active',
    hasSecondFactor: Number(row.factors) > 0,
    role: row.role,
    isWorkspaceSuspended: row.workspace_state === 'suspended',
    requiresSecondFactor: row.require_second_factor === 1,
  };
}

const selectStanding = compileOnce((query) =>
  query
    .selectFrom('members')
    .select(() => standingColumns(query, { workspaceId: 'members.workspace_id', userId: 'members.user_id' }))
    .where('members.workspace_id', '=', '')
    .where('members.user_id', '=', ''),
);

/** By one read; null when the person is not in that workspace. */
export async function standingOf(read: Kysely<Tables>, workspaceId: string, userId: string): Promise<Standing | null> {
  const [row] = (await selectStanding(read, [workspaceId, userId])) as StandingColumns[];
  return standingFrom(row);
}

/** A person and, where there is one, a place in a workspace: for the operator, who reaches everybody. */
export type UserFacts = Omit<MemberFacts, keyof MemberRow> & {
  user_id: string;
} & { [Field in Exclude<keyof MemberRow, 'user_id'>]: MemberRow[Field] | null };

/** The person as a member of that workspace; of the first of theirs, or of none, when no workspace is named. */
export async function userFacts(
  read: Kysely<Tables>,
  userId: string,
  workspaceId: string | null,
): Promise<UserFacts | undefined> {
  const [first] = workspaceId === null ? await membershipsOf(read, userId) : [];
  const place = workspaceId ?? first?.workspace_id;
  if (place !== undefined) return memberOfUser(read, place, userId);
  const person = await read.selectFrom('users').selectAll().where('id', '=', userId).executeTakeFirst();
  if (!person) return undefined;
  const none = { id: null, workspace_id: null, role: null, external_id: null, metadata: null, created_at: null };
  const { email, email_verified, name, state, created_in, created_at: user_created_at } = person;
  return {
    ...none,
    user_id: userId,
    email,
    email_verified,
    name,
    state,
    created_in,
    user_created_at,
    totp: 0,
    passkeys: 0,
  };
}

/** How many workspaces a person is in, and in which of them as an owner. */
export function membershipsOf(read: Kysely<Tables>, userId: string): Promise<MemberRow[]> {
  return read.selectFrom('members').selectAll().where('user_id', '=', userId).orderBy('id').execute();
}

/** Owners who can sign in. Asked with the workspace's row locked. */
export async function countOwners(read: Kysely<Tables>, workspaceId: string): Promise<number> {
  const row = await read
    .selectFrom('members')
    .innerJoin('users', 'users.id', 'members.user_id')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('members.workspace_id', '=', workspaceId)
    .where('members.role', '=', 'owner')
    .where('users.state', '=', 'active')
    .executeTakeFirstOrThrow();
  return row.count;
}

export async function updateMember(tx: Tx, id: string, values: Partial<MemberRow>): Promise<void> {
  await tx.query.updateTable('members').set(values).where('id', '=', id).execute();
}

export async function deleteMember(tx: Tx, id: string): Promise<void> {
  await tx.query.deleteFrom('members').where('id', '=', id).execute();
}

/** How many open invitations a person is shown. */
const MOST_OPEN = 50;

export async function insertInvitation(tx: Tx, row: InvitationRow): Promise<void> {
  await tx.query.insertInto('invitations').values(row).execute();
}

/** Newest first, below `beforeId`; only open ones unless all are asked for. */
export function listInvitations(
  read: Kysely<Tables>,
  workspaceId: string,
  page: { beforeId: string | null; limit: number },
): Promise<InvitationRow[]> {
  let query = read
    .selectFrom('invitations')
    .selectAll()
    .where('workspace_id', '=', workspaceId)
    .orderBy('id', 'desc')
    .limit(page.limit);
  if (page.beforeId !== null) query = query.where('id', '<', page.beforeId);
  return query.execute();
}

export function invitationById(
  read: Kysely<Tables>,
  workspaceId: string,
  id: string,
): Promise<InvitationRow | undefined> {
  return read
    .selectFrom('invitations')
    .selectAll()
    .where('workspace_id', '=', workspaceId)
    .where('id', '=', id)
    .executeTakeFirst();
}

export function invitationByHash(read: Kysely<Tables>, tokenHash: string): Promise<InvitationRow | undefined> {
  return read.selectFrom('invitations').selectAll().where('token_hash', '=', tokenHash).executeTakeFirst();
}

/** Ends the open invitations of an address to a workspace, or one of them by its id; those that were open. */
export function revokeInvitations(
  tx: Tx,
  which: { workspaceId: string } & ({ emailKey: string } | { id: string }),
  nowMs: number,
): Promise<InvitationRow[]> {
  let query = tx.query
    .updateTable('invitations')
    .set({ revoked_at: nowMs })
    .where('workspace_id', '=', which.workspaceId)
    .where('accepted_at', 'is', null)
    .where('revoked_at', 'is', null);
  query = 'id' in which ? query.where('id', '=', which.id) : query.where('email_key', '=', which.emailKey);
  return query.returningAll().execute();
}

/** Ends the open invitations to some roles by one person, in one workspace or in all; those that were open. */
export function revokeInvitationsBy(
  tx: Tx,
  which: { workspaceId: string | null; invitedBy: string; roles: readonly Role[] },
  nowMs: number,
): Promise<InvitationRow[]> {
  let query = tx.query
    .updateTable('invitations')
    .set({ revoked_at: nowMs })
    .where('invited_by', '=', which.invitedBy)
    .where('role', 'in', [...which.roles])
    .where('accepted_at', 'is', null)
    .where('revoked_at', 'is', null);
  if (which.workspaceId !== null) query = query.where('workspace_id', '=', which.workspaceId);
  return query.returningAll().execute();
}

/** Open invitations to an address, to workspaces that this person is not in yet; newest first. */
export function openInvitationsTo(
  read: Kysely<Tables>,
  { userId, emailKey, nowMs }: { userId: string; emailKey: string; nowMs: number },
): Promise<(InvitationRow & { workspace: string })[]> {
  const own = read.selectFrom('members').select('workspace_id').where('user_id', '=', userId);
  return read
    .selectFrom('invitations')
    .innerJoin('workspaces', 'workspaces.id', 'invitations.workspace_id')
    .selectAll('invitations')
    .select('workspaces.name as workspace')
    .where('email_key', '=', emailKey)
    .where('accepted_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', nowMs)
    .where('invitations.workspace_id', 'not in', own)
    .orderBy('invitations.id', 'desc')
    .limit(MOST_OPEN)
    .execute();
}

/** Ends an open invitation for who was invited. To an older version of the server, it is a revoked one. */
export function declineInvitation(tx: Tx, id: string, nowMs: number): Promise<InvitationRow | undefined> {
  return tx.query
    .updateTable('invitations')
    .set({ revoked_at: nowMs, declined_at: nowMs })
    .where('id', '=', id)
    .where('accepted_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', nowMs)
    .returningAll()
    .executeTakeFirst();
}

/** Takes an invitation in one statement: of parallel calls one gets it. Only for the address that it was sent to. */
export function acceptInvitation(
  tx: Tx,
  id: string,
  emailKey: string,
  nowMs: number,
): Promise<InvitationRow | undefined> {
  return tx.query
    .updateTable('invitations')
    .set({ accepted_at: nowMs })
    .where('id', '=', id)
    .where('email_key', '=', emailKey)
    .where('accepted_at', 'is', null)
    .where('revoked_at', 'is', null)
    .where('expires_at', '>', nowMs)
    .returningAll()
    .executeTakeFirst();
}
