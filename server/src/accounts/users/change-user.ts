import type { Actor } from '../../audit/index.ts';
import { type Tx, UniqueViolation } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import type { Principal, Role } from '../../http/index.ts';
import { addMember } from '../create-workspace.ts';
import { requireEmail } from '../email.ts';
import { deleteFactorsOf } from '../factors/store.ts';
import { revokeInvitationsOf } from '../members/invite.ts';
import { refuseHigherRole } from '../members/roles.ts';
import { countOwners, deleteMember, membershipsOf, type UserFacts, updateMember, userFacts } from '../members/store.ts';
import { requireGoodPassword } from '../passwords/policy.ts';
import { setPassword } from '../passwords/set-password.ts';
import type { People } from '../people.ts';
import { deleteTokensOfUser } from '../recovery/store.ts';
import { endSessionsOf } from '../sessions/end.ts';
import { deleteUser, lockUser, lockWorkspace, updateUser } from '../store.ts';
import type { MemberRow } from '../tables.ts';
import { makeUser } from './make-user.ts';
import { presentUser } from './user.ts';

export interface UserCaller {
  principal: Principal;
  actor: Actor;
}

export interface CreateUserInput {
  workspaceId: string;
  email: string;
  password: string | null;
  name: string | null;
  isVerified: boolean;
  role: Role;
  externalId: string | null;
  metadata: Record<string, string>;
}

async function requireUser(tx: Tx, userId: string, workspaceId: string | null): Promise<UserFacts> {
  const member = await userFacts(tx.query, userId, workspaceId);
  if (!member) throw new Failure('not_found');
  return member;
}

/** The operator, or the workspace that made the account; to everybody else it is only seen. */
function refuseUnmanaged({ principal }: UserCaller, member: UserFacts): void {
  if (principal.kind === 'root' || (member.id !== null && member.created_in === member.workspace_id)) return;
  throw new Failure('forbidden', 'This account was not made by the workspace: only the person can change it.');
}

function uniqueExternalId(error: unknown): never {
  if (error instanceof UniqueViolation && /external/.test(error.constraint)) {
    throw new Failure('conflict', 'The workspace has a member with this external_id already.');
  }
  throw error;
}

/**
 * Makes an account with a place in a workspace. Throws `conflict` for a taken address or external id,
 * `validation_failed` for a bad address or password, `forbidden` for a role above the caller's.
 */
export async function createUser(people: People, caller: UserCaller, input: CreateUserInput): Promise<UserView> {
  const { workspaceId, role } = input;
  const { email, key } = requireEmail(input.email);
  refuseHigherRole(people.catalogue, caller.principal, role);
  const passwordHash =
    input.password === null ? null : await people.slowHashes.hash(await requireGoodPassword(input.password, key));
  const { name, isVerified, externalId } = input;
  return people.database
    .write(async (tx) => {
      const createdIn = workspaceId;
      const user = await makeUser(people, tx, caller.actor, { email, key, name, passwordHash, isVerified, createdIn });
      const metadata = JSON.stringify(input.metadata);
      await addMember(people, tx, { workspaceId, userId: user.id, role, externalId, metadata });
      return presentUser(await requireUser(tx, user.id, workspaceId));
    })
    .catch(uniqueExternalId);
}

type UserView = ReturnType<typeof presentUser>;

export interface PatchUserInput {
  /** Null, for root alone: wherever the person is. */
  workspaceId: string | null;
  userId: string;
  name?: string | null | undefined;
  externalId?: string | null | undefined;
  metadata?: Record<string, string> | undefined;
  /** The operator's alone. */
  state?: 'active' | 'disabled' | undefined;
  password?: string | undefined;
  isVerified?: boolean | undefined;
}

/** Ends at once what a disabled person could still do; their keys are disabled by whoever hears of the change. */
async function changeState(people: People, tx: Tx, actor: Actor, userId: string, state: 'active' | 'disabled') {
  await updateUser(tx, userId, { state });
  await people.changes.record(tx, { kind: 'user', ref: userId });
  if (state === 'disabled') {
    await people.endTokens(tx, userId, 'account disabled');
    await endSessionsOf(people, tx, actor, { userId, reason: 'account disabled' });
    await deleteTokensOfUser(tx, userId, ['recover', 'verify_email', 'change_email']);
    await revokeInvitationsOf(people, tx, actor, { userId, workspaceId: null, role: null });
  }
  const action = state === 'disabled' ? 'user.disabled' : 'user.enabled';
  await people.recordAudit(tx, { action, actor, workspaceId: null, targetId: userId });
}

function refuseOperatorsFields({ principal }: UserCaller, input: PatchUserInput): void {
  const own = { state: input.state, password: input.password, email_verified: input.isVerified };
  const named = Object.entries(own).filter(([, value]) => value !== undefined);
  if (principal.kind === 'root' || named.length === 0) return;
  throw new Failure('forbidden', `Only the root key changes ${named.map(([name]) => name).join(', ')}.`);
}

/** Changes what a workspace keeps of a person; name only of accounts that it made. Throws `not_found`, `forbidden`. */
export async function patchUser(people: People, caller: UserCaller, input: PatchUserInput): Promise<UserView> {
  refuseOperatorsFields(caller, input);
  const { workspaceId, userId, state, password } = input;
  const before = await userFacts(people.database.read, userId, workspaceId);
  if (!before) throw new Failure('not_found');
  const { key } = requireEmail(before.email);
  const passwordHash =
    password === undefined ? undefined : await people.slowHashes.hash(await requireGoodPassword(password, key));
  return people.database
    .write((tx) => writePatch(people, tx, caller, input, passwordHash, state))
    .catch(uniqueExternalId);
}

async function writePatch(
  people: People,
  tx: Tx,
  caller: UserCaller,
  input: PatchUserInput,
  passwordHash: string | undefined,
  state: 'active' | 'disabled' | undefined,
): Promise<UserView> {
  const { userId, name, externalId, metadata, isVerified } = input;
  const member = await requireUser(tx, userId, input.workspaceId);
  const workspaceId = member.workspace_id;
  if (name !== undefined) refuseUnmanaged(caller, member);
  const user = {
    ...(name === undefined ? {} : { name: name?.trim() || null }),
    ...(isVerified === undefined ? {} : { email_verified: isVerified ? 1 : 0 }),
  };
  if (Object.keys(user).length > 0) await updateUser(tx, userId, user);
  const place = {
    ...(externalId === undefined ? {} : { external_id: externalId }),
    ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
  };
  if (Object.keys(place).length > 0) {
    if (member.id === null) throw new Failure('conflict', 'This person is in no workspace that could note it.');
    await updateMember(tx, member.id, place);
  }
  if (passwordHash !== undefined) await setPassword(people, tx, caller.actor, { userId, passwordHash, reason: 'set' });
  if (state !== undefined && state !== member.state) await changeState(people, tx, caller.actor, userId, state);
  const changed = Object.keys(input).filter((field) => input[field as keyof PatchUserInput] !== undefined);
  const data = { changed: changed.filter((field) => field !== 'workspaceId' && field !== 'userId') };
  await people.recordAudit(tx, { action: 'user.updated', actor: caller.actor, workspaceId, targetId: userId, data });
  return presentUser(await requireUser(tx, userId, input.workspaceId));
}

/** The memberships of an account that goes, standing still from now on. No workspace is left without an owner by it. */
async function lockMemberships(tx: Tx, userId: string): Promise<MemberRow[]> {
  const places = (await membershipsOf(tx.query, userId)).map((each) => each.workspace_id).sort();
  for (const id of places) await lockWorkspace(tx, id);
  const memberships = await membershipsOf(tx.query, userId);
  for (const { workspace_id: id, role } of memberships) {
    if (role === 'owner' && (await countOwners(tx.query, id)) < 2) {
      throw new Failure('conflict', 'This person is the last owner of a workspace: make somebody else an owner first.');
    }
  }
  return memberships;
}

/**
 * Removes an account that the workspace made, with all that protects it; what it made stays. Root removes any. Throws
 * `not_found`, `forbidden`, `conflict` for the last owner of a workspace.
 */
export async function removeUser(
  people: People,
  caller: UserCaller,
  { workspaceId: named, userId }: { workspaceId: string | null; userId: string },
): Promise<void> {
  await people.database.write(async (tx) => {
    // Before anything is locked: nobody holds up, or hears of, people who are none of theirs.
    refuseUnmanaged(caller, await requireUser(tx, userId, named));
    await lockUser(tx, userId);
    const memberships = await lockMemberships(tx, userId);
    const member = await requireUser(tx, userId, named);
    const workspaceId = member.workspace_id;
    refuseHigherRole(people.catalogue, caller.principal, member.role ?? 'viewer');
    const isElsewhere = memberships.some(({ workspace_id }) => workspace_id !== workspaceId);
    const { actor } = caller;
    if (isElsewhere && caller.principal.kind !== 'root' && member.id !== null) {
      await people.renewTokens(tx, userId, 'removed from a workspace');
      await deleteMember(tx, member.id);
      await revokeInvitationsOf(people, tx, actor, { userId, workspaceId, role: null });
      await people.changes.record(tx, { kind: 'user', ref: userId });
      await people.endGrants(tx, actor, { userId, workspaceId, reason: 'not a member any more' });
      await people.recordAudit(tx, { action: 'member.removed', actor, workspaceId, targetId: member.id });
      return;
    }
    await people.endTokens(tx, userId, 'account deleted');
    await endSessionsOf(people, tx, actor, { userId, reason: 'account deleted' });
    await people.endGrants(tx, actor, { userId, workspaceId: null, reason: 'account deleted' });
    await deleteTokensOfUser(tx, userId, ['recover', 'verify_email', 'change_email']);
    await deleteFactorsOf(tx, userId);
    await revokeInvitationsOf(people, tx, actor, { userId, workspaceId: null, role: null });
    for (const { id } of memberships) await deleteMember(tx, id);
    await deleteUser(tx, userId);
    await people.recordAudit(tx, { action: 'user.deleted', actor, workspaceId, targetId: userId });
  });
}
