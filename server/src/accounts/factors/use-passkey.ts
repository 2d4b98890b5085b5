import type { Tx } from '../../database/index.ts';
import { type People, personActor, type Visit } from '../people.ts';
import { type PersonRow, personById } from '../store.ts';
import { challengeHash } from './challenges.ts';
import { consumeChallenge, moveCounter, passkeyByCredential, updatePasskey } from './store.ts';
import type { ChallengeKind, PasskeyRow } from './tables.ts';
import { type AuthenticationResponseJSON, answeredChallenge, refusedPasskey, verifiedAssertion } from './webauthn.ts';

/** A passkey that has just answered, not yet noted as used. */
export interface FittingPasskey {
  person: PersonRow;
  passkey: PasskeyRow;
  counter: number;
  isBackedUp: boolean;
}

export interface AskedPasskey {
  kind: ChallengeKind;
  response: AuthenticationResponseJSON;
  /** The session, challenge or browser that was asked. */
  boundTo: string;
  /** Whose passkey it must be; null: whoever's it is. */
  userId: string | null;
  /** Whether the authenticator must have seen more than a touch. */
  verifiesUser: boolean;
}

/** A counter that stands still or goes back says that the key was copied (WebAuthn §7.2): refused, and flagged. */
async function refuseCopied(people: People, visit: Visit, passkey: PasskeyRow, counter: number): Promise<void> {
  const counts = counter > 0 || passkey.counter > 0;
  if (!counts || counter > passkey.counter) return;
  const { id, user_id: userId } = passkey;
  await people.database.write(async (tx) => {
    await updatePasskey(tx, { userId, id }, { flagged_at: people.clock.nowMs() });
    const data = { passkey: id, counter, known: passkey.counter };
    const actor = personActor(visit, null);
    await people.recordAudit(tx, { action: 'user.passkey_flagged', actor, workspaceId: null, targetId: userId, data });
  });
  throw refusedPasskey();
}

/** Takes the challenge first, then checks the answer in each part. Throws `invalid_credentials`. */
export async function readPasskey(people: People, visit: Visit, asked: AskedPasskey): Promise<FittingPasskey> {
  const { database, clock } = people;
  const { kind, response, boundTo, userId, verifiesUser } = asked;
  const challenge = answeredChallenge(response);
  const hash = challengeHash(kind, challenge ?? '');
  const open = await database.write((tx) => consumeChallenge(tx, kind, hash, clock.nowMs()));
  if (!challenge || open?.bound_to !== boundTo || open.user_id !== userId) throw refusedPasskey();
  const passkey = await passkeyByCredential(database.read, response.id);
  if (!passkey || (userId !== null && passkey.user_id !== userId)) throw refusedPasskey();
  const said = await verifiedAssertion(people.issuer(), { response, challenge, passkey, verifiesUser });
  await refuseCopied(people, visit, passkey, said.counter);
  const person = await personById(database.read, passkey.user_id);
  if (!person || person.state === 'disabled') throw refusedPasskey();
  return { person, passkey, ...said };
}

/** Notes its use in the caller's transaction; false when another answer came between. */
export async function spendPasskey({ clock }: People, tx: Tx, fitting: FittingPasskey): Promise<boolean> {
  const { passkey, counter, isBackedUp } = fitting;
  if (counter !== passkey.counter && !(await moveCounter(tx, passkey.id, passkey.counter, counter))) return false;
  const used = { last_used_at: clock.nowMs(), backed_up: isBackedUp ? 1 : 0 };
  return (await updatePasskey(tx, { userId: passkey.user_id, id: passkey.id }, used)) !== undefined;
}
