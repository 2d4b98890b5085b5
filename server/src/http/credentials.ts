import type { IncomingHttpHeaders } from 'node:http';
import { containsSecret } from '@latchkey/protocol';
import { Failure } from '../failure.ts';

/** A credential as it came: its scheme in lower case and its text. `api-key` stands for X-API-Key. */
export interface PresentedCredential {
  scheme: string;
  text: string;
}

/** The parts of a request that say who calls. `rawHeaders` because node:http silently keeps the first of two lines. */
export interface CredentialSource {
  rawHeaders: readonly string[];
  headers: IncomingHttpHeaders;
  url: string;
}

function countLines(rawHeaders: readonly string[], name: string): number {
  let count = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const header = rawHeaders[index];
    if (header?.length === name.length && header.toLowerCase() === name) count += 1;
  }
  return count;
}

const TOKEN_PARAMETERS = new Set(['access_token', 'api_key']);

/** A credential in a URL ends up in logs and referrers (RFC 6750 §5.3): refused before it is looked at. */
export function refuseInQuery(url: string): void {
  const mark = url.indexOf('?');
  if (mark === -1) return;
  const parameters = new URLSearchParams(url.slice(mark));
  for (const [name, value] of parameters) {
    if (TOKEN_PARAMETERS.has(name.toLowerCase()) || containsSecret(value) || containsSecret(name)) {
      throw new Failure('invalid_request', 'Send credentials in a header, never in the URL. Treat this one as leaked.');
    }
  }
}

/** The `Authorization` of a request as it came. Two of them are `ambiguous_credentials`. */
export function authorizationLine({ rawHeaders, headers }: CredentialSource): string | undefined {
  const { authorization } = headers;
  if (authorization !== undefined && countLines(rawHeaders, 'authorization') > 1) {
    throw new Failure('ambiguous_credentials');
  }
  return authorization;
}

const SCHEME = /^([A-Za-z][A-Za-z0-9-]{0,31}) +(\S+) *$/;

function parseAuthorization(header: string): PresentedCredential {
  const [, scheme, text] = SCHEME.exec(header) ?? [];
  if (scheme === undefined || text === undefined) {
    throw new Failure('invalid_token', 'The Authorization header is not of the form `Bearer <credential>`.');
  }
  return { scheme: scheme.toLowerCase(), text };
}

/**
 * The one credential of a request, or null. Two credential lines, or `Authorization` and `X-API-Key` that differ, are
 * `ambiguous_credentials`: which of the two would be meant is not ours to guess.
 */
export function presentedCredential({ rawHeaders, headers, url }: CredentialSource): PresentedCredential | null {
  refuseInQuery(url);
  const { authorization } = headers;
  const apiKey = headers['x-api-key'];
  if (authorization === undefined && apiKey === undefined) return null;
  const lines = countLines(rawHeaders, 'authorization');
  const keyLines = apiKey === undefined ? 0 : countLines(rawHeaders, 'x-api-key');
  if (lines > 1 || keyLines > 1) throw new Failure('ambiguous_credentials');
  const fromKey = apiKey === undefined ? null : { scheme: 'api-key', text: String(apiKey) };
  if (authorization === undefined) return fromKey;
  const bearer = parseAuthorization(authorization);
  if (fromKey && fromKey.text !== bearer.text) throw new Failure('ambiguous_credentials');
  return bearer;
}
