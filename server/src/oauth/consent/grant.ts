import { toTimestamp } from '../../clock.ts';
import type { Environment } from '../../http/index.ts';

/** What a user allowed an application: in one workspace, for one resource. */
export interface Grant {
  readonly id: string;
  readonly userId: string;
  readonly clientId: string;
  readonly workspaceId: string;
  readonly environment: Environment;
  readonly audience: string;
  /** As they were allowed, in that order. */
  readonly scopes: readonly string[];
  /** Where the person let the application be answered at; loopback ones without their port. */
  readonly redirects: readonly string[];
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly lastUsedAtMs: number | null;
  readonly revokedAtMs: number | null;
}

/** A grant as the API shows it. `name` is the application's; null when that is gone. */
export function presentGrant(grant: Grant, name: string | null) {
  return {
    id: grant.id,
    user_id: grant.userId,
    client_id: grant.clientId,
    application_name: name,
    workspace_id: grant.workspaceId,
    environment: grant.environment,
    resource: grant.audience,
    scopes: [...grant.scopes],
    created_at: toTimestamp(grant.createdAtMs),
    updated_at: toTimestamp(grant.updatedAtMs),
    last_used_at: toTimestamp(grant.lastUsedAtMs),
  };
}
