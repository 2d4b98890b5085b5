import { Failure } from '../../failure.ts';
import { readCode, spendCode } from '../factors/use-code.ts';
import { knownDeviceOf } from '../guessing/known-device.ts';
import { isOwnPassword } from '../passwords/change-password.ts';
import type { People, SignedIn, Visit } from '../people.ts';
import { noteProof } from '../sessions/recent-proof.ts';
import { requirePerson } from '../users/require-person.ts';
import { noteFailure } from './check-password.ts';
import { WRONG_CODE } from './pass.ts';
import { type ProofMethod, secondFactorsOf } from './proof.ts';

/**
 * A signed-in person proves once more who they are: by the password, and by a code too where the account has a second
 * factor. Throws `invalid_credentials`; `mfa_required` when the code is missing.
 */
export async function proveAgain(
  people: People,
  visit: Visit,
  signed: SignedIn,
  { password, otp }: { password: string; otp?: string | undefined },
): Promise<void> {
  const person = await requirePerson(people, signed.userId);
  if (!(await isOwnPassword(people, visit, person, password))) {
    await noteFailure(people, visit, person, 'password');
    throw new Failure('invalid_credentials', 'The password is wrong.');
  }
  const methods = secondFactorsOf(person);
  let proved: ProofMethod = 'password';
  if (methods.length > 0) {
    if (otp === undefined) throw new Failure('mfa_required', undefined, { told: { methods } });
    const knownDevice = knownDeviceOf(people.deviceKey, visit.deviceCookie, person.id);
    const attempt = await people.guesses.code(person.id, knownDevice);
    const code = await readCode(people, person, otp);
    const isSpent = code && (await people.database.write((tx) => spendCode(people, tx, visit, person, code)));
    if (!code || !isSpent) {
      await noteFailure(people, visit, person, 'second factor');
      throw new Failure('invalid_credentials', WRONG_CODE);
    }
    await attempt.giveBack();
    proved = code.method;
  }
  await noteProof(people, signed, proved);
}
