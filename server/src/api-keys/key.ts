import { toTimestamp } from '../clock.ts';
import type { Principal } from '../http/index.ts';
import type { ScopeCatalogue } from '../scopes/index.ts';
import type { ApiKeyRow } from './tables.ts';

export type KeyState = 'active' | 'expired' | 'revoked';

/** What verification needs of a key, kept in memory; never the secret, and nothing that must be read back exactly. */
export interface KeyRecord {
  readonly id: string;
  readonly expiresAtMs: number | null;
  readonly revokedAtMs: number | null;
  readonly principal: Principal;
}

export function keyStateAt(row: Pick<ApiKeyRow, 'revoked_at' | 'expires_at'>, nowMs: number): KeyState {
  if (row.revoked_at !== null) return 'revoked';
  return row.expires_at !== null && row.expires_at <= nowMs ? 'expired' : 'active';
}

export function toKeyRecord(row: ApiKeyRow, catalogue: ScopeCatalogue, issuer: string): KeyRecord {
  const grantedScopes = JSON.parse(row.scopes) as string[];
  return {
    id: row.id,
    expiresAtMs: row.expires_at,
    revokedAtMs: row.revoked_at,
    principal: {
      kind: 'api_key',
      method: 'api_key',
      credentialId: row.id,
      workspaceId: row.workspace_id,
      environment: row.environment,
      userId: row.owner,
      subject: row.id,
      subjectIssuer: issuer,
      clientId: null,
      grantedScopes,
      scopes: catalogue.expand(grantedScopes),
      expiresAtMs: row.expires_at,
    },
  };
}

/** A key as the API shows it: never the secret, never its hash. */
export function presentKey(row: ApiKeyRow, nowMs: number) {
  return {
    id: row.id,
    name: row.name,
    type: row.type,
    environment: row.environment,
    workspace_id: row.workspace_id,
    owner: row.owner,
    scopes: JSON.parse(row.scopes) as string[],
    hint: row.hint,
    state: keyStateAt(row, nowMs),
    created_at: toTimestamp(row.created_at),
    created_by: row.created_by,
    expires_at: toTimestamp(row.expires_at),
    rotate_after: row.rotate_after,
    last_used_at: toTimestamp(row.last_used_at),
    revoked_at: toTimestamp(row.revoked_at),
    ip_allowlist: null,
    plan: null,
    limits: null,
    quota: null,
    external_id: row.external_id,
    metadata: JSON.parse(row.metadata) as Record<string, string>,
  };
}
