import type { Draft } from '../draft.ts';
import type { WireReply } from '../wire.ts';

/** Pages for people, under OAuth's own paths. */
export const isOauthPage = (path: string): boolean =>
  /^\/(?:(?:oauth\/)?authorize|oauth\/(?:consent|logout))$/.test(path);

/** What answers programs with credentials, or about them (RFC 6749 §5.1, security C18). */
const GIVES_SECRETS = /^\/(?:(?:oauth\/)?token|oauth\/(?:revoke|introspect|userinfo|register(?:\/[^/]*)?))$/;

/** Addresses that clients of the run have registered. */
const REGISTERED = /^(?:https:\/\/app\.example\/cb|http:\/\/localhost:3000\/cb)\?/;

/** What must hold of every reply at OAuth's endpoints, whatever was asked. */
export function problemsOfOauth(path: string, { headers }: WireReply): string[] {
  if (!GIVES_SECRETS.test(path)) return [];
  return headers.get('cache-control') === 'no-store' ? [] : ['a reply of OAuth that may be stored'];
}

/** Where an authorization request sends the browser: a page of ours, or a registered address with one `iss` (RFC 9207). */
export function problemsOfAnswer({ status, headers }: WireReply): string[] {
  const location = headers.get('location') ?? '';
  if (status === 303 && /^\/(?![/\\])/.test(location)) return [];
  if (status !== 303 || !REGISTERED.test(location)) return [`status ${status} to ${JSON.stringify(location)}`];
  const { searchParams } = new URL(location);
  const problems: string[] = [];
  if (searchParams.getAll('iss').length !== 1) problems.push('an authorization response without exactly one iss');
  const outcomes = searchParams.getAll('code').length + searchParams.getAll('error').length;
  if (outcomes !== 1) problems.push('an authorization response that is neither a code nor an error');
  return problems;
}

const SHOWN_AGAIN = /^\/(?:(?:oauth\/)?token|oauth\/register\/[^/]*)$/;

/**
 * A confidential client keeps its refresh token, a retry gets the same successor, and a registration shows its token to
 * who holds it (RFC 7592 §3). `holder`: to whom the secret was given.
 */
export function mayShowAgain(draft: Draft, path: string, secret: string, holder: string | undefined): boolean {
  if (!SHOWN_AGAIN.test(path)) return false;
  if (path.startsWith('/oauth/register/')) return draft.headers.some(([, value]) => value.includes(secret));
  return secret.startsWith('lk_rt_') && holder === draft.holder;
}
