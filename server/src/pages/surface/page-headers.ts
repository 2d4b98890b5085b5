import type { Brand } from '../branding/brand.ts';

/** What every page is sent with: nothing of others, nothing inline, no frame, no referrer, no copy (security A12, A22). */
export function pageHeaders({ logo }: Brand): Record<string, string> {
  const images = logo !== null && 'url' in logo ? `'self' ${new URL(logo.url).origin}` : "'self'";
  const policy = {
    'default-src': "'none'",
    'style-src': "'self'",
    'script-src': "'self'",
    'font-src': "'self'",
    'img-src': images,
    'connect-src': "'self'",
    'form-action': "'self'",
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
