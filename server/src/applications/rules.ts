import { Failure, type FieldProblem } from '../failure.ts';
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

/** What does not fit, field by field: an application is told of all of it at once. */
type Rule = (settings: ApplicationSettings) => Iterable<FieldProblem>;

const isPublicClient = ({ type }: Pick<ApplicationSettings, 'type'>) => type === 'public' || type === 'native';

function* authMethodFits({ type, authMethod, jwks, jwksUri }: ApplicationSettings): Iterable<FieldProblem> {
  const path = 'token_endpoint_auth_method';
  if (isPublicClient({ type })) {
    if (authMethod !== 'none') yield { path, message: `must be none: a ${type} application keeps no secret` };
  } else if (authMethod === 'none') {
    yield { path, message: `must not be none for ${type}; use the type public or native` };
  } else if (authMethod === 'private_key_jwt' && jwks === null && jwksUri === null) {
    yield { path: 'jwks', message: 'is required for private_key_jwt (or jwks_uri)' };
  }
}

function* keysFit({ type, jwks, jwksUri, environment }: ApplicationSettings): Iterable<FieldProblem> {
  if (jwks !== null && jwksUri !== null) {
    yield { path: 'jwks_uri', message: 'cannot be given together with jwks (RFC 7591 §2)' };
  }
  if ((jwks !== null || jwksUri !== null) && isPublicClient({ type })) {
    const path = jwks === null ? 'jwks_uri' : 'jwks';
    yield { path, message: `is for web and service: a ${type} application keeps no key` };
  }
  const problem = jwks === null ? null : problemOfJwks(jwks);
  if (problem !== null) yield { path: 'jwks', message: problem };
  yield* webUriFits('jwks_uri', jwksUri, environment);
}

function* grantTypesFit({ type, grantTypes, redirectUris }: ApplicationSettings): Iterable<FieldProblem> {
  const path = 'grant_types';
  const has = (grant: GrantType) => grantTypes.includes(grant);
  const confidential = (['client_credentials', JWT_BEARER, TOKEN_EXCHANGE] as const).find(has);
  if (confidential !== undefined && isPublicClient({ type })) {
    yield { path, message: `${confidential} is for web and service applications` };
  }
  if (has('authorization_code') && type === 'service') {
    yield { path, message: 'a service acts for itself; use the type web for authorization_code' };
  }
  if (has('refresh_token') && !has('authorization_code') && !has(DEVICE_CODE)) {
    yield { path, message: 'refresh_token goes with authorization_code or device_code' };
  }
  const redirects = redirectUris.length > 0;
  if (has('authorization_code') && type !== 'service' && !redirects) {
    yield { path: 'redirect_uris', message: 'is required for authorization_code' };
  }
  if (!has('authorization_code') && redirects) {
    yield { path: 'redirect_uris', message: 'is for applications that use authorization_code' };
  }
}

function* urisToComeBackToFit(settings: ApplicationSettings): Iterable<FieldProblem> {
  const { type, environment, redirectUris, postLogoutRedirectUris } = settings;
  const lists = { redirect_uris: redirectUris, post_logout_redirect_uris: postLogoutRedirectUris };
  for (const [name, uris] of Object.entries(lists)) {
    for (const [index, uri] of uris.entries()) {
      const message = redirectUriProblem(uri, type, environment);
      if (message !== null) yield { path: `${name}.${index}`, message };
    }
  }
}

const LOOPBACK = /^http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)(?:[:/?]|$)/;

/** An address that people or this server are sent to: https, and on this machine http while it is a test. */
function* webUriFits(
  path: string,
  uri: string | null,
  environment: ApplicationSettings['environment'],
): Iterable<FieldProblem> {
  if (uri === null) return;
  const mayBePlain = environment === 'test' && LOOPBACK.test(uri);
  const plain = uri.startsWith('https://') || mayBePlain ? null : 'must begin with https://';
  const message = problemOfTarget(uri) ?? plain;
  if (message !== null) yield { path, message };
}

function* urisFit({ clientUri, logoUri, policyUri, tosUri, environment }: ApplicationSettings): Iterable<FieldProblem> {
  const uris = { client_uri: clientUri, logo_uri: logoUri, policy_uri: policyUri, tos_uri: tosUri };
  for (const [path, uri] of Object.entries(uris)) yield* webUriFits(path, uri, environment);
}

function* logoutFits(settings: ApplicationSettings): Iterable<FieldProblem> {
  const { type, backChannelLogoutUri, needsSessionAtLogout, environment } = settings;
  const path = 'backchannel_logout_uri';
  if (backChannelLogoutUri === null) {
    if (needsSessionAtLogout) yield { path, message: 'is required for backchannel_logout_session_required' };
    return;
  }
  if (type === 'service') {
    yield { path, message: 'is for applications that people sign in to; a service is none' };
  }
  yield* webUriFits(path, backChannelLogoutUri, environment);
}

function* tokensFit(settings: ApplicationSettings): Iterable<FieldProblem> {
  const { type, requirePkce, rotatesRefreshTokens, accessTokenTtlSeconds, allowsSelfSignedJwt } = settings;
  const isPublic = isPublicClient(settings);
  if (isPublic && !requirePkce) {
    yield { path: 'require_pkce', message: `must be true for ${type} (RFC 9700 §2.1.1)` };
  }
  if (isPublic && !rotatesRefreshTokens) {
    yield { path: 'refresh_token_rotation', message: `must be always for ${type} (RFC 9700 §2.2.2)` };
  }
  if (isPublic && allowsSelfSignedJwt) {
    yield { path: 'self_signed_jwt', message: `is for web and service: ${type} keeps no secret` };
  }
  if (type === 'service' && (accessTokenTtlSeconds ?? 0) > LONGEST_SERVICE_TTL_SECONDS) {
    const message = `must be at most ${LONGEST_SERVICE_TTL_SECONDS} for a service`;
    yield { path: 'access_token_ttl_seconds', message };
  }
}

const RULES: readonly Rule[] = [
  authMethodFits,
  keysFit,
  grantTypesFit,
  urisToComeBackToFit,
  urisFit,
  logoutFits,
  tokensFit,
];

/** Throws `validation_failed` with all fields in which the parts of an application do not fit one another. */
export function checkSettings(settings: ApplicationSettings): void {
  const fields = RULES.flatMap((rule) => [...rule(settings)]);
  if (fields.length > 0) throw new Failure('validation_failed', undefined, { fields });
}
