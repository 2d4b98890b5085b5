import { type Application, matchRedirectUri } from '../../../applications/index.ts';

const LOOPBACK = /^http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)(?::\d{1,5})?(?:[/?].*)?$/;

/** Whether a redirect URI leads to a program on the device of whoever opens it (RFC 8252 §7.3). */
export function isLoopback(uri: string): boolean {
  return LOOPBACK.test(uri);
}

/**
 * RFC 6749 §3.1.2.3, RFC 8252 §7.3, OAuth 2.1 §2.3.1: the redirect URI to answer to: one that is registered, character
 * by character, but for the port of a loopback one; left out, the only one there is. Null when there is none (security A1,
 * A2, A4, A26). Pure.
 */
export function redirectUriOf(
  { redirectUris, type }: Pick<Application, 'redirectUris' | 'type'>,
  named: string | null,
): string | null {
  if (named === null) return redirectUris.length === 1 ? (redirectUris[0] ?? null) : null;
  return redirectUris.some((uri) => matchRedirectUri(uri, named, type)) ? named : null;
}
