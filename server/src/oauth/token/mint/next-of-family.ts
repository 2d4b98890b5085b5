import type { Tx } from '../../../database/index.ts';
import { OAuthFailure } from '../../../failure.ts';
import type { Family, RefreshRefusal } from '../../../tokens/index.ts';
import { applicationOf } from '../application-of.ts';
import { type Ask, actorOf } from '../ask.ts';
import type { KeptRefusal, NextOfFamily } from '../entitlement.ts';
import { grantedResource } from '../rules/granted-resource.ts';
import { grantedScopes } from '../rules/granted-scopes.ts';
import { rotationOf } from './first-of-consent.ts';
import type { Minted, ToldLogin } from './minted.ts';

const REFUSALS: Readonly<Record<RefreshRefusal, string>> = {
  unknown: 'The refresh token is not valid.',
  other_client: 'The refresh token is not valid.',
  other_key: 'The refresh token is bound to another key.',
  scope: 'The refresh token does not cover these scopes.',
  expired: 'The refresh token has expired. Ask the user again.',
  revoked: 'The refresh token has been revoked. Ask the user again.',
  reused: 'The refresh token was used before: all that came of it has ended. Ask the user again.',
};

/** OpenID Connect Core §12.2: a refreshed ID token tells of the same login, and has no nonce (security D10). */
function loginOf({ extraClaims }: Family): ToldLogin {
  const { auth_time: authTime, amr } = extraClaims;
  return {
    nonce: null,
    authTime: typeof authTime === 'number' ? authTime : null,
    amr: Array.isArray(amr) ? (amr as string[]) : [],
    sessionId: null,
  };
}

/** RFC 6749 §6: the next tokens of a family. A refusal that ended it is returned, to be kept. */
export async function mintNext(ask: Ask, tx: Tx, next: NextOfFamily): Promise<Minted | KeptRefusal> {
  const refreshed = await ask.deps.tokens.refresh(tx, {
    token: next.refreshToken,
    clientId: ask.client.id,
    actor: actorOf(ask),
    // Who keeps no secret any more, or was told to rotate, does so from the next use on.
    rotates: rotationOf(applicationOf(ask)) === 'each_use',
    authorize: async (inTx, family) => {
      grantedResource(ask, family.audience);
      // Asked of what was granted: a role that shrank meanwhile is no mistake of the client's.
      return next.lookAgain(inTx, { ...family, scopes: grantedScopes(ask, family.scopes) });
    },
  });
  if (refreshed.outcome === 'refused') {
    return { kind: 'kept_refusal', failure: new OAuthFailure('invalid_grant', REFUSALS[refreshed.reason]) };
  }
  const { family, accessToken, refreshToken, scopes, isRetry } = refreshed;
  const { audience, workspaceId, environment, userId } = family;
  return {
    kind: 'minted',
    accessToken,
    refreshToken: refreshToken.text,
    scopes,
    audience,
    workspaceId,
    environment,
    userId,
    familyId: family.id,
    grantId: family.grantId,
    login: loginOf(family),
    isRetry,
  };
}
