import { type AddressList, addressList } from '../address.ts';
import { toTimestamp } from '../clock.ts';
import type { Principal } from '../http/index.ts';
import {
  type BucketSeat,
  DEFAULT_PLAN,
  type Limits,
  limitsFromJson,
  NO_SEAT,
  type PlanTable,
  planNamed,
} from '../limits/index.ts';
import { KeyPrincipal, type KinOf } from './key-principal.ts';
import type { ApiKeyRow } from './tables.ts';
import type { UsedKey } from './usage.ts';

export type KeyState = 'active' | 'disabled' | 'expired' | 'revoked';

export interface KeyQuota {
  limit: number;
  period: 'hour' | 'day' | 'month' | 'total';
}

/** What verification needs of a key, kept in memory; never the secret. What it has of its use and its bucket's place changes later. */
export interface KeyRecord extends UsedKey, BucketSeat {
  readonly id: string;
  readonly expiresAtMs: number | null;
  readonly revokedAtMs: number | null;
  readonly isDisabled: boolean;
  readonly isWorkspaceSuspended: boolean;
  /** Null: from anywhere. */
  readonly addresses: AddressList | null;
  readonly limits: Limits;
  /** Whose count it spends: its rotation chain's, or its workspace's. */
  readonly limitBucket: string;
  readonly quota: KeyQuota | null;
  /** Whose quota it spends: its rotation chain's. */
  readonly quotaBucket: string;
  readonly principal: Principal;
  readonly externalId: string | null;
  /** JSON, as stored: parsed only for who asks. */
  readonly metadataJson: string;
}

export function keyStateAt(row: Pick<ApiKeyRow, 'revoked_at' | 'expires_at' | 'disabled'>, nowMs: number): KeyState {
  if (row.revoked_at !== null) return 'revoked';
  if (row.disabled === 1) return 'disabled';
  return row.expires_at !== null && row.expires_at <= nowMs ? 'expired' : 'active';
}

/** What a workspace says of its keys. */
export interface KeyWorkspace {
  readonly id: string;
  readonly isSuspended: boolean;
  readonly plan: string | null;
  readonly limits: Limits | null;
  readonly isPooled: boolean;
}

export interface RecordContext {
  kinOf: KinOf;
  plans: PlanTable;
  issuer: string;
  workspace: KeyWorkspace;
  /** The key speaks for a person whose account is disabled. */
  isOwnerDisabled: boolean;
}

const smaller = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : Math.min(a, b));

function stricter(a: Limits, b: Limits): Limits {
  return { perHour: smaller(a.perHour, b.perHour), perSecond: smaller(a.perSecond, b.perSecond) };
}

/**
 * The key's own limits, which only root gives; else its plan's within its workspace's own; else its workspace's own or
 * plan's.
 */
export function limitsOfKey(
  row: Pick<ApiKeyRow, 'limits' | 'plan'>,
  { plans, workspace }: Pick<RecordContext, 'plans' | 'workspace'>,
): Limits {
  if (row.limits !== null) return limitsFromJson(JSON.parse(row.limits));
  const { limits: ceiling } = workspace;
  if (row.plan === null) return ceiling ?? planNamed(plans, workspace.plan ?? DEFAULT_PLAN).limits.api_key;
  const planned = planNamed(plans, row.plan).limits.api_key;
  return ceiling === null ? planned : stricter(planned, ceiling);
}

const NO_METADATA = 'null';

/**
 * There may be a million of these, called in any order: what is asked at every call stands first, each field in the
 * object itself, and what is alike in many rows is one object or string.
 */
class CachedKey implements KeyRecord {
  readonly id: string;
  isUseNoted = false;
  usedAfterMs = 0;
  slot = NO_SEAT.slot;
  turn = NO_SEAT.turn;
  readonly revokedAtMs: number | null;
  readonly isDisabled: boolean;
  readonly isWorkspaceSuspended: boolean;
  readonly expiresAtMs: number | null;
  readonly addresses: AddressList | null;
  readonly quota: KeyQuota | null;
  readonly limits: Limits;
  readonly principal: KeyPrincipal;
  activity: object | null = null;
  readonly #bucket: string;
  /** The bucket of its workspace, where that is pooled. */
  readonly #pool: string | null;
  readonly externalId: string | null;
  readonly metadataJson: string;

  constructor(row: ApiKeyRow, { kinOf, issuer, plans, workspace, isOwnerDisabled }: RecordContext) {
    const { isPooled, isSuspended } = workspace;
    this.id = row.id;
    this.revokedAtMs = row.revoked_at;
    this.isDisabled = row.disabled === 1 || isOwnerDisabled;
    this.isWorkspaceSuspended = isSuspended;
    this.expiresAtMs = row.expires_at;
    this.addresses = row.ip_allowlist === null ? null : addressList(JSON.parse(row.ip_allowlist) as string[]);
    this.quota = row.quota === null ? null : (JSON.parse(row.quota) as KeyQuota);
    // In a pooled workspace every credential has the workspace's limits and spends from one bucket.
    this.limits = limitsOfKey(isPooled ? { limits: null, plan: null } : row, { plans, workspace });
    this.principal = new KeyPrincipal(row.id, row.expires_at, kinOf(row, issuer));
    this.#bucket = row.bucket === row.id ? row.id : row.bucket;
    this.#pool = isPooled ? row.workspace_id : null;
    this.externalId = row.external_id;
    this.metadataJson = row.metadata === NO_METADATA ? NO_METADATA : row.metadata;
  }

  get limitBucket(): string {
    return this.#pool === null ? this.quotaBucket : `ws:${this.#pool}`;
  }

  get quotaBucket(): string {
    return `key:${this.#bucket}`;
  }
}

export function toKeyRecord(row: ApiKeyRow, context: RecordContext): KeyRecord {
  return new CachedKey(row, context);
}

const parsed = <T>(json: string | null): T | null => (json === null ? null : (JSON.parse(json) as T));

/** A key as the API shows it: never the secret, never its hash. */
export function presentKey(row: ApiKeyRow, nowMs: number) {
  const { predecessor_id: previousId, predecessor_expires_at: previousEnd } = row;
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
    ip_allowlist: parsed<string[]>(row.ip_allowlist),
    plan: row.plan,
    limits: parsed<{ per_hour: number | null; per_second: number | null }>(row.limits),
    quota: parsed<KeyQuota>(row.quota),
    external_id: row.external_id,
    metadata: JSON.parse(row.metadata) as Record<string, string> | null,
    ...(row.all_workspaces === 1 ? { all_workspaces: true } : {}),
    ...(previousId === null ? {} : { previous: { id: previousId, expires_at: toTimestamp(previousEnd) } }),
    ...(row.successor_id === null ? {} : { successor_id: row.successor_id }),
  };
}
