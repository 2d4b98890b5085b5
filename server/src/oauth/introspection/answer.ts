import type { Principal } from '../../http/index.ts';
import type { AccessTokenClaims, Family } from '../../tokens/index.ts';

/** RFC 7662 §2.2: of what does not work, or is not to be known, exactly this (security D16). */
export const INACTIVE = { active: false } as const;

const seconds = (ms: number) => Math.floor(ms / 1000);

/**
 * An access token, in the words of its own claims: what a JWT says and what introspection says is the same, also of how the
 * user signed in (RFC 9470 §6.2). Pure.
 */
export function answerOfToken(claims: AccessTokenClaims): object {
  const { scope, client_id, exp, iat, sub, aud, iss, jti, workspace_id, environment } = claims;
  return {
    active: true,
    token_type: 'Bearer',
    token_use: 'access_token',
    ...{ scope, client_id, sub, aud, iss, exp, iat, jti, workspace_id, environment },
    ...(claims.nbf === undefined ? {} : { nbf: claims.nbf }),
    ...(claims.auth_time === undefined ? {} : { auth_time: claims.auth_time }),
    ...(claims.acr === undefined ? {} : { acr: claims.acr }),
    ...(claims.amr === undefined ? {} : { amr: claims.amr }),
    ...(claims.sid === undefined ? {} : { sid: claims.sid }),
    ...(claims.subject_issuer === undefined ? {} : { subject_issuer: claims.subject_issuer }),
  };
}

/** An API key, which is for every resource and has no client. Pure. */
export function answerOfKey(principal: Principal, issuer: string): object {
  const { subject, grantedScopes, expiresAtMs } = principal;
  return {
    active: true,
    token_type: 'Bearer',
    token_use: 'api_key',
    scope: grantedScopes.join(' '),
    sub: subject,
    iss: issuer,
    ...(expiresAtMs === null ? {} : { exp: seconds(expiresAtMs) }),
    jti: principal.credentialId,
    workspace_id: principal.workspaceId,
    environment: principal.environment,
  };
}

/** A JWT of somebody else: what is believed of it here, which may be less than it says. Pure. */
export function answerOfForeign(principal: Principal): object {
  const { grantedScopes, subject, expiresAtMs } = principal;
  return {
    active: true,
    token_type: 'Bearer',
    token_use: 'access_token',
    scope: grantedScopes.join(' '),
    ...(principal.clientId === null ? {} : { client_id: principal.clientId }),
    sub: subject,
    aud: principal.audience,
    iss: principal.subjectIssuer,
    ...(expiresAtMs === null ? {} : { exp: seconds(expiresAtMs) }),
    workspace_id: principal.workspaceId,
    environment: principal.environment,
  };
}

/** A refresh token. It is told of, and not used. Pure. */
export function answerOfFamily(family: Family, issuer: string): object {
  const { scopes, clientId, userId, audience, workspaceId, environment } = family;
  return {
    active: true,
    token_use: 'refresh_token',
    scope: scopes.join(' '),
    client_id: clientId,
    sub: userId ?? clientId,
    aud: audience,
    iss: issuer,
    exp: seconds(family.expiresAtMs),
    iat: seconds(family.createdAtMs),
    workspace_id: workspaceId,
    environment,
  };
}
