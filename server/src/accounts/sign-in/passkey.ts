import { sha256Hex } from '../../crypto/index.ts';
import { challengeHash, issueChallenge } from '../factors/challenges.ts';
import { challengeByHash, consumeChallenge, passkeysOf } from '../factors/store.ts';
import type { ChallengeKind } from '../factors/tables.ts';
import { type AskedPasskey, readPasskey, spendPasskey } from '../factors/use-passkey.ts';
import {
  type AuthenticationResponseJSON,
  PASSKEY_MS,
  type RequestOptions,
  refusedPasskey,
  requestOptions,
} from '../factors/webauthn.ts';
import { knownDeviceOf } from '../guessing/known-device.ts';
import { type People, randomToken, type SignedIn, type Visit } from '../people.ts';
import { noteProof } from '../sessions/recent-proof.ts';
import { openChallenge } from './pass.ts';
import { endedChallenge, type Finish, type ProofMethod } from './proof.ts';

interface Asking {
  kind: ChallengeKind;
  userId: string | null;
  boundTo: string;
  verifiesUser: boolean;
}

async function ask(people: People, { kind, userId, boundTo, verifiesUser }: Asking): Promise<RequestOptions> {
  const expiresAtMs = people.clock.nowMs() + PASSKEY_MS;
  const challenge = await people.database.write((tx) =>
    issueChallenge(people, tx, { kind, userId, boundTo, expiresAtMs }),
  );
  const passkeys = userId === null ? null : await passkeysOf(people.database.read, userId);
  return requestOptions(people.issuer(), { challenge, passkeys, verifiesUser });
}

async function pass<T>(
  people: People,
  visit: Visit,
  asked: AskedPasskey,
  { before, challengeHash: hash }: { before: readonly ProofMethod[]; challengeHash: string | null },
  finish: Finish<T>,
): Promise<T> {
  const fitting = await readPasskey(people, visit, asked);
  return people.database.write(async (tx) => {
    if (!(await spendPasskey(people, tx, fitting))) throw refusedPasskey();
    if (hash !== null && !(await consumeChallenge(tx, 'second_factor', hash, people.clock.nowMs()))) {
      throw endedChallenge();
    }
    return finish(tx, { person: fitting.person, methods: [...before, 'passkey'] });
  });
}

const bindingOf = (binding: string) => sha256Hex(`passkey ${binding}`);

/** What the browser needs to sign in by passkey, and a text for its cookie: the answer is taken from it alone. */
export async function askPasskey(people: People, visit: Visit): Promise<{ options: RequestOptions; binding: string }> {
  await people.guesses.request('passkey', visit.address);
  const binding = randomToken(people.randomBytes);
  const asking = { kind: 'passkey_sign_in', userId: null, boundTo: bindingOf(binding), verifiesUser: true } as const;
  return { options: await ask(people, asking), binding };
}

/** Signs in by a passkey, which is both factors: its holder was verified. Throws `invalid_credentials`. */
export function passPasskey<T>(
  people: People,
  visit: Visit,
  { response, binding }: { response: AuthenticationResponseJSON; binding: string },
  finish: Finish<T>,
): Promise<T> {
  const boundTo = bindingOf(binding);
  const asked = { kind: 'passkey_sign_in', response, boundTo, userId: null, verifiesUser: true } as const;
  return pass(people, visit, asked, { before: [], challengeHash: null }, finish);
}

/** What the browser needs to answer the challenge of a sign-in by passkey. Throws `invalid_credentials`. */
export async function askPasskeyFactor(
  people: People,
  visit: Visit,
  { challenge }: { challenge: string },
): Promise<RequestOptions> {
  await people.guesses.request('passkey', visit.address);
  const hash = challengeHash('second_factor', challenge);
  const open = await challengeByHash(people.database.read, 'second_factor', hash, people.clock.nowMs());
  if (!open?.user_id) throw endedChallenge();
  const asking = { kind: 'passkey_second_factor', userId: open.user_id, boundTo: hash, verifiesUser: false } as const;
  return ask(people, asking);
}

/** Answers the challenge of a sign-in by passkey. Counted like a code. Throws `invalid_credentials`. */
export async function passPasskeyFactor<T>(
  people: People,
  visit: Visit,
  { challenge, response }: { challenge: string; response: AuthenticationResponseJSON },
  finish: Finish<T>,
): Promise<T> {
  const { hash, person, methods } = await openChallenge(people, challenge);
  const knownDevice = knownDeviceOf(people.deviceKey, visit.deviceCookie, person.id);
  const attempt = await people.guesses.code(person.id, knownDevice);
  const place = { boundTo: hash, userId: person.id, verifiesUser: false } as const;
  const asked = { kind: 'passkey_second_factor', response, ...place } as const;
  const result = await pass(people, visit, asked, { before: methods, challengeHash: hash }, finish);
  await attempt.giveBack();
  return result;
}

/** What the browser needs for a signed-in person to prove by passkey, once more, who they are. */
export function askPasskeyProof(people: People, { userId, sessionId }: SignedIn): Promise<RequestOptions> {
  return ask(people, { kind: 'passkey_proof', userId, boundTo: sessionId, verifiesUser: true });
}

/** Proves it: what protects the account may be changed for a while. Throws `invalid_credentials`. */
export async function proveByPasskey(
  people: People,
  visit: Visit,
  signed: SignedIn,
  { response }: { response: AuthenticationResponseJSON },
): Promise<void> {
  const place = { boundTo: signed.sessionId, userId: signed.userId, verifiesUser: true } as const;
  const asked = { kind: 'passkey_proof', response, ...place } as const;
  await pass(people, visit, asked, { before: [], challengeHash: null }, async () => {});
  await noteProof(people, signed, 'passkey');
}
