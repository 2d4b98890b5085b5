import type { Actor } from '../../audit/index.ts';
import { type Tx, UniqueViolation } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import type { Principal, Role } from '../../http/index.ts';
import { addMember } from '../create-workspace.ts';
import type { People } from '../people.ts';
import { lockWorkspace, personById } from '../store.ts';
import { refuseOldRole, revokeInvitationsOf } from './invite.ts';
import { presentMember } from './member.ts';
import { isOwner, refuseHigherRole } from './roles.ts';
import { countOwners, deleteMember, type MemberFacts, memberById, memberOfUser, updateMember } from './store.ts';

export interface MemberCaller {
  principal: Principal;
  actor: Actor;
}

const LAST_OWNER = 'A workspace keeps an owner: make somebody else an owner first.';

/** The member, with the workspace's members standing still until the transaction ends (security N5). */
async function lockMember(tx: Tx, { principal }: MemberCaller, workspaceId: string, id: string): Promise<MemberFacts> {
  await lockWorkspace(tx, workspaceId);
  // What the door knew of the caller may have changed while this transaction waited for another.
  await refuseOldRole(tx, principal, workspaceId);
  const member = await memberById(tx.query, workspaceId, id);
  if (!member) throw new Failure('not_found');
  return member;
}

/** Owners are touched by owners alone, and the last one stays one. */
async function refuseOwnerLoss(tx: Tx, { principal }: MemberCaller, member: MemberFacts): Promise<void> {
  if (member.role !== 'owner') return;
  if (!isOwner(principal)) throw new Failure('forbidden', 'Only an owner can change an owner.');
  const others = (await countOwners(tx.query, member.workspace_id)) - (member.state === 'active' ? 1 : 0);
  if (others < 1) throw new Failure('conflict', LAST_OWNER);
}

interface NewStanding {
  userId: string;
  workspaceId: string;
  /** Null: a member no more. */
  role: Role | null;
}

/** Nobody acts on by the role that they had, nor by an invitation that they made with it. */
async function heard(people: People, tx: Tx, actor: Actor, standing: NewStanding): Promise<void> {
  const { userId } = standing;
  await people.renewTokens(tx, userId, 'role changed');
  await people.changes.record(tx, { kind: 'user', ref: userId });
  await revokeInvitationsOf(people, tx, actor, standing);
}

/** Gives a member another role. Throws `not_found`, `forbidden` above one's own, `conflict` for the last owner. */
export function changeRole(
  people: People,
  caller: MemberCaller,
  { workspaceId, id, role }: { workspaceId: string; id: string; role: Role },
): Promise<ReturnType<typeof presentMember>> {
  return people.database.write(async (tx) => {
    const member = await lockMember(tx, caller, workspaceId, id);
    for (const each of [member.role, role]) refuseHigherRole(people.catalogue, caller.principal, each);
    if (role === member.role) return presentMember(member);
    await refuseOwnerLoss(tx, caller, member);
    await updateMember(tx, id, { role });
    await heard(people, tx, caller.actor, { userId: member.user_id, workspaceId, role });
    const data = { user: member.user_id, from: member.role, to: role };
    const { actor } = caller;
    await people.recordAudit(tx, { action: 'member.role_changed', actor, workspaceId, targetId: id, data });
    return presentMember({ ...member, role });
  });
}

/** Takes a member out, oneself too: leaving. What they made stays. Throws as `changeRole`. */
export function removeMember(
  people: People,
  caller: MemberCaller,
  { workspaceId, id }: { workspaceId: string; id: string },
): Promise<void> {
  return people.database.write(async (tx) => {
    const member = await lockMember(tx, caller, workspaceId, id);
    const isOneself = caller.principal.kind === 'session' && caller.principal.userId === member.user_id;
    if (!isOneself && caller.principal.kind !== 'root' && !caller.principal.scopes.has('members:write')) {
      throw new Failure('insufficient_scope', 'Removing others needs the scope members:write.', {
        scopes: { wanted: ['members:write'], held: [...caller.principal.grantedScopes] },
      });
    }
    if (!isOneself) refuseHigherRole(people.catalogue, caller.principal, member.role);
    await refuseOwnerLoss(tx, caller, member);
    await deleteMember(tx, id);
    await heard(people, tx, caller.actor, { userId: member.user_id, workspaceId, role: null });
    await people.endGrants(tx, caller.actor, { userId: member.user_id, workspaceId, reason: 'not a member any more' });
    const action = isOneself ? 'member.left' : 'member.removed';
    const data = { user: member.user_id, role: member.role };
    await people.recordAudit(tx, { action, actor: caller.actor, workspaceId, targetId: id, data });
  });
}

/** An owner hands the workspace over: the other becomes an owner, they an admin, at once. */
export async function transferOwnership(
  people: People,
  caller: MemberCaller,
  { workspaceId, id }: { workspaceId: string; id: string },
): Promise<ReturnType<typeof presentMember>> {
  const { principal, actor } = caller;
  if (principal.kind !== 'session' || principal.role !== 'owner') {
    throw new Failure('forbidden', 'Only a signed-in owner hands a workspace over.');
  }
  return people.database.write(async (tx) => {
    const member = await lockMember(tx, caller, workspaceId, id);
    if (member.user_id === principal.userId) throw new Failure('conflict', 'The workspace is yours already.');
    if (member.state !== 'active') throw new Failure('conflict', 'This account is disabled.');
    const own = await memberOfUser(tx.query, workspaceId, principal.userId ?? '');
    if (!own) throw new Failure('not_found');
    await updateMember(tx, member.id, { role: 'owner' });
    await updateMember(tx, own.id, { role: 'admin' });
    await heard(people, tx, actor, { userId: member.user_id, workspaceId, role: 'owner' });
    await heard(people, tx, actor, { userId: own.user_id, workspaceId, role: 'admin' });
    const data = { from: own.user_id, to: member.user_id };
    await people.recordAudit(tx, { action: 'workspace.transferred', actor, workspaceId, targetId: workspaceId, data });
    return presentMember({ ...member, role: 'owner' });
  });
}

/** Makes an existing person a member at once: the operator's way. Throws `not_found`, `conflict`. */
export function addExisting(
  people: People,
  caller: MemberCaller,
  { workspaceId, userId, role }: { workspaceId: string; userId: string; role: Role },
): Promise<ReturnType<typeof presentMember>> {
  return people.database.write(async (tx) => {
    if (!(await personById(tx.query, userId))) throw new Failure('not_found', 'There is no such user.');
    try {
      const { id } = await addMember(people, tx, { workspaceId, userId, role });
      await heard(people, tx, caller.actor, { userId, workspaceId, role });
      const data = { user: userId, role };
      await people.recordAudit(tx, { action: 'member.added', actor: caller.actor, workspaceId, targetId: id, data });
      const member = await memberById(tx.query, workspaceId, id);
      if (!member) throw new Failure('not_found');
      return presentMember(member);
    } catch (error) {
      if (error instanceof UniqueViolation) throw new Failure('conflict', 'This person is a member already.');
      throw error;
    }
  });
}
