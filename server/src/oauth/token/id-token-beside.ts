import type { Tx } from '../../database/index.ts';
import { OAuthFailure } from '../../failure.ts';
import { claimsFor } from '../userinfo/claims.ts';
import { applicationOf } from './application-of.ts';
import type { Ask } from './ask.ts';
import { mintIdToken } from './id-token.ts';
import type { Minted } from './mint/minted.ts';

/** OpenID Connect Core §3.1.3.3, §12.2: an ID token beside the access token of a user who allowed `openid`; null otherwise. */
export async function idTokenBeside(
  ask: Ask,
  tx: Tx,
  { scopes, userId, login, accessToken }: Minted,
): Promise<string | null> {
  const { deps } = ask;
  if (userId === null || login === null || !scopes.includes('openid')) return null;
  const identity = await deps.identityOf(tx.query, userId);
  if (!identity) throw new OAuthFailure('invalid_grant', 'The account of the user is gone.');
  const claims = claimsFor(identity, new Set(scopes));
  const { id: clientId, idTokenAlgorithm: algorithm } = applicationOf(ask);
  return mintIdToken(deps, { clientId, algorithm, claims, ...login, accessToken: accessToken.text });
}
