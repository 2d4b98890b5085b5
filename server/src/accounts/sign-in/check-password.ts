import { Failure } from '../../failure.ts';
import { readEmail } from '../email.ts';
import { knownDeviceOf } from '../guessing/known-device.ts';
import { NOBODYS_HASH } from '../password.ts';
import { normalizePassword } from '../passwords/policy.ts';
import { type People, personActor, type Visit } from '../people.ts';
import { type PersonRow, personByEmail } from '../store.ts';

export interface Credentials {
  email: string;
  password: string;
}

async function noteFailure(people: People, visit: Visit, person: PersonRow | undefined, reason: string): Promise<void> {
  const actor = personActor(visit, person?.id ?? null);
  const data = { reason };
  await people.database.write((tx) =>
    people.recordAudit(tx, {
      action: 'user.sign_in_failed',
      actor,
      workspaceId: person?.first_workspace_id ?? null,
      targetId: person?.id ?? null,
      data,
    }),
  );
}

/**
 * The person whose password this is. Known and unknown addresses cost the same: one read, one slow hash, one event; and
 * answer the same. Throws `invalid_credentials`; `rate_limit_exceeded` after too many wrong ones; `unavailable` when too
 * many are being checked; `forbidden` for a disabled account, to who knows its password.
 */
export async function checkPassword(people: People, visit: Visit, input: Credentials): Promise<PersonRow> {
  const { database, guesses, slowHashes, deviceKey } = people;
  slowHashes.refuseOverload();
  const key = readEmail(input.email)?.key ?? input.email.trim().toLowerCase();
  const person = await personByEmail(database.read, key);
  const knownDevice = person ? knownDeviceOf(deviceKey, visit.deviceCookie, person.id) : null;
  const attempt = await guesses.password({ address: visit.address, emailKey: key, knownDevice });
  const hash = person?.password_hash ?? NOBODYS_HASH;
  let isRight = false;
  try {
    isRight = await slowHashes.verify(hash, normalizePassword(input.password));
  } catch (error) {
    await attempt.giveBack();
    throw error;
  }
  if (!isRight || !person || person.password_hash === null) {
    await noteFailure(people, visit, person, 'password');
    throw new Failure('invalid_credentials');
  }
  await attempt.giveBack();
  if (person.state === 'disabled') throw new Failure('forbidden', 'This account is disabled.');
  return person;
}

export { noteFailure };
