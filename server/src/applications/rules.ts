import { invalidField } from '../failure.ts';
import { problemOfTarget } from '../outbound/index.ts';
import { problemOfJwks } from '../remote-keys/index.ts';
import type { ApplicationType, ClientAuthMethod, GrantType } from './application.ts';
import { redirectUriProblem } from './redirect-uri.ts';
import type { ApplicationSettings } from './settings.ts';

export const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
export const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

export const GRANT_TYPES: readonly GrantType[] = [
  'authorization_code',
  'refresh_token',
  'client_credentials',
  JWT_BEARER,
  DEVICE_CODE,
  TOKEN_EXCHANGE,
];

export const AUTH_METHODS: readonly ClientAuthMethod[] = [
  'client_secret_basic',
  'client_secret_post',
  'client_secret_jwt',
  'private_key_jwt',
  'none',
];

/** What an application of a type may ask for, unless it says so (contract §6). */
export const DEFAULT_GRANT_TYPES: Readonly<Record<ApplicationType, readonly GrantType[]>> = {
  web: ['authorization_code', 'refresh_token', 'client_credentials'],
  public: ['authorization_code', 'refresh_token', DEVICE_CODE],
  native: ['authorization_code', 'refresh_token', DEVICE_CODE],
  service: ['client_credentials', JWT_BEARER],
};

/** A service's tokens live ten minutes at most (contract §7). */
const LONGEST_SERVICE_TTL_SECONDS = 600;

export const keepsSecrets = ({ type }: Pick<ApplicationSettings, 'type'>) => type === 'web' || type === 'service';

/** Whether it proves itself by a secret, or signs with one. */
export function needsSecret(
  settings: Pick<ApplicationSettings, 'type' | 'authMethod' | 'allowsSelfSignedJwt' | 'jwks' | 'jwksUri'>,
): boolean {
  if (!keepsSecrets(settings)) return false;
  const signsByKey = settings.jwks !== null || settings.jwksUri !== null;
  return settings.authMethod !== 'private_key_jwt' || (settings.allowsSelfSignedJwt && !signsByKey);
}

/** Whether its secrets are kept sealed too: somebody has to compute an HMAC with them. */
export function signsBySecret({
  authMethod,
  allowsSelfSignedJwt,
}: Pick<ApplicationSettings, 'authMethod' | 'allowsSelfSignedJwt'>): boolean {
  return authMethod === 'client_secret_jwt' || allowsSelfSignedJwt;
}

type Rule = (settings: ApplicationSettings) => void;

const refuse = (path: string, message: string): never => {
  throw invalidField(path, message);
};

const authMethodFits: Rule = ({ type, authMethod, jwks, jwksUri }) => {
  const path = 'token_endpoint_auth_method';
  if (type === 'public' || type === 'native') {
    if (authMethod !== 'none') refuse(path, `must be none: a ${type} application keeps no secret`);
    return;
  }
  if (authMethod === 'none') refuse(path, `must not be none for ${type}; use the type public or native`);
  if (authMethod === 'private_key_jwt' && jwks === null && jwksUri === null) {
    refuse('jwks', 'is required for private_key_jwt (or jwks_uri)');
  }
};

const keysFit: Rule = ({ type, jwks, jwksUri, environment }) => {
  if (jwks !== null && jwksUri !== null) refuse('jwks_uri', 'cannot be given together with jwks (RFC 7591 §2)');
  if ((jwks !== null || jwksUri !== null) && (type === 'public' || type === 'native')) {
    refuse(jwks === null ? 'jwks_uri' : 'jwks', `is for web and service: a ${type} application keeps no key`);
  }
  const problem = jwks === null ? null : problemOfJwks(jwks);
  if (problem !== null) refuse('jwks', problem);
  if (jwksUri !== null) checkWebUri('jwks_uri', jwksUri, environment);
};

const grantTypesFit: Rule = ({ type, grantTypes, redirectUris }) => {
  const has = (grant: GrantType) => grantTypes.includes(grant);
  const confidential = (['client_credentials', JWT_BEARER, TOKEN_EXCHANGE] as const).find(has);
  if (confidential !== undefined && (type === 'public' || type === 'native')) {
    refuse('grant_types', `${confidential} is for web and service applications`);
  }
  if (has('authorization_code') && type === 'service') {
    refuse('grant_types', 'a service acts for itself; use the type web for authorization_code');
  }
  if (has('refresh_token') && !has('authorization_code') && !has(DEVICE_CODE)) {
    refuse('grant_types', 'refresh_token goes with authorization_code or device_code');
  }
  if (has('authorization_code') && redirectUris.length === 0)
    refuse('redirect_uris', 'is required for authorization_code');
  if (!has('authorization_code') && redirectUris.length > 0) {
    refuse('redirect_uris', 'is for applications that use authorization_code');
  }
};

function checkUris(path: string, uris: readonly string[], { type, environment }: ApplicationSettings): void {
  for (const [index, uri] of uris.entries()) {
    const problem = redirectUriProblem(uri, type, environment);
    if (problem !== null) refuse(`${path}.${index}`, problem);
  }
}

const redirectUrisFit: Rule = (settings) => {
  checkUris('redirect_uris', settings.redirectUris, settings);
  checkUris('post_logout_redirect_uris', settings.postLogoutRedirectUris, settings);
};

const LOOPBACK = /^http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)(?:[:/?]|$)/;

/** An address that people or this server are sent to: https, and on this machine http while it is a test. */
function checkWebUri(path: string, uri: string, environment: ApplicationSettings['environment']): void {
  const problem = problemOfTarget(uri);
  if (problem !== null) refuse(path, problem);
  const mayBePlain = environment === 'test' && LOOPBACK.test(uri);
  if (!uri.startsWith('https://') && !mayBePlain) refuse(path, 'must begin with https://');
}

const urisFit: Rule = ({ clientUri, logoUri, policyUri, tosUri, environment }) => {
  const uris = { client_uri: clientUri, logo_uri: logoUri, policy_uri: policyUri, tos_uri: tosUri };
  for (const [path, uri] of Object.entries(uris)) if (uri !== null) checkWebUri(path, uri, environment);
};

const logoutFits: Rule = ({ type, backChannelLogoutUri, needsSessionAtLogout, environment }) => {
  if (backChannelLogoutUri === null) {
    if (needsSessionAtLogout) refuse('backchannel_logout_uri', 'is required for backchannel_logout_session_required');
    return;
  }
  if (type === 'service')
    refuse('backchannel_logout_uri', 'is for applications that people sign in to; a service is none');
  checkWebUri('backchannel_logout_uri', backChannelLogoutUri, environment);
};

const tokensFit: Rule = ({ type, requirePkce, rotatesRefreshTokens, accessTokenTtlSeconds, allowsSelfSignedJwt }) => {
  const isPublic = type === 'public' || type === 'native';
  if (isPublic && !requirePkce) refuse('require_pkce', `must be true for ${type} (RFC 9700 §2.1.1)`);
  if (isPublic && !rotatesRefreshTokens) {
    refuse('refresh_token_rotation', `must be always for ${type} (RFC 9700 §2.2.2)`);
  }
  if (isPublic && allowsSelfSignedJwt) refuse('self_signed_jwt', `is for web and service: ${type} keeps no secret`);
  if (type === 'service' && (accessTokenTtlSeconds ?? 0) > LONGEST_SERVICE_TTL_SECONDS) {
    refuse('access_token_ttl_seconds', `must be at most ${LONGEST_SERVICE_TTL_SECONDS} for a service`);
  }
};

const RULES: readonly Rule[] = [
  authMethodFits,
  keysFit,
  grantTypesFit,
  redirectUrisFit,
  urisFit,
  logoutFits,
  tokensFit,
];

/** Throws `validation_failed` with the field when the parts of an application do not fit one another. */
export function checkSettings(settings: ApplicationSettings): void {
  for (const rule of RULES) rule(settings);
}
