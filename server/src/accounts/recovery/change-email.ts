import { UniqueViolation } from '../../database/index.ts';
import { Failure, invalidField } from '../../failure.ts';
import { requireEmail } from '../email.ts';
import { pageLink } from '../mail/links.ts';
import { type People, personActor, type SignedIn, type Visit } from '../people.ts';
import { requireRecentProof } from '../sessions/recent-proof.ts';
import { personByEmail, personById, updateUser } from '../store.ts';
import { requirePerson } from '../users/require-person.ts';
import { endedLink, issueMailToken, takeMailToken } from './mail-token.ts';
import { deleteTokensOfUser } from './store.ts';

/**
 * Asks to change the signed-in person's address: the new one gets a link, the old one is told and counts until the link
 * is opened. Answers the same when another account has the address. Throws `ProofNeeded`.
 */
export async function requestEmailChange(
  people: People,
  visit: Visit,
  signed: SignedIn,
  input: { email: string },
): Promise<void> {
  await requireRecentProof(people, signed);
  const person = await requirePerson(people, signed.userId);
  const { email, key } = requireEmail(input.email);
  if (key === person.email_key) throw invalidField('email', 'is your address already');
  await people.guesses.request('link', visit.address);
  const isTaken = (await personByEmail(people.database.read, key)) !== undefined;
  const isMailed = await people.guesses.mayMail('change_email', key);
  await people.database.write(async (tx) => {
    await deleteTokensOfUser(tx, person.id, ['change_email']);
    if (isMailed) {
      const whose = { kind: 'change_email', user_id: isTaken ? null : person.id, email, email_key: key } as const;
      const link = pageLink(people.issuer(), 'changeEmail', await issueMailToken(people, tx, whose));
      // What is queued for nobody costs the same, so that time does not tell who has an account.
      if (isTaken) await people.outbox.queueForNobody(tx, 'change_email', { link });
      else await people.outbox.queue(tx, 'change_email', email, { link });
    }
    const link = pageLink(people.issuer(), 'recover');
    await people.outbox.queue(tx, 'email_change_asked', person.email, { link, email });
    const actor = personActor(visit, person.id);
    await people.recordAudit(tx, {
      action: 'user.email_change_asked',
      actor,
      workspaceId: null,
      targetId: person.id,
      data: { email },
    });
  });
}

const OTHER_ACCOUNT = 'This link changes the address of another account. Sign in to that one, then open it again.';

/**
 * Opens the link of an address change: from now on the new one counts. Only in a session of that very account: who got the
 * mail by a mistyped address must not take the account over by it. Throws `invalid_request`, `conflict`; `forbidden` in
 * another account's session, which leaves the link alive.
 */
export async function completeEmailChange(
  people: People,
  visit: Visit,
  signed: SignedIn,
  { token }: { token: string },
): Promise<{ email: string }> {
  const attempt = await people.guesses.request('link', visit.address);
  const taken = new Failure('conflict', 'Another account has this address by now.');
  try {
    const result = await people.database.write(async (tx) => {
      const row = await takeMailToken(people, tx, 'change_email', token);
      const person = row.user_id === null ? undefined : await personById(tx.query, row.user_id);
      if (!person || person.state === 'disabled') throw endedLink();
      if (person.id !== signed.userId) throw new Failure('forbidden', OTHER_ACCOUNT);
      const { email, email_key } = row;
      await updateUser(tx, person.id, { email, email_key, email_verified: 1 });
      await deleteTokensOfUser(tx, person.id, ['recover', 'verify_email', 'change_email']);
      await people.changes.record(tx, { kind: 'user', ref: person.id });
      const link = pageLink(people.issuer(), 'recover');
      for (const to of [person.email, email]) await people.outbox.queue(tx, 'email_changed', to, { link, email });
      await people.recordAudit(tx, {
        action: 'user.email_changed',
        actor: personActor(visit, person.id),
        workspaceId: null,
        targetId: person.id,
        data: { from: person.email, to: email },
      });
      return { email };
    });
    await attempt.giveBack();
    return result;
  } catch (error) {
    if (error instanceof UniqueViolation) throw taken;
    throw error;
  }
}
