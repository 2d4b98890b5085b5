import type { Tx } from '../../database/index.ts';
import { type People, personActor, type Visit } from '../people.ts';
import { MOST_SESSIONS } from './session.ts';
import { deleteSession, idlestSessionIds } from './store.ts';
import type { SessionRow } from './tables.ts';

/**
 * Keeps a person to `MOST_SESSIONS`: those that were idle the longest give way to the one that has just begun, with their
 * tokens. Sign-ins that run in parallel may be over it together; the next one makes up for them.
 */
export async function makeRoom(
  people: Pick<People, 'changes' | 'recordAudit' | 'endSessionTokens' | 'sessionEnds'>,
  tx: Tx,
  visit: Visit,
  { id, user_id: userId }: SessionRow,
): Promise<void> {
  const ids = await idlestSessionIds(tx.query, { userId, exceptId: id, keep: MOST_SESSIONS - 1 });
  const reason = 'too many sessions';
  for (const each of ids) {
    await people.endSessionTokens(tx, each, reason);
    await deleteSession(tx, userId, each);
    await people.changes.record(tx, { kind: 'session', ref: each });
  }
  if (ids.length === 0) return;
  await people.sessionEnds.ended(tx, { userId, ids });
  const [actor, data] = [personActor(visit, userId), { count: ids.length, reason }];
  await people.recordAudit(tx, { action: 'user.sessions_ended', actor, workspaceId: null, targetId: userId, data });
}
