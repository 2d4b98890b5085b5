import { Failure } from '../../failure.ts';
import { requireEmail } from '../email.ts';
import { pageLink } from '../mail/links.ts';
import { normalizePassword, requireGoodPassword } from '../passwords/policy.ts';
import { type People, personActor, type Visit } from '../people.ts';
import { endedLink, issueMailToken, mailTokenHash, takeMailToken } from '../recovery/mail-token.ts';
import { deleteSignUps, mailTokenByHash } from '../recovery/store.ts';
import { type StartedSession, startSession } from '../sessions/start.ts';
import { personByEmail, personById } from '../store.ts';
import { makePersonalWorkspace, makeUser } from '../users/make-user.ts';

export interface SignUpInput {
  email: string;
  password: string;
  name?: string | null | undefined;
}

export const SIGN_UP_CLOSED: Record<'invitation' | 'closed', string> = {
  invitation: 'Accounts are made by invitation only. Open the link of yours.',
  closed: 'Accounts are made by the operator only.',
};

/**
 * Asks for an account: a mail with a link goes out, and nothing exists before it is opened. Answers the same, and takes
 * as long, when the address has an account; that person is told by mail. Throws `forbidden` unless sign-up is open.
 */
export async function signUp(people: People, visit: Visit, input: SignUpInput): Promise<void> {
  if (people.signUp !== 'open') throw new Failure('forbidden', SIGN_UP_CLOSED[people.signUp]);
  const { email, key } = requireEmail(input.email);
  const password = await requireGoodPassword(input.password, key);
  await people.guesses.request('sign_up', visit.address);
  const passwordHash = await people.slowHashes.hash(password);
  const person = await personByEmail(people.database.read, key);
  const isMailed = await people.guesses.mayMail('sign_up', key);
  await people.database.write(async (tx) => {
    const name = input.name?.trim() || null;
    const whose = { kind: 'sign_up', user_id: null, email, email_key: key, name, password_hash: passwordHash } as const;
    const token = await issueMailToken(people, tx, whose);
    if (person && isMailed) {
      await people.outbox.queue(tx, 'sign_up_again', person.email, { link: pageLink(people.issuer(), 'signIn') });
    } else if (isMailed) {
      const link = pageLink(people.issuer(), 'confirmSignUp', token);
      await people.outbox.queue(tx, 'sign_up', email, { link });
    }
    await people.recordAudit(tx, {
      action: 'user.sign_up_asked',
      actor: personActor(visit, null),
      workspaceId: null,
      targetId: null,
    });
  });
}

/**
 * Opens the link and proves the password that was chosen with it, so that nobody's mailbox confirms a stranger's
 * password: makes the account, its workspace and a session. Throws `invalid_request` for a dead link,
 * `invalid_credentials` for another password, `conflict` when the address has an account by now, `forbidden` unless
 * sign-up is open.
 */
export async function completeSignUp(
  people: People,
  visit: Visit,
  { token, password, replaces }: { token: string; password: string; replaces: string | null },
): Promise<StartedSession> {
  // The operator may have closed it while the mail was under way.
  if (people.signUp !== 'open') throw new Failure('forbidden', SIGN_UP_CLOSED[people.signUp]);
  const attempt = await people.guesses.request('link', visit.address);
  const hash = mailTokenHash('sign_up', token);
  const row = await mailTokenByHash(people.database.read, 'sign_up', hash, people.clock.nowMs());
  if (!row?.password_hash) throw endedLink();
  const guess = await people.guesses.code(hash, null);
  if (!(await people.slowHashes.verify(row.password_hash, normalizePassword(password)))) {
    throw new Failure('invalid_credentials', 'This is not the password that you chose when you signed up.');
  }
  const started = await people.database.write(async (tx) => {
    const { email, email_key, name, password_hash } = await takeMailToken(people, tx, 'sign_up', token);
    await deleteSignUps(tx, email_key);
    const input = { email, key: email_key, name, passwordHash: password_hash, isVerified: true, createdIn: null };
    const user = await makeUser(people, tx, personActor(visit, null), input);
    await makePersonalWorkspace(people, tx, personActor(visit, user.id), user);
    const person = await personById(tx.query, user.id);
    if (!person) throw endedLink();
    return startSession(people, tx, visit, { person, methods: ['password'] }, { replaces });
  });
  await guess.giveBack();
  await attempt.giveBack();
  return started;
}
