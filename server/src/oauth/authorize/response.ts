import type { AuthorizationError } from './authorization-error.ts';
import type { ReturnAddress } from './request.ts';

/** The answer to an authorization request, as the browser carries it to the application. */
export type AuthorizationResponse =
  | { mode: 'query'; location: string }
  | { mode: 'form_post'; action: string; fields: readonly (readonly [name: string, value: string])[] };

/** What we answer with. A redirect URI may have parameters of its own, but none that could pass for ours (security A6). */
const OURS = new Set(['code', 'state', 'iss', 'error', 'error_description', 'error_uri', 'session_state']);

function nameOf(part: string): string {
  const raw = part.split('=', 1)[0] ?? '';
  return new URLSearchParams(`${raw}=`).keys().next().value ?? '';
}

/** The redirect URI as it was registered, without what only we may say. */
function bare(redirectUri: string): string {
  const mark = redirectUri.indexOf('?');
  if (mark === -1) return redirectUri;
  const kept = redirectUri
    .slice(mark + 1)
    .split('&')
    .filter((part) => !OURS.has(nameOf(part)));
  return kept.length === 0 ? redirectUri.slice(0, mark) : `${redirectUri.slice(0, mark)}?${kept.join('&')}`;
}

function withFields(uri: string, fields: readonly (readonly [string, string])[]): string {
  const query = new URLSearchParams(fields.map(([name, value]) => [name, value])).toString();
  return `${uri}${uri.includes('?') ? '&' : '?'}${query}`;
}

/**
 * A code or an error (RFC 6749 §4.1.2, §4.1.2.1), with the state as it came (security A25) and with who answers, once
 * (RFC 9207 §2, security A10). Pure.
 */
export function responseTo(
  { redirectUri, state, responseMode }: ReturnAddress,
  issuer: string,
  answer: { code: string } | AuthorizationError,
): AuthorizationResponse {
  const said: (readonly [string, string])[] =
    'code' in answer
      ? [['code', answer.code]]
      : [
          ['error', answer.error],
          ['error_description', answer.description],
        ];
  const fields = [...said, ...(state === null ? [] : [['state', state] as const]), ['iss', issuer] as const];
  const uri = bare(redirectUri);
  if (responseMode === 'form_post') return { mode: 'form_post', action: uri, fields };
  return { mode: 'query', location: withFields(uri, fields) };
}

/** The same by a link, which is followed by who wants to. */
export function linkTo(response: AuthorizationResponse): string {
  return response.mode === 'query' ? response.location : withFields(response.action, response.fields);
}
