const MAX_LENGTH = 300;
const PRINTABLE = /^[\x21-\x7e]+$/;
const ANY_ID = /^[a-z]{2,4}_[0-9A-Za-z]{24}$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/;
/** What of our own answers to no token, or is told apart from one by its `aud` (contract §6). */
const ENDPOINTS = /^(?:$|\/$|\/(?:oauth|\.well-known)(?:\/|$)|\/(?:authorize|token)\/?$)/;

/** What stands behind the issuer in a URL, whatever the spelling; null when it is elsewhere. */
function behindIssuer(audience: string, issuer: string): string | null {
  const [url, own] = [audience, issuer].map((text) => (URL.canParse(text) ? new URL(text).href : text));
  const base = (own ?? '').replace(/\/$/, '');
  if (url === base) return '';
  return url?.startsWith(`${base}/`) ? url.slice(base.length).replace(/[?#].*$/, '') : null;
}

/**
 * What is wrong with a string that tokens are to be addressed to; null when nothing is. Any StringOrURI (RFC 7519 §2) will
 * do; requested by `resource` it must be an absolute URI without fragment (RFC 8707 §2). Pure.
 */
export function audienceProblem(audience: string, issuer: string): string | null {
  if (audience.length > MAX_LENGTH) return `must have at most ${MAX_LENGTH} characters`;
  if (!PRINTABLE.test(audience)) return 'must be printable ASCII without blanks';
  if (ANY_ID.test(audience)) return 'must not look like an id of Latchkey';
  if (SCHEME.test(audience) && !URL.canParse(audience)) return 'must be an absolute URI, or a string without a colon';
  if (SCHEME.test(audience) && audience.includes('#')) return 'must have no fragment';
  const rest = behindIssuer(audience, issuer);
  if (rest !== null && ENDPOINTS.test(rest)) return 'must be neither the issuer nor one of its endpoints';
  return null;
}

/** Whether a client may ask for it by `resource`: an absolute URI without fragment (RFC 8707 §2). Pure. */
export function isRequestable(audience: string): boolean {
  return SCHEME.test(audience) && URL.canParse(audience) && !audience.includes('#');
}
