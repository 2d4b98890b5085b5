import { ERRORS, GENERAL_CODES } from '@latchkey/protocol';
import { type Route, route } from './route.ts';

/** The codes that LATCHKEY_ERROR_DETAIL=general tells instead, where they are no codes of the catalogue themselves. */
function generalRows(): [string, { status: number; message: string }][] {
  const codes = Object.entries(GENERAL_CODES).filter(([, code]) => !Object.hasOwn(ERRORS, code));
  return codes.map(([status, code]) => {
    return [code, { status: Number(status), message: `Any error with status ${status}; this server tells no more.` }];
  });
}

function rows(): string {
  return [...Object.entries(ERRORS), ...generalRows()]
    .map(([code, { status, message }]) => {
      return `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${message}</td></tr>`;
    })
    .join('\n');
}

const STYLE =
  'body{font:16px/1.5 system-ui;max-width:48rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}td,th{text-align:left;padding:.3rem 1rem .3rem 0;vertical-align:top}tr:target{font-weight:bold}';

function page(): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Latchkey errors</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head>
<body><h1>Errors</h1><p>Every error of the API, by its code.</p>
<table><thead><tr><th>Code</th><th>Status</th><th>Meaning</th></tr></thead><tbody>
${rows()}
</tbody></table></body></html>`;
}

/** `/docs/errors`: where `docs_url` of an error leads. Made from the catalogue itself. */
export function errorPageRoute(): Route {
  return route({
    method: 'GET',
    path: '/docs/errors',
    mounts: ['bare'],
    access: 'public',
    tag: 'meta',
    summary: 'What each error code means',
    handler: ({ setHeader }) => {
      setHeader('content-type', 'text/html; charset=utf-8');
      setHeader('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'");
      setHeader('x-frame-options', 'DENY');
      setHeader('referrer-policy', 'no-referrer');
      setHeader('cache-control', 'public, max-age=3600');
      return page();
    },
  });
}
