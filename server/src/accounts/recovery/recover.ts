import type { Tx } from '../../database/index.ts';
import { readEmail } from '../email.ts';
import { pageLink } from '../mail/links.ts';
import { requireGoodPassword } from '../passwords/policy.ts';
import { setPassword } from '../passwords/set-password.ts';
import { type People, personActor, type Visit } from '../people.ts';
import { type PersonRow, personByEmail, updateUser } from '../store.ts';
import { endedLink, issueMailToken, mailTokenHash, takeMailToken } from './mail-token.ts';
import { deleteTokensOfUser, mailTokenByHash } from './store.ts';

async function queueLink(people: People, tx: Tx, person: PersonRow): Promise<void> {
  await deleteTokensOfUser(tx, person.id, ['recover']);
  const whose = { kind: 'recover', user_id: person.id, email: person.email, email_key: person.email_key } as const;
  const token = await issueMailToken(people, tx, whose);
  await people.outbox.queue(tx, 'recover', person.email, { link: pageLink(people.issuer(), 'newPassword', token) });
}

/** The same statements, with a link that nobody gets and that opens nothing. */
async function queueForNobody(people: People, tx: Tx, email: string): Promise<void> {
  await deleteTokensOfUser(tx, '', ['recover']);
  const token = await issueMailToken(people, tx, { kind: 'recover', user_id: null, email, email_key: email });
  await people.outbox.queueForNobody(tx, 'recover', { link: pageLink(people.issuer(), 'newPassword', token) });
}

/**
 * Sends a link for a new password, if there is such a person: to the address that the account has, never to the one that
 * was typed. Answers the same, and takes as long, when there is none.
 */
export async function requestRecovery(people: People, visit: Visit, { email }: { email: string }): Promise<void> {
  await people.guesses.request('recover', visit.address);
  const key = readEmail(email)?.key;
  const person = key === undefined ? undefined : await personByEmail(people.database.read, key);
  const isMailed = key !== undefined && (await people.guesses.mayMail('recover', key));
  await people.database.write(async (tx) => {
    if (isMailed && person?.state === 'active') await queueLink(people, tx, person);
    else if (isMailed) await queueForNobody(people, tx, key);
    await people.recordAudit(tx, {
      action: 'user.recovery_requested',
      actor: personActor(visit, null),
      workspaceId: null,
      targetId: person?.id ?? null,
    });
  });
}

/**
 * Sets a new password by the link of a mail. Ends every session and token of the person; whoever signs in next still
 * needs the second factor (security K8). Throws `invalid_request` for a dead link, `validation_failed` for a bad password,
 * which leaves the link alive.
 */
export async function completeRecovery(
  people: People,
  visit: Visit,
  { token, password }: { token: string; password: string },
): Promise<{ email: string }> {
  const attempt = await people.guesses.request('link', visit.address);
  const nowMs = people.clock.nowMs();
  const row = await mailTokenByHash(people.database.read, 'recover', mailTokenHash('recover', token), nowMs);
  if (!row) throw endedLink();
  const passwordHash = await people.slowHashes.hash(await requireGoodPassword(password, row.email_key));
  const result = await people.database.write(async (tx) => {
    const { user_id: userId, email_key: emailKey } = await takeMailToken(people, tx, 'recover', token);
    if (userId === null) throw endedLink();
    const actor = personActor(visit, userId);
    const user = await setPassword(people, tx, actor, { userId, passwordHash, reason: 'recovered' });
    // The mailbox was shown to be theirs, if it is still the account's.
    if (user.email_key === emailKey) await updateUser(tx, userId, { email_verified: 1 });
    return { email: user.email };
  });
  await attempt.giveBack();
  return result;
}
