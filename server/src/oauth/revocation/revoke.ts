import { readSecret } from '@latchkey/protocol';
import type { Application, AuthenticatedClient, ClientRequest } from '../../applications/index.ts';
import type { Actor } from '../../audit/index.ts';
import type { Database } from '../../database/index.ts';
import { Failure, OAuthFailure } from '../../failure.ts';
import type { FormCall } from '../../http/index.ts';
import type { Limiter, Limits } from '../../limits/index.ts';
import type { AccessTokenClaims, Tokens } from '../../tokens/index.ts';

export interface RevokeDeps {
  database: Database;
  tokens: Tokens;
  limiter: Limiter;
  authenticateClient(request: ClientRequest): Promise<AuthenticatedClient>;
  onRevoked(revoked: { tokenType: 'access_token' | 'refresh_token' | 'none' }): void;
}

/** How many access tokens an hour one client may revoke: each is remembered, by every process, until it would have expired. */
export const REVOCATIONS: Limits = { perHour: 3600, perSecond: null };

async function pay({ limiter }: RevokeDeps, clientId: string): Promise<void> {
  const spending = await limiter.spend(`revocations:${clientId}`, REVOCATIONS, 1);
  if (spending.allowed) return;
  throw new Failure('rate_limit_exceeded', 'Too many access tokens were revoked one by one. They live on for now.', {
    retryAfterSeconds: Math.max(1, Math.ceil(spending.retryAfterMs / 1000)),
  });
}

const REASON = 'revoked by its application';

/** Its claims, while it works; null for what is none of ours, or over: there is nothing left to revoke. */
async function claimsOf({ tokens }: RevokeDeps, text: string): Promise<AccessTokenClaims | null> {
  try {
    return (await tokens.findAccessToken(text)).claims;
  } catch (error) {
    if (error instanceof Failure && error.status < 500) return null;
    throw error;
  }
}

/** A key is nobody's token, and a mistake that is worth a word (RFC 7009 §2.2.1). Told by its form: nothing is looked up. */
function refuseKeys(text: string): void {
  const kind = readSecret(text);
  if (!kind.startsWith('secret_') && !kind.startsWith('restricted_') && kind !== 'root') return;
  throw new OAuthFailure('unsupported_token_type', 'This is an API key: revoke it by POST /v1/api-keys/{id}/revoke.');
}

/**
 * Ends a token of this client: a refresh token with all that came of it, an access token alone. What is unknown, over or
 * another client's stays as it is, and the answer is the same (RFC 7009 §2.2; security D11, D12).
 */
async function end(deps: RevokeDeps, { id }: Application, text: string, actor: Actor) {
  const { database, tokens } = deps;
  if (readSecret(text) === 'refresh_token') {
    const ending = { family: { token: text, clientId: id }, reason: REASON, actor };
    const family = await database.write((tx) => tokens.revokeFamily(tx, ending));
    return family ? 'refresh_token' : 'none';
  }
  const claims = await claimsOf(deps, text);
  if (claims === null || claims.client_id !== id) return 'none';
  await pay(deps, id);
  await database.write((tx) => tokens.revokeAccessToken(tx, { claims, actor }));
  return 'access_token';
}

/** RFC 7009. Returns when it is on disk. Throws `invalid_client`, `unsupported_token_type`, `rate_limit_exceeded`, `unavailable`. */
export async function revoke(deps: RevokeDeps, call: FormCall): Promise<void> {
  const { application } = await deps.authenticateClient(call);
  const text = call.params.get('token');
  if (text === undefined) throw new OAuthFailure('invalid_request', 'token is required.');
  refuseKeys(text);
  const actor: Actor = {
    kind: 'application',
    id: application.id,
    requestId: call.requestId,
    address: call.address,
  };
  deps.onRevoked({ tokenType: await end(deps, application, text, actor) });
}
