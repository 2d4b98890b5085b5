import { type People, personActor, type SignedIn, type Visit } from '../people.ts';
import { requirePerson } from '../users/require-person.ts';
import { endedInvitation, openInvitations } from './accept.ts';
import { invitationHash } from './invite.ts';
import { invitationStateAt } from './member.ts';
import { declineInvitation, invitationByHash } from './store.ts';
import type { InvitationRow } from './tables.ts';

async function decline(people: People, visit: Visit, userId: string | null, { id }: InvitationRow): Promise<void> {
  await people.database.write(async (tx) => {
    const row = await declineInvitation(tx, id, people.clock.nowMs());
    if (!row) throw endedInvitation();
    const actor = personActor(visit, userId);
    const [workspaceId, data] = [row.workspace_id, { email: row.email }];
    await people.recordAudit(tx, { action: 'invitation.declined', actor, workspaceId, targetId: id, data });
  });
}

/**
 * Says no for who holds the link of the mail, with or without an account: the inviter sees it, and the link ends. Throws
 * `invalid_request` when the invitation is not open.
 */
export async function declineByLink(
  people: People,
  visit: Visit,
  { token, userId }: { token: string; userId: string | null },
): Promise<void> {
  const attempt = await people.guesses.request('link', visit.address);
  const found = await invitationByHash(people.database.read, invitationHash(token));
  if (!found || invitationStateAt(found, people.clock.nowMs()) !== 'pending') throw endedInvitation();
  await decline(people, visit, userId, found);
  await attempt.giveBack();
}

/** Says no to one of those that `listOwnInvitations` told. Throws `invalid_request`. */
export async function declineAsPerson(
  people: People,
  visit: Visit,
  { userId }: SignedIn,
  { id }: { id: string },
): Promise<void> {
  const open = await openInvitations(people, await requirePerson(people, userId));
  const found = open.find((each) => each.id === id);
  if (!found) throw endedInvitation();
  await decline(people, visit, userId, found);
}
