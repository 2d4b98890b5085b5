import type { IncomingHttpHeaders } from 'node:http';
import { Failure } from '../failure.ts';

/** The names of one machine for itself: a browser may have been sent to any of them. */
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

function isOwnOrigin(origin: string, issuer: string): boolean {
  if (!URL.canParse(origin)) return false;
  const [theirs, ours] = [new URL(origin), new URL(issuer)];
  if (theirs.origin === ours.origin) return true;
  const isLocal = LOOPBACK.test(theirs.hostname) && LOOPBACK.test(ours.hostname);
  return isLocal && theirs.protocol === ours.protocol && theirs.port === ours.port;
}

/** What a browser says of where a request comes from: Fetch Metadata, and Origin (RFC 6454 §7). */
export function siteOf(headers: IncomingHttpHeaders, issuer: string): 'own' | 'other' | 'unsaid' {
  const { origin } = headers;
  const fetchSite = headers['sec-fetch-site'];
  if (origin !== undefined && !isOwnOrigin(origin, issuer)) return 'other';
  if (fetchSite !== undefined) return fetchSite === 'same-origin' ? 'own' : 'other';
  return origin === undefined ? 'unsaid' : 'own';
}

const OTHER_SITE = 'The request was sent by a page of another site.';

/** For calls that anybody may make, but no other site's page in a visitor's name. */
export function refuseOtherSites(headers: IncomingHttpHeaders, issuer: string): void {
  if (siteOf(headers, issuer) === 'other') throw new Failure('forbidden', OTHER_SITE);
}

/**
 * For forms of pages. Under `Referrer-Policy: no-referrer` a browser names its origin `null` in them (Fetch §3.2), so that
 * word alone says nothing: Fetch Metadata does, and the form's token.
 */
export function refuseForeignForm(headers: IncomingHttpHeaders, issuer: string): void {
  const { origin, ...rest } = headers;
  const said = origin === 'null' ? rest : headers;
  if (siteOf(said, issuer) === 'other') throw new Failure('forbidden', OTHER_SITE);
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

interface CookieCall {
  method?: string | undefined;
  headers: IncomingHttpHeaders;
}

/**
 * A cookie comes along by itself: a call that writes with one must say that a page of this site sends it, and be JSON,
 * which no form can be.
 */
export function refuseForgedWrite({ method = 'GET', headers }: CookieCall, issuer: string): void {
  if (SAFE.has(method)) return;
  const site = siteOf(headers, issuer);
  if (site === 'other') throw new Failure('forbidden', OTHER_SITE);
  if (site === 'unsaid') {
    const cure = 'Send Origin or Sec-Fetch-Site, as browsers do, with a call that writes by cookie.';
    throw new Failure('forbidden', cure);
  }
  const type = headers['content-type'];
  const isJson = type === undefined ? method === 'DELETE' : /^application\/json\s*(?:;|$)/i.test(type);
  if (!isJson) throw new Failure('unsupported_media_type', 'A call that writes by cookie sends application/json.');
}
