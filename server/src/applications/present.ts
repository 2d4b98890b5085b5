import { toTimestamp } from '../clock.ts';
import { limitsToJson } from '../limits/index.ts';
import { settingsOf } from './settings.ts';
import type { ApplicationRow, ClientSecretRow } from './tables.ts';

/** A secret as the API shows it: never its text, and gone once it has expired. */
export function presentSecret(row: ClientSecretRow) {
  return {
    id: row.id,
    hint: row.hint,
    signs: row.secret_sealed !== null,
    created_at: toTimestamp(row.created_at),
    created_by: row.created_by,
    expires_at: toTimestamp(row.expires_at),
    last_used_at: toTimestamp(row.last_used_at),
  };
}

export interface PresentContext {
  audienceOf(resourceId: string): string | undefined;
}

/** An application as the API shows it. */
export function presentApplication(
  row: ApplicationRow,
  secrets: readonly ClientSecretRow[],
  { audienceOf }: PresentContext,
) {
  const settings = settingsOf(row);
  return {
    id: row.id,
    client_id: row.id,
    name: row.name,
    type: row.type,
    environment: row.environment,
    workspace_id: row.workspace_id,
    state: row.disabled === 1 ? ('disabled' as const) : ('active' as const),
    redirect_uris: [...settings.redirectUris],
    post_logout_redirect_uris: [...settings.postLogoutRedirectUris],
    backchannel_logout_uri: row.backchannel_logout_uri,
    backchannel_logout_session_required: settings.needsSessionAtLogout,
    scopes: [...settings.scopes],
    resources: settings.resources?.flatMap((id) => audienceOf(id) ?? []) ?? null,
    grant_types: [...settings.grantTypes],
    token_endpoint_auth_method: row.auth_method,
    require_pkce: settings.requirePkce,
    consent: row.consent,
    refresh_tokens: row.refresh_tokens,
    refresh_token_rotation: settings.rotatesRefreshTokens ? ('always' as const) : ('never' as const),
    access_token_ttl_seconds: row.access_token_ttl_seconds,
    id_token_signed_response_alg: settings.idTokenAlgorithm,
    self_signed_jwt: settings.allowsSelfSignedJwt,
    jwks: settings.jwks as { keys: Record<string, unknown>[] } | null,
    jwks_uri: row.jwks_uri,
    client_uri: row.client_uri,
    logo_uri: row.logo_uri,
    policy_uri: row.policy_uri,
    tos_uri: row.tos_uri,
    self_registered: row.self_registered === 1,
    plan: row.plan,
    limits: settings.limits && limitsToJson(settings.limits),
    created_at: toTimestamp(row.created_at),
    created_by: row.created_by,
    secrets: secrets.map(presentSecret),
  };
}
