import { Type } from 'typebox';
import type { FormRoute } from '../../http/index.ts';
import { type IntrospectDeps, introspect } from './introspect.ts';

const parameters = {
  token: { description: 'An access token, a refresh token or an API key', isRequired: true },
  token_type_hint: { description: 'Not needed: a token shows by its form what it is' },
  ip: { description: 'Where it was presented, for API keys that are bound to addresses' },
  client_id: { description: 'With client_secret, where the caller is not in Authorization' },
  client_secret: { description: 'The secret of the application that asks' },
  client_assertion_type: { description: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' },
  client_assertion: { description: 'A JWT of the application, in place of a secret (RFC 7523)' },
} as const;

/** `POST /oauth/introspect`. */
export function introspectionRoutes(deps: IntrospectDeps): FormRoute[] {
  return [
    {
      method: 'POST',
      path: '/oauth/introspect',
      tag: 'oauth',
      summary: 'Ask whether a token works, and what it says (RFC 7662)',
      parameters,
      reply: Type.Object({ active: Type.Boolean() }, { additionalProperties: true }),
      handler: async (call) => ({ status: 200, body: await introspect(deps, call) }),
    },
  ];
}
