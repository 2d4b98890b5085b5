const VALUE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,4096}$/;

/** The first cookie of that name (RFC 6265 §5.4 puts the more specific first); undefined for none, and for an odd one. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined;
  for (const part of header.split(';')) {
    const mark = part.indexOf('=');
    if (mark === -1 || part.slice(0, mark).trim() !== name) continue;
    const value = part.slice(mark + 1).trim();
    return VALUE.test(value) ? value : undefined;
  }
  return undefined;
}

export interface CookieOptions {
  /** Over https: Secure, and the name begins with `__Host-`, so that no subdomain can set it. */
  isSecure: boolean;
  /** 0 removes it. */
  maxAgeSeconds: number;
}

/** `__Host-` needs Secure, which not every client takes over http://localhost: there the plain name is used. */
export function cookieName(name: string, isSecure: boolean): string {
  return isSecure ? `__Host-${name}` : name;
}

/** A Set-Cookie line: never for scripts, never from other sites but by a link that is followed. */
export function cookieLine(name: string, value: string, { isSecure, maxAgeSeconds }: CookieOptions): string {
  const secure = isSecure ? '; Secure' : '';
  return `${cookieName(name, isSecure)}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly${secure}; SameSite=Lax`;
}

/** Without its prefix, what the cookie of a signed-in person is called. */
export const SESSION_COOKIE = 'latchkey_session';

/** The text of a session, under the name that this installation gives it. */
export function presentedSession(header: string | undefined, isSecure: boolean): string | undefined {
  return readCookie(header, cookieName(SESSION_COOKIE, isSecure));
}
