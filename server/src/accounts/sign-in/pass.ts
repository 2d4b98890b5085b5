import { sha256Hex } from '../../crypto/index.ts';
import { Failure } from '../../failure.ts';
import { challengeHash as hashOf, issueChallenge } from '../factors/challenges.ts';
import { attemptChallenge, consumeChallenge } from '../factors/store.ts';
import { readCode, spendCode } from '../factors/use-code.ts';
import { knownDeviceOf } from '../guessing/known-device.ts';
import type { People, Visit } from '../people.ts';
import { type PersonRow, personById } from '../store.ts';
import { type Credentials, checkPassword, noteFailure } from './check-password.ts';
import {
  endedChallenge,
  type Finish,
  type Passed,
  type ProofMethod,
  type SecondFactorNeeded,
  secondFactorsOf,
} from './proof.ts';

export const CHALLENGE_MS = 10 * 60_000;
export const CHALLENGE_ATTEMPTS = 5;

/** Which password a challenge stands for: with another one it is over. */
const passwordMark = ({ password_hash: hash }: PersonRow) => sha256Hex(`challenge password ${hash}`);

async function askSecondFactor(people: People, person: PersonRow): Promise<SecondFactorNeeded> {
  const expiresAtMs = people.clock.nowMs() + CHALLENGE_MS;
  const challenge = await people.database.write((tx) =>
    issueChallenge(people, tx, {
      kind: 'second_factor',
      userId: person.id,
      boundTo: passwordMark(person),
      expiresAtMs,
      methods: ['password'],
    }),
  );
  return { kind: 'second_factor', challenge, methods: secondFactorsOf(person), expiresAtMs };
}

export const WRONG_CODE = 'The code is wrong, or was used already.';

/** Spends a code and goes on, all in one transaction. Counted before it is looked at. Throws `invalid_credentials`. */
export async function passWithCode<T>(
  people: People,
  visit: Visit,
  {
    person,
    otp,
    before,
    challengeHash,
  }: {
    person: PersonRow;
    otp: string;
    before: readonly ProofMethod[];
    challengeHash: string | null;
  },
  finish: Finish<T>,
): Promise<T> {
  const knownDevice = knownDeviceOf(people.deviceKey, visit.deviceCookie, person.id);
  const attempt = await people.guesses.code(person.id, knownDevice);
  const code = await readCode(people, person, otp);
  const passed = await people.database.write(async (tx) => {
    if (code === null || !(await spendCode(people, tx, visit, person, code))) return null;
    if (challengeHash !== null) {
      const open = await consumeChallenge(tx, 'second_factor', challengeHash, people.clock.nowMs());
      if (!open) throw endedChallenge();
    }
    return { result: await finish(tx, { person, methods: [...before, code.method] }) };
  });
  if (passed === null) {
    await noteFailure(people, visit, person, 'second factor');
    throw new Failure('invalid_credentials', WRONG_CODE);
  }
  await attempt.giveBack();
  return passed.result;
}

/**
 * Password, then the second factor where there is one: `otp` in the same call, or asked for by a challenge. `finish`
 * runs in the transaction that spends the proof.
 */
export async function passSignIn<T>(
  people: People,
  visit: Visit,
  input: Credentials & { otp?: string | undefined },
  finish: Finish<T>,
): Promise<Passed<T>> {
  const person = await checkPassword(people, visit, input);
  await people.guesses.signIn(person.id, knownDeviceOf(people.deviceKey, visit.deviceCookie, person.id));
  if (secondFactorsOf(person).length === 0) {
    const result = await people.database.write((tx) => finish(tx, { person, methods: ['password'] }));
    return { kind: 'passed', result };
  }
  if (input.otp === undefined) return askSecondFactor(people, person);
  const what = { person, otp: input.otp, before: ['password'] as const, challengeHash: null };
  return { kind: 'passed', result: await passWithCode(people, visit, what, finish) };
}

/** Counts one answer to an open challenge and says whose it is. Throws `invalid_credentials` when it has ended. */
export async function openChallenge(people: People, challenge: string) {
  const { database, clock } = people;
  const hash = hashOf('second_factor', challenge);
  const limits = { nowMs: clock.nowMs(), maxAttempts: CHALLENGE_ATTEMPTS };
  const row = await database.write((tx) => attemptChallenge(tx, 'second_factor', hash, limits));
  const person = row?.user_id ? await personById(database.read, row.user_id) : undefined;
  if (!row || !person || person.state === 'disabled' || row.bound_to !== passwordMark(person)) throw endedChallenge();
  return { hash, person, methods: JSON.parse(row.methods) as ProofMethod[] };
}

/** Answers the challenge of a sign-in by a one-time password or a backup code. Throws `invalid_credentials`. */
export async function passSecondFactor<T>(
  people: People,
  visit: Visit,
  { challenge, otp }: { challenge: string; otp: string },
  finish: Finish<T>,
): Promise<T> {
  const { hash, person, methods } = await openChallenge(people, challenge);
  return passWithCode(people, visit, { person, otp, before: methods, challengeHash: hash }, finish);
}
