import type { Actor } from '../../audit/index.ts';
import { type Tx, UniqueViolation } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import type { Role } from '../../http/index.ts';
import { addMember } from '../create-workspace.ts';
import { requireGoodPassword } from '../passwords/policy.ts';
import { type People, personActor, type SignedIn, type Visit } from '../people.ts';
import { type StartedSession, startSession } from '../sessions/start.ts';
import { updateSession } from '../sessions/store.ts';
import { SIGN_UP_CLOSED } from '../sign-up/sign-up.ts';
import { type PersonRow, personByEmail, personById, workspaceById } from '../store.ts';
import { emailTaken, makePersonalWorkspace, makeUser } from '../users/make-user.ts';
import { requirePerson } from '../users/require-person.ts';
import { invitationHash } from './invite.ts';
import { invitationStateAt } from './member.ts';
import { acceptInvitation, invitationByHash, openInvitationsTo } from './store.ts';
import type { InvitationRow } from './tables.ts';

export function endedInvitation(): Failure {
  return new Failure('invalid_request', 'This invitation was used, revoked, or has expired. Ask for a new one.');
}

/** What an invitation says to who holds its link. Throws `invalid_request` when it is not open. */
export async function readInvitation(
  { database, clock }: People,
  { token }: { token: string },
): Promise<{ email: string; role: string; workspace: string; hasAccount: boolean }> {
  const row = await invitationByHash(database.read, invitationHash(token));
  if (!row || invitationStateAt(row, clock.nowMs()) !== 'pending') throw endedInvitation();
  const workspace = await workspaceById(database.read, row.workspace_id);
  const person = await personByEmail(database.read, row.email_key);
  return { email: row.email, role: row.role, workspace: workspace?.name ?? '', hasAccount: person !== undefined };
}

async function join(people: People, tx: Tx, actor: Actor, invitation: InvitationRow, userId: string): Promise<void> {
  const { workspace_id: workspaceId, role } = invitation;
  try {
    await addMember(people, tx, { workspaceId, userId, role });
  } catch (error) {
    if (error instanceof UniqueViolation) throw new Failure('conflict', 'You are a member of this workspace already.');
    throw error;
  }
  await people.changes.record(tx, { kind: 'user', ref: userId });
  const data = { user: userId, role };
  await people.recordAudit(tx, { action: 'invitation.accepted', actor, workspaceId, targetId: invitation.id, data });
}

/** Open ones to the person's address, if it is confirmed; newest first. */
export function openInvitations({ database, clock }: People, person: PersonRow): ReturnType<typeof openInvitationsTo> {
  if (person.email_verified === 0) return Promise.resolve([]);
  const { id: userId, email_key: emailKey } = person;
  return openInvitationsTo(database.read, { userId, emailKey, nowMs: clock.nowMs() });
}

/** What the signed-in person is invited to, by their confirmed address; newest first. */
export async function listOwnInvitations(
  people: People,
  { userId }: SignedIn,
): Promise<{ id: string; workspace: string; role: Role; expiresAtMs: number }[]> {
  const rows = await openInvitations(people, await requirePerson(people, userId));
  return rows.map(({ id, workspace, role, expires_at: expiresAtMs }) => ({ id, workspace, role, expiresAtMs }));
}

/**
 * The signed-in person becomes a member; the session moves there. Only for the address that was invited, once it is
 * confirmed (security K16): by the token of the mail, or by the id that `listOwnInvitations` told. Throws
 * `invalid_request`, `forbidden`, `conflict`.
 */
export async function acceptAsPerson(
  people: People,
  visit: Visit,
  signed: SignedIn,
  which: { token: string } | { id: string },
): Promise<{ workspaceId: string }> {
  const { database, clock } = people;
  const person = await requirePerson(people, signed.userId);
  const found =
    'token' in which
      ? await invitationByHash(database.read, invitationHash(which.token))
      : (await openInvitations(people, person)).find(({ id }) => id === which.id);
  if (!found || invitationStateAt(found, clock.nowMs()) !== 'pending') throw endedInvitation();
  if (found.email_key !== person.email_key) throw new Failure('forbidden', 'This invitation is for another address.');
  if (person.email_verified === 0) throw new Failure('forbidden', 'Confirm your address first.');
  return database.write(async (tx) => {
    const row = await acceptInvitation(tx, found.id, person.email_key, clock.nowMs());
    if (!row) throw endedInvitation();
    await join(people, tx, personActor(visit, person.id), row, person.id);
    await updateSession(tx, { userId: person.id, id: signed.sessionId }, { workspace_id: row.workspace_id });
    return { workspaceId: row.workspace_id };
  });
}

/**
 * Makes an account for the invited address, whose mailbox the token proves, and lets it in. Throws `forbidden` where
 * sign-up is closed, `conflict` for who has an account.
 */
export async function acceptAsNewcomer(
  people: People,
  visit: Visit,
  input: { token: string; password: string; name?: string | null | undefined; replaces: string | null },
): Promise<StartedSession> {
  const { database, clock } = people;
  if (people.signUp === 'closed') throw new Failure('forbidden', SIGN_UP_CLOSED.closed);
  const attempt = await people.guesses.request('link', visit.address);
  const found = await invitationByHash(database.read, invitationHash(input.token));
  if (!found || invitationStateAt(found, clock.nowMs()) !== 'pending') throw endedInvitation();
  if (await personByEmail(database.read, found.email_key)) throw emailTaken();
  const passwordHash = await people.slowHashes.hash(await requireGoodPassword(input.password, found.email_key));
  const started = await database.write(async (tx) => {
    const row = await acceptInvitation(tx, found.id, found.email_key, clock.nowMs());
    if (!row) throw endedInvitation();
    const user = await makeUser(people, tx, personActor(visit, null), {
      email: row.email,
      key: row.email_key,
      name: input.name?.trim() || null,
      passwordHash,
      isVerified: true,
      createdIn: null,
    });
    const actor = personActor(visit, user.id);
    await join(people, tx, actor, row, user.id);
    await makePersonalWorkspace(people, tx, actor, user);
    const person = await personById(tx.query, user.id);
    if (!person) throw endedInvitation();
    const place = { replaces: input.replaces, workspaceId: row.workspace_id };
    return startSession(people, tx, visit, { person, methods: ['password', 'mail'] }, place);
  });
  await attempt.giveBack();
  return started;
}
