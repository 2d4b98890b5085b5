import { INVALID_API_KEY_MESSAGE, readSecret } from '@latchkey/protocol';
import { Failure } from '../failure.ts';
import type { PresentedCredential } from '../http/index.ts';

export type ApiCredential = { kind: 'root' | 'api_key' | 'jwt' | 'access_token'; text: string };

const NOT_FOR_CALLS = new Map([
  ['client_secret', 'A client secret does not call the API; exchange it for a token first.'],
  ['refresh_token', 'A refresh token does not call the API; exchange it for an access token first.'],
  ['registration_token', 'A registration token does not call the API.'],
]);

/**
 * A JWT by its form: three or, when encrypted, five base64url segments, the first of which begins like a JSON object. So
 * keys of other systems that have dots in them stay keys.
 */
const JWT_FORM = /^e[wy][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){2,4}$/;

/** What another system's key may look like: imported keys are known by their hash alone. */
const FOREIGN_KEY = /^[\x21-\x7e]{8,512}$/;

export function invalidApiKey(): Failure {
  return new Failure('invalid_token', INVALID_API_KEY_MESSAGE);
}

/** Whether a text can be an API key at all: nothing is looked up, and a wrong checksum ends here (security J14). */
export function isApiKeyText(text: string): boolean {
  const kind = readSecret(text);
  if (kind === 'foreign') return FOREIGN_KEY.test(text);
  return kind.startsWith('secret_') || kind.startsWith('restricted_');
}

/** What was presented, by its form alone. */
export function credentialKind({ scheme, text }: PresentedCredential): ApiCredential {
  if (scheme !== 'bearer' && scheme !== 'api-key') {
    throw new Failure('invalid_token', 'Use `Authorization: Bearer <credential>`, or X-API-Key for an API key.');
  }
  const kind = readSecret(text);
  if (kind === 'root') return { kind: 'root', text };
  const isJwt = kind === 'foreign' && JWT_FORM.test(text);
  if (isJwt || kind === 'access_token') {
    if (scheme === 'bearer') return { kind: isJwt ? 'jwt' : 'access_token', text };
    throw new Failure('invalid_token', 'X-API-Key is for API keys; send a token as `Authorization: Bearer <token>`.');
  }
  if (isApiKeyText(text)) return { kind: 'api_key', text };
  throw new Failure('invalid_token', NOT_FOR_CALLS.get(kind) ?? INVALID_API_KEY_MESSAGE);
}
