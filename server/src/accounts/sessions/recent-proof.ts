import type { Tx } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import type { People, SignedIn } from '../people.ts';
import { type ProofMethod, provesSecondFactor, secondFactorsOf } from '../sign-in/proof.ts';
import { personById } from '../store.ts';
import { RECENT_PROOF_MS } from './session.ts';
import { sessionById, updateSession } from './store.ts';

/** What protects an account changes only for a person who has just proved who they are (security K15). */
export class ProofNeeded extends Failure {
  constructor() {
    super('forbidden', 'Prove who you are once more first: POST /v1/account/session/proof.', {
      told: { proof_needed: true },
    });
  }
}

/** Whether the last proof is fresh, and the session has shown a second factor where the account has one by now. */
export async function hasRecentProof({ database, clock }: People, { userId, sessionId }: SignedIn): Promise<boolean> {
  const row = await sessionById(database.read, userId, sessionId);
  if (!row) throw new Failure('invalid_token', 'The session has ended. Sign in again.');
  if (clock.nowMs() - row.proved_at >= RECENT_PROOF_MS) return false;
  if (provesSecondFactor(JSON.parse(row.methods) as string[])) return true;
  const person = await personById(database.read, userId);
  return person !== undefined && secondFactorsOf(person).length === 0;
}

/** Throws `ProofNeeded` when the last proof is over 15 minutes old, or was no second factor where there is one. */
export async function requireRecentProof(people: People, signed: SignedIn): Promise<void> {
  if (!(await hasRecentProof(people, signed))) throw new ProofNeeded();
}

/** Adds to what a session has proved. */
export async function addMethod(
  { changes }: Pick<People, 'changes'>,
  tx: Tx,
  { userId, sessionId }: SignedIn,
  method: ProofMethod,
): Promise<void> {
  const row = await sessionById(tx.query, userId, sessionId);
  const known = row ? (JSON.parse(row.methods) as string[]) : [];
  if (!row || known.includes(method)) return;
  await updateSession(tx, { userId, id: sessionId }, { methods: JSON.stringify([...known, method]) });
  await changes.record(tx, { kind: 'session', ref: sessionId });
}

/** Notes that the person has just proved who they are, and by what. */
export async function noteProof(people: People, signed: SignedIn, method: ProofMethod): Promise<void> {
  const { userId, sessionId: id } = signed;
  await people.database.write(async (tx) => {
    await updateSession(tx, { userId, id }, { proved_at: people.clock.nowMs() });
    await addMethod(people, tx, signed, method);
  });
}
