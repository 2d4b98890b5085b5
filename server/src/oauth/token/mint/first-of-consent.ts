import { acrOf } from '../../../accounts/index.ts';
import { type Application, isConfidential } from '../../../applications/index.ts';
import type { Tx } from '../../../database/index.ts';
import { OAuthFailure } from '../../../failure.ts';
import { noteSessionClient } from '../../back-channel/index.ts';
import { applicationOf } from '../application-of.ts';
import type { Ask } from '../ask.ts';
import type { FirstOfConsent } from '../entitlement.ts';
import { grantedResource } from '../rules/granted-resource.ts';
import type { Minted } from './minted.ts';

/** Whether a consent gives a refresh token (contract §6). */
export function isRefreshable(
  { grantTypes, refreshTokens }: Pick<Application, 'grantTypes' | 'refreshTokens'>,
  scopes: readonly string[],
): boolean {
  if (!grantTypes.includes('refresh_token')) return false;
  return refreshTokens === 'always' || scopes.includes('offline_access');
}

/** RFC 9700 §4.14.2: who keeps no secret gets another refresh token each time (security D1). */
export function rotationOf(application: Application): 'each_use' | 'none' {
  return application.rotatesRefreshTokens || !isConfidential(application) ? 'each_use' : 'none';
}

/** Who wants to be told of the session's end is noted before anything is given in it. */
async function noteSession(tx: Tx, { id, backChannelLogoutUri }: Application, sessionId: string): Promise<void> {
  if (backChannelLogoutUri === null || (await noteSessionClient(tx, sessionId, id))) return;
  throw new OAuthFailure('invalid_grant', 'The session in which the user allowed this has ended.');
}

/** What a consent gives first: tokens of a new family, or an access token alone. In one transaction with the code's use. */
export async function mintFirst(ask: Ask, tx: Tx, first: FirstOfConsent): Promise<Minted> {
  const { holder, grantId, login } = first;
  const { tokens } = ask.deps;
  const application = applicationOf(ask);
  const { audience } = grantedResource(ask, holder.audience);
  const { userId, workspaceId, environment, held: scopes } = holder;
  const { nonce, amr, sessionId } = login;
  const authTime = Math.floor(login.authTimeMs / 1000);
  const { accessTokenTtlSeconds: ttlSeconds } = application;
  const granted = { scopes, workspaceId, environment, audience };
  const request = {
    ...granted,
    clientId: application.id,
    grantId,
    epoch: ask.epoch,
    extraClaims: { auth_time: authTime, acr: acrOf(amr), amr },
  };
  const told = { kind: 'minted', ...granted, userId, grantId, isRetry: false } as const;
  const toldLogin = { nonce, authTime, amr, sessionId };
  if (!isRefreshable(application, scopes)) {
    // What cannot be renewed is for while the user is there: it ends with the session (OpenID Connect Back-Channel Logout §2.7).
    const accessToken = await tokens.issueAccessToken(tx, { ...request, subject: userId, sessionId, ttlSeconds });
    await first.noteGiven(tx, { familyId: null, accessToken });
    await noteSession(tx, application, sessionId);
    return { ...told, accessToken, refreshToken: null, familyId: null, login: toldLogin };
  }
  const rotation = rotationOf(application);
  const pair = await tokens.startFamily(tx, { ...request, userId, rotation, accessTtlSeconds: ttlSeconds });
  const { accessToken, refreshToken, family } = pair;
  await first.noteGiven(tx, { familyId: family.id, accessToken });
  await noteSession(tx, application, sessionId);
  return { ...told, accessToken, refreshToken: refreshToken.text, familyId: family.id, login: toldLogin };
}
