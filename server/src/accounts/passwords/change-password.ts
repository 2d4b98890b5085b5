import { Failure, invalidField } from '../../failure.ts';
import { knownDeviceOf } from '../guessing/known-device.ts';
import { NOBODYS_HASH } from '../password.ts';
import { type People, personActor, type SignedIn, type Visit } from '../people.ts';
import { requireRecentProof } from '../sessions/recent-proof.ts';
import { type StartedSession, startSession } from '../sessions/start.ts';
import { sessionById } from '../sessions/store.ts';
import { type ProofMethod, secondFactorsOf } from '../sign-in/proof.ts';
import { lockUser, type PersonRow } from '../store.ts';
import { requirePerson } from '../users/require-person.ts';
import { normalizePassword, requireGoodPassword } from './policy.ts';
import { setPassword } from './set-password.ts';

/** Whether this is the signed-in person's password. Guesses are counted as at a sign-in. */
export async function isOwnPassword(people: People, visit: Visit, person: PersonRow, text: string): Promise<boolean> {
  const knownDevice = knownDeviceOf(people.deviceKey, visit.deviceCookie, person.id);
  const guess = { address: visit.address, emailKey: person.email_key, knownDevice };
  const attempt = await people.guesses.password(guess);
  try {
    const isRight = await people.slowHashes.verify(person.password_hash ?? NOBODYS_HASH, normalizePassword(text));
    if (isRight && person.password_hash !== null) {
      await attempt.giveBack();
      return true;
    }
    return false;
  } catch (error) {
    await attempt.giveBack();
    throw error;
  }
}

/**
 * Changes the signed-in person's password: the old one is asked for, or a recent proof where there is none yet. Every
 * session ends, the present one too: a new one takes its place. Where there is a second factor, the password alone is no
 * fresh proof (security K15). Throws `invalid_credentials`, `validation_failed`.
 */
export async function changePassword(
  people: People,
  visit: Visit,
  signed: SignedIn,
  { currentPassword, newPassword }: { currentPassword?: string | undefined; newPassword: string },
): Promise<StartedSession> {
  const person = await requirePerson(people, signed.userId);
  if (person.password_hash === null) await requireRecentProof(people, signed);
  else {
    if (currentPassword === undefined) throw invalidField('current_password', 'is required');
    if (!(await isOwnPassword(people, visit, person, currentPassword))) {
      throw new Failure('invalid_credentials', 'The current password is wrong.');
    }
  }
  const passwordHash = await people.slowHashes.hash(
    await requireGoodPassword(newPassword, person.email_key, 'new_password'),
  );
  return people.database.write(async (tx) => {
    // Held until the end: of two who set a password, the second sees what the first has ended.
    const current = await lockUser(tx, person.id);
    const session = await sessionById(tx.query, signed.userId, signed.sessionId);
    if (!session || current?.password_hash !== person.password_hash)
      throw new Failure('invalid_token', 'The session has ended. Sign in again.');
    const reason = person.password_hash === null ? 'set' : 'changed';
    await setPassword(people, tx, personActor(visit, person.id), { userId: person.id, passwordHash, reason });
    const { workspace_id: workspaceId, environment } = session;
    const hasFactor = secondFactorsOf(person).length > 0;
    const methods = hasFactor ? (JSON.parse(session.methods) as ProofMethod[]) : (['password'] as const);
    const place = { replaces: null, workspaceId, environment, ...(hasFactor ? { provedAtMs: session.proved_at } : {}) };
    const changed = { ...person, password_hash: passwordHash };
    return startSession(people, tx, visit, { person: changed, methods }, place);
  });
}
