import type { Brand } from '../branding/brand.ts';

/** What a page needs beyond what all of them have. */
export interface PageNeeds {
  /** Where the answer to a form of the page sends the browser in the end: an application's redirect URI. */
  leadsTo?: string | null;
  /** An https picture of an application. */
  picture?: string | null;
}

const SCHEME = /^([a-z][a-z\d+.-]*):/i;
/** Who is answered on this machine may go on to another port of it. */
const LOOPBACK = 'http://localhost:* http://127.0.0.1:*';
/** CSP has no word for an IPv6 address. */
const IPV6 = /^http:\/\/\[/i;

/**
 * Chromium asks `form-action` about every redirect that follows a form. So the page allows where its form leads to, and, as
 * applications send their people on to their own sites, https beyond. A person is sent there by a plain link just as well.
 */
function formActions(leadsTo: string | null): string {
  const scheme = leadsTo === null ? undefined : SCHEME.exec(leadsTo)?.[1]?.toLowerCase();
  if (leadsTo === null || scheme === undefined) return "'self'";
  if (scheme === 'https') return "'self' https:";
  if (scheme !== 'http') return `'self' ${scheme}: https:`;
  return IPV6.test(leadsTo) ? "'self' http: https:" : `'self' ${LOOPBACK} https:`;
}

function images({ logo }: Brand, picture: string | null): string {
  const urls = [logo !== null && 'url' in logo ? logo.url : null, picture];
  return ["'self'", ...urls.flatMap((url) => (url === null ? [] : new URL(url).origin))].join(' ');
}

/** What every page is sent with: nothing of others, nothing inline, no frame, no referrer, no copy (security A12, A22). */
export function pageHeaders(brand: Brand, { leadsTo = null, picture = null }: PageNeeds = {}): Record<string, string> {
  const policy = {
    'default-src': "'none'",
    'style-src': "'self'",
    'script-src': "'self'",
    'font-src': "'self'",
    'img-src': images(brand, picture),
    'connect-src': "'self'",
    'form-action': formActions(leadsTo),
    'frame-ancestors': "'none'",
    'base-uri': "'none'",
  };
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': Object.entries(policy)
      .map((directive) => directive.join(' '))
      .join('; '),
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=()',
    'cache-control': 'no-store',
  };
}
