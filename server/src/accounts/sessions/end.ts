import type { Actor } from '../../audit/index.ts';
import type { Tx } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import { type People, personActor, type SignedIn, type Visit } from '../people.ts';
import { deleteSession, deleteSessionsOf, otherSessionIds, sessionById } from './store.ts';

/**
 * Ends every session of a person, here at once and elsewhere within a poll of `changes`; all but one when it is named.
 * How many there were. Their tokens are ended by the caller.
 */
export async function endSessionsOf(
  people: Pick<People, 'changes' | 'recordAudit' | 'sessionEnds'>,
  tx: Tx,
  actor: Actor,
  { userId, exceptId = null, reason }: { userId: string; exceptId?: string | null; reason: string },
): Promise<number> {
  const ids = await deleteSessionsOf(tx, userId, exceptId);
  const count = ids.length;
  // Also without sessions: what is cached of the person may have changed.
  await people.changes.record(tx, { kind: 'user', ref: userId });
  if (count > 0) {
    await people.sessionEnds.ended(tx, { userId, ids });
    const data = { count, reason };
    await people.recordAudit(tx, { action: 'user.sessions_ended', actor, workspaceId: null, targetId: userId, data });
  }
  return count;
}

/** Ends one of one's own sessions, the present one included: signing out. Tokens that were given for as long as it lasts end with it. Throws `not_found`. */
export function endSession(people: People, visit: Visit, signed: SignedIn, sessionId: string): Promise<void> {
  return people.database.write(async (tx) => {
    const row = await sessionById(tx.query, signed.userId, sessionId);
    // Tokens before the session, here and everywhere: two who end the same then wait for one another in one order.
    if (row) await people.endSessionTokens(tx, sessionId, 'session ended');
    if (!(await dropSession(people, tx, visit, signed, sessionId))) throw new Failure('not_found');
  });
}

/** Removes a session whose tokens, if it had any, have ended before. False when it had ended. */
export async function dropSession(
  people: Pick<People, 'changes' | 'recordAudit' | 'sessionEnds'>,
  tx: Tx,
  visit: Visit,
  signed: SignedIn,
  sessionId: string,
): Promise<boolean> {
  const { userId } = signed;
  if (!(await deleteSession(tx, userId, sessionId))) return false;
  await people.changes.record(tx, { kind: 'session', ref: sessionId });
  await people.sessionEnds.ended(tx, { userId, ids: [sessionId] });
  const action = sessionId === signed.sessionId ? 'user.signed_out' : 'user.session_ended';
  const actor = personActor(visit, userId);
  const data = { session: sessionId };
  await people.recordAudit(tx, { action, actor, workspaceId: null, targetId: userId, data });
  return true;
}

/** Ends all of one's sessions but the present one; how many there were. */
export function endOtherSessions(people: People, visit: Visit, { userId, sessionId }: SignedIn): Promise<number> {
  const what = { userId, exceptId: sessionId, reason: 'ended by the person' };
  return people.database.write(async (tx) => {
    for (const id of await otherSessionIds(tx.query, userId, sessionId)) {
      await people.endSessionTokens(tx, id, what.reason);
    }
    return endSessionsOf(people, tx, personActor(visit, userId), what);
  });
}
