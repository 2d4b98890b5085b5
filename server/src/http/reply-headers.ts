/** What every reply carries: private by default (RFC 9111 §5.2.2.5), never sniffed, and on https never downgraded. */
export function commonHeaders(isSecure: boolean): Record<string, string> {
  const headers: Record<string, string> = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
  if (isSecure) headers['strict-transport-security'] = 'max-age=31536000; includeSubDomains';
  return headers;
}

export const PUBLIC_CORS: Record<string, string> = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers':
    'WWW-Authenticate, X-Request-ID, Retry-After, RateLimit, RateLimit-Policy, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset',
};

export const PUBLIC_PREFLIGHT: Record<string, string> = {
  ...PUBLIC_CORS,
  'access-control-allow-headers':
    'Authorization, Content-Type, DPoP, X-Request-ID, X-Client-Version, MCP-Protocol-Version',
  'access-control-max-age': '86400',
};
