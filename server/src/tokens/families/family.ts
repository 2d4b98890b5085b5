import type { Environment } from '../../http/index.ts';
import type { AlgorithmName } from '../../signing-keys/index.ts';
import type { RefreshFamilyRow } from './tables.ts';

const DAY_MS = 24 * 3_600_000;

/** A family that is not used ends after this, unless said. */
export const IDLE_MS = 30 * DAY_MS;
/** Every family ends after this, unless said. */
export const ABSOLUTE_MS = 365 * DAY_MS;
/** How long the direct parent may be presented again: a reply was lost, or several asked at once. */
export const GRACE_MS = 30_000;

/** A chain of refresh tokens from one login or one consent. */
export interface Family {
  readonly id: string;
  readonly clientId: string;
  readonly userId: string | null;
  readonly workspaceId: string;
  readonly environment: Environment;
  readonly audience: string;
  readonly scopes: readonly string[];
  readonly grantId: string | null;
  readonly sessionId: string | null;
  readonly boundKey: string | null;
  readonly rotation: 'each_use' | 'none';
  /** Null: what the resource says at the time. */
  readonly accessTtlSeconds: number | null;
  /** Null: what the resource says at the time. */
  readonly algorithm: AlgorithmName | null;
  readonly extraClaims: Readonly<Record<string, unknown>>;
  readonly createdAtMs: number;
  /** When it ends if it is not used again. */
  readonly expiresAtMs: number;
  /** When it ends however often it is used. */
  readonly endsAtMs: number;
  readonly revokedAtMs: number | null;
}

export function familyOf(row: RefreshFamilyRow): Family {
  return {
    id: row.id,
    clientId: row.client_id,
    userId: row.user_id,
    workspaceId: row.workspace_id,
    environment: row.environment,
    audience: row.audience,
    scopes: JSON.parse(row.scopes) as string[],
    grantId: row.grant_id,
    sessionId: row.session_id,
    boundKey: row.bound_key,
    rotation: row.rotation,
    accessTtlSeconds: row.access_ttl_seconds || null,
    algorithm: row.algorithm || null,
    extraClaims: JSON.parse(row.extra_claims) as Record<string, unknown>,
    createdAtMs: row.created_at,
    expiresAtMs: row.expires_at,
    endsAtMs: row.ends_at,
    revokedAtMs: row.revoked_at,
  };
}

/** When a family that is used now ends by not being used again. */
export function slidingEnd({ idle_ms, ends_at }: Pick<RefreshFamilyRow, 'idle_ms' | 'ends_at'>, nowMs: number): number {
  return Math.min(nowMs + idle_ms, ends_at);
}

/** Which token of its family a presented one is. */
export type Generation = 'current' | 'parent' | 'spent' | 'foreign';

/** `isOurs` tells a token that was spent long ago from one that was never ours. Pure. */
export function generationOf(
  row: Pick<RefreshFamilyRow, 'current_hash' | 'parent_hash'>,
  tokenHash: string,
  isOurs: () => boolean,
): Generation {
  if (row.current_hash === tokenHash) return 'current';
  if (row.parent_hash === tokenHash) return 'parent';
  return isOurs() ? 'spent' : 'foreign';
}

/** Whether the direct parent may still be presented. Pure. */
export function isInGrace({ rotated_at }: Pick<RefreshFamilyRow, 'rotated_at'>, nowMs: number): boolean {
  return rotated_at !== null && nowMs - rotated_at <= GRACE_MS;
}
