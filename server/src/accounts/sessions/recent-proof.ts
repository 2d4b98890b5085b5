import { Failure } from '../../failure.ts';
import type { People, SignedIn } from '../people.ts';
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

export async function hasRecentProof({ database, clock }: People, { userId, sessionId }: SignedIn): Promise<boolean> {
  const row = await sessionById(database.read, userId, sessionId);
  if (!row) throw new Failure('invalid_token', 'The session has ended. Sign in again.');
  return clock.nowMs() - row.proved_at < RECENT_PROOF_MS;
}

/** Throws `ProofNeeded` when the last proof is over 15 minutes old. */
export async function requireRecentProof(people: People, signed: SignedIn): Promise<void> {
  if (!(await hasRecentProof(people, signed))) throw new ProofNeeded();
}

/** Notes that the person has just proved who they are. */
export async function noteProof({ database, clock }: People, { userId, sessionId }: SignedIn): Promise<void> {
  await database.write((tx) => updateSession(tx, { userId, id: sessionId }, { proved_at: clock.nowMs() }));
}
