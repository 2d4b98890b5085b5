import { type Call, cookieLine, cookieName, presentedSession, readCookie, SESSION_COOKIE } from '../http/index.ts';
import { DEVICE_COOKIE, DEVICE_COOKIE_SECONDS } from './guessing/known-device.ts';
import type { SignedIn, Visit } from './people.ts';
import { SESSION_LIFETIME_MS } from './sessions/session.ts';
import type { StartedSession } from './sessions/start.ts';

type Asked = Pick<Call, 'address' | 'requestId' | 'header'>;

const LONGEST_USER_AGENT = 512;

const isSecure = (issuer: string) => issuer.startsWith('https:');

/** Who comes with a call, before anything is proved. */
export function visitOf({ address, requestId, header }: Asked, issuer: string): Visit {
  return {
    address,
    requestId,
    userAgent: header('user-agent')?.slice(0, LONGEST_USER_AGENT) ?? null,
    deviceCookie: readCookie(header('cookie'), cookieName(DEVICE_COOKIE, isSecure(issuer))) ?? null,
  };
}

/** The session that the browser had until now: signing in ends it. */
export function presentedSessionOf({ header }: Pick<Call, 'header'>, issuer: string): string | null {
  return presentedSession(header('cookie'), isSecure(issuer)) ?? null;
}

/** Who is signed in, on a route of one's own account. */
export function signedInOf({ principal }: Pick<Call, 'principal'>): SignedIn {
  return { userId: principal.subject, sessionId: principal.credentialId };
}

/** The Set-Cookie lines of a session that has begun. */
export function sessionCookieLines({ text, deviceCookie }: StartedSession, issuer: string): string[] {
  const secure = { isSecure: isSecure(issuer) };
  return [
    cookieLine(SESSION_COOKIE, text, { ...secure, maxAgeSeconds: SESSION_LIFETIME_MS / 1000 }),
    cookieLine(DEVICE_COOKIE, deviceCookie, { ...secure, maxAgeSeconds: DEVICE_COOKIE_SECONDS }),
  ];
}

/** The Set-Cookie line after signing out; the device stays known. */
export function endedCookieLine(issuer: string): string {
  return cookieLine(SESSION_COOKIE, '', { isSecure: isSecure(issuer), maxAgeSeconds: 0 });
}
