import { makeId } from '@latchkey/protocol';
import type { Actor } from '../../audit/index.ts';
import { sha256Hex } from '../../crypto/index.ts';
import type { Tx } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import type { Principal, Role } from '../../http/index.ts';
import { requireEmail } from '../email.ts';
import { pageLink } from '../mail/links.ts';
import { type People, randomToken } from '../people.ts';
import { lockWorkspace, personByEmail } from '../store.ts';
import { presentInvitation } from './member.ts';
import { ROLES, refuseHigherRole, rolesBeyond } from './roles.ts';
import { insertInvitation, memberOfUser, revokeInvitations, revokeInvitationsBy } from './store.ts';
import type { InvitationRow } from './tables.ts';

const INVITATION_MS = 7 * 86_400_000;

export const invitationHash = (token: string) => sha256Hex(`invitation ${token}`);

export interface NewInvitation {
  workspaceId: string;
  email: string;
  role: Role;
}

/** The person behind the credential, whose invitations end with their right to make them; else the credential. */
function inviterOf({ kind, userId, credentialId }: Principal): string {
  return (kind === 'session' || kind === 'user') && userId !== null ? userId : credentialId;
}

/**
 * Refuses a person whose role is not any more what the door took it for: it may have changed while this transaction
 * waited for another. Asked with the workspace locked. Of a token the role is not known, only that its scopes were an
 * admin's.
 */
export async function refuseOldRole(tx: Tx, principal: Principal, workspaceId: string): Promise<void> {
  const { kind, userId, role } = principal;
  if (kind !== 'session' && kind !== 'user') return;
  const own = await memberOfUser(tx.query, workspaceId, userId ?? '');
  const isOld = kind === 'session' ? own?.role !== role : !own || rolesBeyond(own.role) === ROLES;
  if (isOld) throw new Failure('forbidden', 'Your own role has changed. Look again.');
}

/** Counted for who invites and for the workspace; the operator knows what they do. */
async function mayInvite({ guesses }: People, principal: Principal, workspaceId: string): Promise<boolean> {
  if (principal.kind === 'root') return true;
  return (await guesses.mayInvite(workspaceId)) && (await guesses.mayInvite(inviterOf(principal)));
}

/**
 * Invites one address to a workspace: a link goes there by mail, for a week, once. A newer invitation ends the older.
 * Throws `forbidden` for a role above one's own, `conflict` for who is a member.
 */
export async function invite(
  people: People,
  caller: { principal: Principal; actor: Actor },
  { workspaceId, role, ...input }: NewInvitation,
): Promise<ReturnType<typeof presentInvitation>> {
  const { database, clock, randomBytes } = people;
  refuseHigherRole(people.catalogue, caller.principal, role);
  const { email, key } = requireEmail(input.email);
  const person = await personByEmail(database.read, key);
  if (person && (await memberOfUser(database.read, workspaceId, person.id))) {
    throw new Failure('conflict', 'This person is a member of the workspace already.');
  }
  if (!(await mayInvite(people, caller.principal, workspaceId))) {
    throw new Failure('rate_limit_exceeded', 'Too many people were invited just now.', { retryAfterSeconds: 3600 });
  }
  if (!(await people.guesses.mayMail('invitation', key))) {
    throw new Failure('rate_limit_exceeded', 'This address was invited often just now.', { retryAfterSeconds: 3600 });
  }
  const nowMs = clock.nowMs();
  const token = randomToken(randomBytes);
  const { principal, actor } = caller;
  const row: InvitationRow = {
    id: makeId('invitation', nowMs, randomBytes),
    workspace_id: workspaceId,
    email,
    email_key: key,
    role,
    token_hash: invitationHash(token),
    invited_by: inviterOf(principal),
    created_at: nowMs,
    expires_at: nowMs + INVITATION_MS,
    accepted_at: null,
    revoked_at: null,
    declined_at: null,
  };
  return database.write(async (tx) => {
    const workspace = await lockWorkspace(tx, workspaceId);
    if (!workspace) throw new Failure('not_found');
    await refuseOldRole(tx, principal, workspaceId);
    await revokeInvitations(tx, { workspaceId, emailKey: key }, nowMs);
    await insertInvitation(tx, row);
    const link = pageLink(people.issuer(), 'invitation', token);
    await people.outbox.queue(tx, 'invitation', email, { link, workspace: workspace.name, role });
    const data = { email, role };
    await people.recordAudit(tx, { action: 'invitation.created', actor, workspaceId, targetId: row.id, data });
    return presentInvitation(row, nowMs);
  });
}

/** Ends the open invitations that a person made and, with the role that they have now, could not make any more. */
export async function revokeInvitationsOf(
  people: Pick<People, 'clock' | 'recordAudit'>,
  tx: Tx,
  actor: Actor,
  { userId, workspaceId, role }: { userId: string; workspaceId: string | null; role: Role | null },
): Promise<void> {
  const roles = rolesBeyond(role);
  if (roles.length === 0) return;
  const ended = await revokeInvitationsBy(tx, { workspaceId, invitedBy: userId, roles }, people.clock.nowMs());
  for (const { id, workspace_id } of ended) {
    const data = { reason: 'the inviter may not give this role any more' };
    await people.recordAudit(tx, {
      action: 'invitation.revoked',
      actor,
      workspaceId: workspace_id,
      targetId: id,
      data,
    });
  }
}

/** Ends an open invitation. Throws `not_found`; `conflict` for one that was accepted, revoked or has expired. */
export async function revokeInvitation(
  people: People,
  actor: Actor,
  { workspaceId, id }: { workspaceId: string; id: string },
): Promise<void> {
  await people.database.write(async (tx) => {
    const [row] = await revokeInvitations(tx, { workspaceId, id }, people.clock.nowMs());
    if (!row) throw new Failure('conflict', 'This invitation is not open any more.');
    await people.recordAudit(tx, { action: 'invitation.revoked', actor, workspaceId, targetId: id });
  });
}
