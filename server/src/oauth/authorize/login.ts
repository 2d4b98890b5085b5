import type { AuthorizationRequest } from './request.ts';

/** Who is at the browser, as their session has it. */
export interface Present {
  /** The session's. */
  id: string;
  userId: string;
  signedInAtMs: number;
}

/** A request that waits on the server, and what was chosen for it since. */
export interface Waiting {
  /** Who was here when it began; null for nobody. */
  sessionId: string | null;
  /** When it began. */
  createdAtMs: number;
  /** Whom the person chose to go on as. */
  accountId: string | null;
}

/** `again`: though somebody is signed in. `other`: it is not who was expected, and that is told. */
export type LoginNeed =
  | { need: 'nothing' }
  | { need: 'sign_in'; again: boolean }
  | { need: 'select_account' }
  | { need: 'other' };

/** How far the clocks of two processes may be apart. */
const SKEW_MS = 1000;

/** Whether somebody signed in since the request began: another session alone may be an old one that was put back. */
function isSignedInSince(waiting: Waiting, present: Present): boolean {
  return present.id !== waiting.sessionId && present.signedInAtMs >= waiting.createdAtMs - SKEW_MS;
}

/** How long a sign-in that was asked for is new enough, however little the request allows: time to read the question. */
const READING_MS = 60_000;

/** Whether a sign-in since the request began has grown too old meanwhile, on the page that asks for consent. */
function isStale({ maxAgeSeconds }: AuthorizationRequest, signedInAtMs: number, nowMs: number): boolean {
  return maxAgeSeconds !== null && nowMs - signedInAtMs > Math.max(maxAgeSeconds * 1000, READING_MS);
}

function isOldSignIn({ prompts, maxAgeSeconds }: AuthorizationRequest, signedInAtMs: number, nowMs: number): boolean {
  if (prompts.includes('login') || maxAgeSeconds === 0) return true;
  return maxAgeSeconds !== null && nowMs - signedInAtMs > maxAgeSeconds * 1000;
}

/**
 * Whether somebody has to sign in or to choose before a request goes on: nobody is here, the sign-in is too old, or the
 * request asks for it (OpenID Connect Core §3.1.2.1, §3.1.2.3). A sign-in since the request began answers for all of these, as
 * long as `max_age` allows; looking away from the form changes nothing (security A18). Whoever is here must be whom an ID token names (security A19).
 * Pure.
 */
export function loginNeeded(
  request: AuthorizationRequest,
  present: Present | null,
  waiting: Waiting | null,
  nowMs: number,
): LoginNeed {
  if (present === null) return { need: 'sign_in', again: false };
  const isFresh =
    waiting !== null && isSignedInSince(waiting, present) && !isStale(request, present.signedInAtMs, nowMs);
  if (!isFresh && isOldSignIn(request, present.signedInAtMs, nowMs)) return { need: 'sign_in', again: true };
  const isChosen = isFresh || waiting?.accountId === present.userId;
  if (request.prompts.includes('select_account') && !isChosen) return { need: 'select_account' };
  const isOther = request.hintedUserId !== null && request.hintedUserId !== present.userId;
  return isOther ? { need: 'other' } : { need: 'nothing' };
}
