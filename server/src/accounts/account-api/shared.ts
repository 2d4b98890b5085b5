import { Failure } from '../../failure.ts';
import type { Call, Guarded } from '../../http/index.ts';
import type { People, Visit } from '../people.ts';
import { presentSession } from '../sessions/session.ts';
import { type StartedSession, startSession } from '../sessions/start.ts';
import type { Finish, SecondFactorNeeded } from '../sign-in/proof.ts';
import { presentedSessionOf, sessionCookieLines, visitOf } from '../visit.ts';

export const shared = { mounts: ['v1', 'v2'], tag: 'account' } as const;

/** Anybody, but no page of another site; a repeat is no replay: what it proves is spent. */
export const open = { ...shared, access: 'public', sameOrigin: true, isIdempotent: false } as const;

const signedIn: Guarded = { scope: null, root: 'refused', account: true };
/** A repeat of one of these is no replay either: what is asked and shown stands in the session, not in a kept reply. */
export const own = { ...shared, access: signedIn, isIdempotent: false } as const;

export type Asked = Pick<Call, 'address' | 'requestId' | 'header' | 'setHeader'>;

export const visit = (people: People, call: Asked): Visit => visitOf(call, people.issuer());

/** Gives the browser the session's cookies and tells of it. */
export function begun(people: People, call: Asked, started: StartedSession) {
  for (const line of sessionCookieLines(started, people.issuer())) call.setHeader('set-cookie', line);
  return presentSession(started.row, started.row.id);
}

/** Begins a session in place of the one that the browser had. */
export function beginning(
  people: People,
  call: Asked,
  environment: 'test' | 'live' | undefined,
): Finish<StartedSession> {
  const replaces = presentedSessionOf(call, people.issuer());
  const place = { replaces, ...(environment === undefined ? {} : { environment }) };
  return (tx, proof) => startSession(people, tx, visit(people, call), proof, place);
}

/** The password was right; the reply says how to go on. */
export function secondFactorNeeded({ challenge, methods, expiresAtMs }: SecondFactorNeeded): Failure {
  const told = { challenge, methods, expires_at: new Date(expiresAtMs).toISOString() };
  return new Failure('mfa_required', undefined, { told });
}
