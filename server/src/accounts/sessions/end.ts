import type { Actor } from '../../audit/index.ts';
import type { Tx } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import { type People, personActor, type SignedIn, type Visit } from '../people.ts';
import { deleteSession, deleteSessionsOf } from './store.ts';

/**
 * Ends every session of a person, here at once and elsewhere within a poll of `changes`; all but one when it is named.
 * How many there were.
 */
export async function endSessionsOf(
  people: Pick<People, 'changes' | 'recordAudit'>,
  tx: Tx,
  actor: Actor,
  { userId, exceptId = null, reason }: { userId: string; exceptId?: string | null; reason: string },
): Promise<number> {
  const count = await deleteSessionsOf(tx, userId, exceptId);
  // Also without sessions: what is cached of the person may have changed.
  await people.changes.record(tx, { kind: 'user', ref: userId });
  if (count > 0) {
    const data = { count, reason };
    await people.recordAudit(tx, { action: 'user.sessions_ended', actor, workspaceId: null, targetId: userId, data });
  }
  return count;
}

/** Ends one of one's own sessions, the present one included: signing out. Throws `not_found`. */
export function endSession(people: People, visit: Visit, signed: SignedIn, sessionId: string): Promise<void> {
  return people.database.write(async (tx) => {
    if (!(await deleteSession(tx, signed.userId, sessionId))) throw new Failure('not_found');
    await people.changes.record(tx, { kind: 'session', ref: sessionId });
    const action = sessionId === signed.sessionId ? 'user.signed_out' : 'user.session_ended';
    const actor = personActor(visit, signed.userId);
    const data = { session: sessionId };
    await people.recordAudit(tx, { action, actor, workspaceId: null, targetId: signed.userId, data });
  });
}

/** Ends all of one's sessions but the present one; how many there were. */
export function endOtherSessions(people: People, visit: Visit, { userId, sessionId }: SignedIn): Promise<number> {
  const what = { userId, exceptId: sessionId, reason: 'ended by the person' };
  return people.database.write((tx) => endSessionsOf(people, tx, personActor(visit, userId), what));
}
