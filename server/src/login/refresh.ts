import { dropSession, personActor, standingOf, type Visit } from '../accounts/index.ts';
import type { Tx } from '../database/index.ts';
import { Failure } from '../failure.ts';
import { type Family, FIRST_PARTY_CLIENT, type RefreshRefusal, type TokenPair } from '../tokens/index.ts';
import type { LoginDeps } from './deps.ts';
import { scopesAtRefresh } from './entitlement.ts';

function refusalOf(reason: RefreshRefusal): Failure {
  if (reason === 'expired') return new Failure('token_expired', 'The refresh token has expired. Log in again.');
  if (reason === 'revoked') return new Failure('token_revoked', 'The refresh token has been revoked. Log in again.');
  if (reason === 'reused') {
    return new Failure('token_revoked', 'The refresh token was used before: the login has ended. Log in again.');
  }
  return new Failure('invalid_token', 'The refresh token is not valid.');
}

/**
 * Gives the next tokens of a login, with no more than its person's role may at this moment. Throws `invalid_token`,
 * `token_expired`, `token_revoked`; a token that was used up more than 30 seconds ago ends the login.
 */
export async function refreshLogin(
  deps: LoginDeps,
  visit: Visit,
  { refreshToken }: { refreshToken: string },
): Promise<TokenPair> {
  const { people, tokens } = deps;
  const authorize = async (tx: Tx, { workspaceId, userId, scopes, extraClaims }: Family) => {
    const standing = userId === null ? null : await standingOf(tx.query, workspaceId, userId);
    return scopesAtRefresh(people.catalogue, standing, { scopes, amr: extraClaims.amr });
  };
  const actor = personActor(visit, null);
  const result = await people.database.write(async (tx) => {
    const presented = { token: refreshToken, clientId: FIRST_PARTY_CLIENT, authorize, actor };
    const refreshed = await tokens.refresh(tx, presented);
    if (refreshed.outcome === 'refused' && refreshed.ended) await dropEnded(deps, tx, visit, refreshed.ended);
    return refreshed;
  });
  if (result.outcome === 'refused') {
    if (result.reason === 'unknown') await deps.payAddress(visit.address);
    throw refusalOf(result.reason);
  }
  const { sessionId } = result.family;
  if (sessionId !== null && !result.isRetry) deps.noteRefreshed(sessionId, visit.address);
  return result;
}

/** A login whose tokens have ended is no session any more. */
export async function dropEnded(
  { people }: LoginDeps,
  tx: Tx,
  visit: Visit,
  { userId, sessionId }: Pick<Family, 'userId' | 'sessionId'>,
  isSignOut = false,
): Promise<void> {
  if (userId === null || sessionId === null) return;
  await dropSession(people, tx, visit, { userId, sessionId: isSignOut ? sessionId : '' }, sessionId);
}
