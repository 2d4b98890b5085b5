import { INVALID_API_KEY_MESSAGE, readSecret } from '@latchkey/protocol';
import { Failure } from '../failure.ts';
import type { PresentedCredential } from '../http/index.ts';

export type ApiCredential = { kind: 'root' | 'api_key'; text: string };

const NOT_FOR_CALLS = new Map([
  ['client_secret', 'A client secret does not call the API; exchange it for a token first.'],
  ['refresh_token', 'A refresh token does not call the API; exchange it for an access token first.'],
  ['registration_token', 'A registration token does not call the API.'],
]);

export function invalidApiKey(): Failure {
  return new Failure('invalid_token', INVALID_API_KEY_MESSAGE);
}

/** What was presented, by its form alone: nothing is looked up, and a wrong checksum ends here (security J14). */
export function credentialKind({ scheme, text }: PresentedCredential): ApiCredential {
  if (scheme !== 'bearer' && scheme !== 'api-key') {
    throw new Failure('invalid_token', 'Use `Authorization: Bearer <credential>`, or X-API-Key for an API key.');
  }
  const kind = readSecret(text);
  switch (kind) {
    case 'root':
      return { kind: 'root', text };
    case 'secret_test':
    case 'secret_live':
    case 'restricted_test':
    case 'restricted_live':
      return { kind: 'api_key', text };
    default:
      throw new Failure('invalid_token', NOT_FOR_CALLS.get(kind) ?? INVALID_API_KEY_MESSAGE);
  }
}
