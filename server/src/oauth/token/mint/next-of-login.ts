import { Failure, OAuthFailure } from '../../../failure.ts';
import type { Ask } from '../ask.ts';
import type { NextOfLogin } from '../entitlement.ts';
import type { Minted } from './minted.ts';

/** What `/v1/auth/refresh` says, in OAuth's words. */
const CODES = ['invalid_token', 'token_expired', 'token_revoked'];

/** Contract §7: the next tokens of a login by password, for what knows OAuth alone. They are no application's. */
export async function mintNextOfLogin({ deps, call }: Ask, { refreshToken }: NextOfLogin): Promise<Minted> {
  if (!deps.refreshLogin) throw new OAuthFailure('invalid_grant', 'There are no logins by password here.');
  try {
    const { accessToken, refreshToken: next, family, scopes } = await deps.refreshLogin(call, refreshToken);
    const { audience, workspaceId, environment, userId } = family;
    return {
      kind: 'minted',
      accessToken,
      refreshToken: next.text,
      scopes,
      audience,
      workspaceId,
      environment,
      userId,
      familyId: family.id,
      grantId: null,
      login: null,
      isRetry: true,
    };
  } catch (error) {
    if (!(error instanceof Failure) || !CODES.includes(error.code)) throw error;
    throw new OAuthFailure('invalid_grant', error.message);
  }
}
