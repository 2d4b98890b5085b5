import { Failure } from '../../failure.ts';
import { pageLink } from '../mail/links.ts';
import { type People, personActor, type SignedIn, type Visit } from '../people.ts';
import { personById, updateUser } from '../store.ts';
import { requirePerson } from '../users/require-person.ts';
import { endedLink, issueMailToken, takeMailToken } from './mail-token.ts';
import { deleteTokensOfUser } from './store.ts';

/** Sends the signed-in person a link that confirms their address. Throws `conflict` when it is confirmed. */
export async function requestVerification(people: People, signed: SignedIn): Promise<void> {
  const person = await requirePerson(people, signed.userId);
  if (person.email_verified === 1) throw new Failure('conflict', 'Your address is confirmed already.');
  if (!(await people.guesses.mayMail('verify_email', person.email_key))) {
    throw new Failure('rate_limit_exceeded', 'Too many mails were sent. Try again later.', { retryAfterSeconds: 3600 });
  }
  await people.database.write(async (tx) => {
    await deleteTokensOfUser(tx, person.id, ['verify_email']);
    const whose = {
      kind: 'verify_email',
      user_id: person.id,
      email: person.email,
      email_key: person.email_key,
    } as const;
    const link = pageLink(people.issuer(), 'verifyEmail', await issueMailToken(people, tx, whose));
    await people.outbox.queue(tx, 'verify_email', person.email, { link });
  });
}

/** Opens that link. An address that was changed since is not confirmed by it. Throws `invalid_request`. */
export async function completeVerification(
  people: People,
  visit: Visit,
  { token }: { token: string },
): Promise<{ email: string }> {
  const attempt = await people.guesses.request('link', visit.address);
  const result = await people.database.write(async (tx) => {
    const row = await takeMailToken(people, tx, 'verify_email', token);
    const person = row.user_id === null ? undefined : await personById(tx.query, row.user_id);
    if (!person || person.email_key !== row.email_key) throw endedLink();
    await updateUser(tx, person.id, { email_verified: 1 });
    const actor = personActor(visit, person.id);
    await people.recordAudit(tx, { action: 'user.email_verified', actor, workspaceId: null, targetId: person.id });
    return { email: person.email };
  });
  await attempt.giveBack();
  return result;
}
