import { type Limits, limitsFromJson, limitsToJson } from '../limits/index.ts';
import { type Application, ID_TOKEN_ALGORITHMS } from './application.ts';
import type { ApplicationRow } from './tables.ts';

/** What an application consists of, but for who it is and whether it lives. `resources` are ids here. */
export type ApplicationSettings = Omit<
  Application,
  'id' | 'workspaceId' | 'usualScopes' | 'isSelfRegistered' | 'isDisabled'
>;

const list = <T extends string>(json: string) => JSON.parse(json) as T[];
const orNull = <T>(json: string | null) => (json === null ? null : (JSON.parse(json) as T));
const text = (value: unknown) => (value === null ? null : JSON.stringify(value));

export function settingsOf(row: ApplicationRow): ApplicationSettings {
  const limits = orNull<Parameters<typeof limitsFromJson>[0]>(row.limits);
  return {
    environment: row.environment,
    name: row.name,
    type: row.type,
    grantTypes: list(row.grant_types),
    authMethod: row.auth_method,
    redirectUris: list(row.redirect_uris),
    postLogoutRedirectUris: list(row.post_logout_redirect_uris),
    backChannelLogoutUri: row.backchannel_logout_uri,
    needsSessionAtLogout: row.backchannel_logout_session_required === 1,
    scopes: list(row.scopes),
    resources: orNull(row.resources),
    requirePkce: row.require_pkce === 1,
    consent: row.consent,
    refreshTokens: row.refresh_tokens,
    rotatesRefreshTokens: row.rotates_refresh_tokens === 1,
    accessTokenTtlSeconds: row.access_token_ttl_seconds,
    idTokenAlgorithm: row.id_token_alg ?? ID_TOKEN_ALGORITHMS[0],
    allowsSelfSignedJwt: row.allows_self_signed_jwt === 1,
    jwks: orNull(row.jwks),
    jwksUri: row.jwks_uri,
    clientUri: row.client_uri,
    logoUri: row.logo_uri,
    policyUri: row.policy_uri,
    tosUri: row.tos_uri,
    plan: row.plan,
    limits: limits && limitsFromJson(limits),
  };
}

type SettingsRow = Omit<
  ApplicationRow,
  'id' | 'workspace_id' | 'self_registered' | 'disabled' | 'created_by' | 'created_at'
>;

export function rowOfSettings(settings: ApplicationSettings): SettingsRow {
  return {
    environment: settings.environment,
    name: settings.name,
    type: settings.type,
    grant_types: JSON.stringify(settings.grantTypes),
    auth_method: settings.authMethod,
    redirect_uris: JSON.stringify(settings.redirectUris),
    post_logout_redirect_uris: JSON.stringify(settings.postLogoutRedirectUris),
    backchannel_logout_uri: settings.backChannelLogoutUri,
    backchannel_logout_session_required: settings.needsSessionAtLogout ? 1 : 0,
    scopes: JSON.stringify(settings.scopes),
    resources: text(settings.resources),
    require_pkce: settings.requirePkce ? 1 : 0,
    consent: settings.consent,
    refresh_tokens: settings.refreshTokens,
    rotates_refresh_tokens: settings.rotatesRefreshTokens ? 1 : 0,
    access_token_ttl_seconds: settings.accessTokenTtlSeconds,
    id_token_alg: settings.idTokenAlgorithm === ID_TOKEN_ALGORITHMS[0] ? null : settings.idTokenAlgorithm,
    allows_self_signed_jwt: settings.allowsSelfSignedJwt ? 1 : 0,
    jwks: text(settings.jwks),
    jwks_uri: settings.jwksUri,
    client_uri: settings.clientUri,
    logo_uri: settings.logoUri,
    policy_uri: settings.policyUri,
    tos_uri: settings.tosUri,
    plan: settings.plan,
    limits: limitsText(settings.limits),
  };
}

const limitsText = (limits: Limits | null) => limits && JSON.stringify(limitsToJson(limits));

export interface ApplicationContext {
  /** What the ids of resources stand for by now; one that was removed stands for nothing. */
  audienceOf(resourceId: string): string | undefined;
  isWorkspaceSuspended: boolean;
  /** What those may ask for at most that registered themselves. */
  selfRegisteredScopes(): readonly string[];
}

/** An application as the rest of the house sees it. */
export function toApplication(row: ApplicationRow, context: ApplicationContext): Application {
  const settings = settingsOf(row);
  const audiences = settings.resources?.flatMap((id) => context.audienceOf(id) ?? []) ?? null;
  return {
    ...settings,
    id: row.id,
    workspaceId: row.workspace_id,
    // Anybody registers for anything: what such a registration says is no bound, the person who is asked is.
    scopes: row.self_registered === 1 ? context.selfRegisteredScopes() : settings.scopes,
    usualScopes: settings.scopes,
    resources: audiences,
    isSelfRegistered: row.self_registered === 1,
    isDisabled: row.disabled === 1 || context.isWorkspaceSuspended,
  };
}
