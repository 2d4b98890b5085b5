import type { FormRoute } from '../../http/index.ts';
import { type RevokeDeps, revoke } from './revoke.ts';

const parameters = {
  token: { description: 'An access token or a refresh token of this application', isRequired: true },
  token_type_hint: { description: 'Not needed: a token shows by its form what it is' },
  client_id: { description: 'The application; with client_secret where it keeps one' },
  client_secret: { description: 'Its secret, where it is not in Basic' },
  client_assertion_type: { description: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' },
  client_assertion: { description: 'A JWT of the application, in place of a secret (RFC 7523)' },
} as const;

/** `POST /oauth/revoke`. */
export function revocationRoutes(deps: RevokeDeps): FormRoute[] {
  return [
    {
      method: 'POST',
      path: '/oauth/revoke',
      tag: 'oauth',
      summary: 'End a token: a refresh token with all that came of it (RFC 7009)',
      parameters,
      cors: 'public',
      handler: async (call) => {
        await revoke(deps, call);
        return { status: 200, body: {} };
      },
    },
  ];
}
