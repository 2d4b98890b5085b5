import { Failure } from '../../failure.ts';
import type { People, SignedIn } from '../people.ts';
import { memberExists } from '../store.ts';
import { updateSession } from './store.ts';
import type { SessionRow } from './tables.ts';

export interface SessionPlace {
  workspaceId?: string | undefined;
  environment?: 'test' | 'live' | undefined;
}

/** Moves a session to another workspace of the person, or between test and live. Throws `not_found`. */
export function switchSession(people: People, signed: SignedIn, place: SessionPlace): Promise<SessionRow> {
  const { workspaceId, environment } = place;
  return people.database.write(async (tx) => {
    if (workspaceId !== undefined && !(await memberExists(tx.query, workspaceId, signed.userId))) {
      throw new Failure('not_found', 'You are in no such workspace.');
    }
    const values = {
      ...(workspaceId === undefined ? {} : { workspace_id: workspaceId }),
      ...(environment === undefined ? {} : { environment }),
    };
    if (Object.keys(values).length === 0) throw new Failure('invalid_request', 'Name a workspace or an environment.');
    const row = await updateSession(tx, { userId: signed.userId, id: signed.sessionId }, values);
    if (!row) throw new Failure('not_found');
    await people.changes.record(tx, { kind: 'session', ref: row.id });
    return row;
  });
}
