import { Type } from 'typebox';
import { Failure, OAuthFailure } from '../../failure.ts';
import type { FormCall, FormReply, FormRoute } from '../../http/index.ts';
import { payRefusal } from './budget.ts';
import type { TokenDeps } from './deps.ts';
import { type Given, TOKEN_STEPS } from './exchange.ts';
import { GRANTS } from './grants/index.ts';

const KNOWN_TYPES = new Set<string>(GRANTS.map(({ type }) => type));

/** RFC 6749 §5.1, OpenID Connect Core §3.1.3.3. */
function replyOf({ accessToken, refreshToken, idToken, scopes }: Given): FormReply {
  return {
    status: 200,
    body: {
      access_token: accessToken.text,
      token_type: 'Bearer',
      expires_in: accessToken.expiresInSeconds,
      scope: scopes.join(' '),
      ...(refreshToken === null ? {} : { refresh_token: refreshToken }),
      ...(idToken === null ? {} : { id_token: idToken }),
    },
  };
}

/** What was refused, as it is told and counted; what is not the caller's fault costs them nothing. */
async function refusalOf({ limiter, findApplication }: TokenDeps, call: FormCall, error: unknown): Promise<unknown> {
  if (!(error instanceof Failure) || error.status >= 500 || error.status === 429) return error;
  try {
    await payRefusal({ limiter, findApplication: (clientId) => findApplication(clientId) }, call);
    return error;
  } catch (tooMany) {
    return tooMany;
  }
}

function outcomeOf(error: unknown): string {
  if (error instanceof OAuthFailure) return error.error;
  return error instanceof Failure ? error.code : 'internal_error';
}

function answering(deps: TokenDeps) {
  return async (call: FormCall): Promise<FormReply> => {
    const asked = call.params.get('grant_type') ?? '';
    const grantType = KNOWN_TYPES.has(asked) ? asked : 'unknown';
    try {
      const { given } = await TOKEN_STEPS.run({ deps, call });
      deps.onAsked({ grantType, outcome: 'granted' });
      return replyOf(given);
    } catch (error) {
      const refusal = await refusalOf(deps, call, error);
      deps.onAsked({ grantType, outcome: outcomeOf(refusal) });
      throw refusal;
    }
  };
}

const parameters = {
  grant_type: { description: [...KNOWN_TYPES].join(', '), isRequired: true },
  client_id: { description: 'The application; with client_secret, or in Basic, or by client_assertion' },
  client_secret: { description: 'Its secret, where it is not in Basic' },
  client_assertion_type: { description: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer' },
  client_assertion: { description: 'A JWT of the application, in place of a secret (RFC 7523)' },
  code: { description: 'The authorization code' },
  redirect_uri: { description: 'As the authorization request had it' },
  code_verifier: { description: 'PKCE (RFC 7636)' },
  refresh_token: { description: 'The refresh token' },
  assertion: { description: 'A JWT of a trusted issuer or of the application itself (RFC 7523)' },
  scope: { description: 'Fewer scopes than may be had, with spaces between them' },
  resource: { description: 'The one resource that the token is for (RFC 8707)' },
} as const;

const reply = Type.Object({
  access_token: Type.String(),
  token_type: Type.Literal('Bearer'),
  expires_in: Type.Integer(),
  scope: Type.String(),
  refresh_token: Type.Optional(Type.String()),
  id_token: Type.Optional(Type.String()),
});

/** `POST /oauth/token`, which is also `/token`. */
export function tokenRoutes(deps: TokenDeps): FormRoute[] {
  const handler = answering(deps);
  const shared = {
    method: 'POST',
    tag: 'oauth',
    parameters,
    reply,
    allowsJson: true,
    cors: 'public',
    handler,
  } as const;
  return ['/oauth/token', '/token'].map((path) => ({ ...shared, path, summary: 'Get tokens (RFC 6749)' }));
}
