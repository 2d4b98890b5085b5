import { makeId } from '@latchkey/protocol';
import { sha256Hex } from '../../crypto/index.ts';
import type { Tx } from '../../database/index.ts';
import { rememberDevice } from '../guessing/known-device.ts';
import type { Standing } from '../members/store.ts';
import { type People, personActor, randomToken, type Visit } from '../people.ts';
import { endedChallenge, type Proof } from '../sign-in/proof.ts';
import { makeRoom } from './make-room.ts';
import { deviceLabel, MOST_SESSIONS, SESSION_LIFETIME_MS, TOKENS_LIFETIME_MS } from './session.ts';
import { deleteSession, insertSession, sessionOfCookie } from './store.ts';
import type { SessionRow } from './tables.ts';

/** A session that has just begun: its text goes into the cookie and is kept nowhere. */
export interface StartedSession {
  row: SessionRow;
  text: string;
  /** The known-device cookie, with this person in it. */
  deviceCookie: string;
  /** What the person is in the session's workspace at this moment; null when they are not in it. */
  standing: Standing | null;
}

export interface StartOptions {
  /** The text of the session that this browser had: it ends, so that nobody who planted it gets in (security K21). */
  replaces: string | null;
  workspaceId?: string | null;
  environment?: 'test' | 'live';
  /** When the person last proved who they are; now unless said. */
  provedAtMs?: number;
  /** `cookie` unless said. Nobody is given the text of one with tokens. */
  kind?: SessionRow['kind'];
}

/**
 * Ends the session that this browser had. Signing in again is no signing out: applications are told when somebody else signs
 * in, and else when the new session ends. What was given for as long as the old one lasts ends now, for nothing would end it
 * later.
 */
async function endReplaced(people: People, tx: Tx, text: string, by: SessionRow): Promise<void> {
  const { changes, sessionEnds } = people;
  const replaced = await sessionOfCookie(tx, sha256Hex(text));
  if (!replaced) return;
  const { id, user_id: userId } = replaced;
  // Tokens before the session, as everywhere.
  await people.endSessionTokens(tx, id, 'session replaced');
  if (!(await deleteSession(tx, userId, id))) return;
  await changes.record(tx, { kind: 'session', ref: id });
  if (userId === by.user_id) await sessionEnds.replaced(tx, { id, by: by.id, expiresAtMs: by.expires_at });
  else await sessionEnds.ended(tx, { userId, ids: [id] });
}

/**
 * Begins a session for a person who has proved who they are, if account and password are still as they were then. Throws
 * `invalid_credentials` when not.
 */
export async function startSession(
  people: People,
  tx: Tx,
  visit: Visit,
  { person, methods }: Proof,
  options: StartOptions,
): Promise<StartedSession> {
  const { clock, randomBytes, deviceKey } = people;
  const nowMs = clock.nowMs();
  const { replaces, workspaceId = person.first_workspace_id, environment = 'test', kind = 'cookie' } = options;
  const text = randomToken(randomBytes);
  const row: SessionRow = {
    id: makeId('session', nowMs, randomBytes),
    user_id: person.id,
    secret_hash: sha256Hex(text),
    workspace_id: workspaceId,
    environment,
    methods: JSON.stringify(methods),
    proved_at: options.provedAtMs ?? nowMs,
    address: visit.address,
    device: deviceLabel(visit.userAgent),
    created_at: nowMs,
    seen_at: nowMs,
    expires_at: nowMs + (kind === 'tokens' ? TOKENS_LIFETIME_MS : SESSION_LIFETIME_MS),
    kind,
  };
  const inserted = await insertSession(tx, row, person.password_hash);
  if (!inserted) throw endedChallenge();
  if (inserted.sessions >= MOST_SESSIONS) await makeRoom(people, tx, visit, row);
  if (replaces !== null) await endReplaced(people, tx, replaces, row);
  await people.recordAudit(tx, {
    action: 'user.signed_in',
    actor: personActor(visit, person.id),
    workspaceId,
    targetId: person.id,
    data: { session: row.id, kind, methods, device: row.device },
  });
  const deviceCookie = rememberDevice(deviceKey, visit.deviceCookie, person.id, randomBytes);
  return { row, text, deviceCookie, standing: inserted.standing };
}
