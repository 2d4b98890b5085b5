import { type AddressList, addressList } from '../address.ts';
import { toTimestamp } from '../clock.ts';
import type { Principal } from '../http/index.ts';
import {
  type BucketSeat,
  DEFAULT_PLAN,
  type Limits,
  limitsFromJson,
  type PlanTable,
  planNamed,
} from '../limits/index.ts';
import type { ScopeCatalogue } from '../scopes/index.ts';
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

/** Granted scopes as they stand in a row, and all that they imply. */
export type Grants = (scopesJson: string) => Pick<Principal, 'grantedScopes' | 'scopes'>;

const MAX_GRANTS = 10_000;

/** Most keys are granted what many others are: they share one list and one set. For one state of the catalogue. */
export function createGrants(catalogue: ScopeCatalogue): Grants {
  const known = new Map<string, ReturnType<Grants>>();
  return (scopesJson) => {
    let grant = known.get(scopesJson);
    if (grant === undefined) {
      const grantedScopes = JSON.parse(scopesJson) as string[];
      grant = { grantedScopes, scopes: catalogue.expand(grantedScopes) };
      if (known.size >= MAX_GRANTS) known.clear();
      known.set(scopesJson, grant);
    }
    return grant;
  };
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
  grants: Grants;
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

/** In a pooled workspace every credential has the workspace's limits and spends from one bucket. */
function limitsAndBuckets(
  row: ApiKeyRow,
  context: RecordContext,
): Pick<KeyRecord, 'limits' | 'limitBucket' | 'quotaBucket'> {
  const own = `key:${row.bucket}`;
  if (!context.workspace.isPooled) {
    return { limits: limitsOfKey(row, context), limitBucket: own, quotaBucket: own };
  }
  const limits = limitsOfKey({ limits: null, plan: null }, context);
  return { limits, limitBucket: `ws:${row.workspace_id}`, quotaBucket: own };
}

function principalOf(row: ApiKeyRow, { grants, issuer, workspace }: RecordContext): Principal {
  const { grantedScopes, scopes } = grants(row.scopes);
  return {
    kind: 'api_key',
    method: 'api_key',
    credentialId: row.id,
    workspaceId: workspace.id,
    environment: row.environment === 'live' ? 'live' : 'test',
    userId: row.owner,
    role: null,
    isOperator: false,
    subject: row.id,
    subjectIssuer: issuer,
    clientId: null,
    audience: null,
    grantedScopes,
    scopes,
    expiresAtMs: row.expires_at,
    allWorkspaces: row.all_workspaces === 1,
  };
}

const NO_METADATA = 'null';

/**
 * There may be a million of these: every field is named here, so that they lie in the object itself, and what is alike
 * in many rows is one string.
 */
export function toKeyRecord(row: ApiKeyRow, context: RecordContext): KeyRecord {
  const { limits, limitBucket, quotaBucket } = limitsAndBuckets(row, context);
  return {
    id: row.id,
    usedAtMs: 0,
    isUseNoted: false,
    activity: null,
    place: null,
    expiresAtMs: row.expires_at,
    revokedAtMs: row.revoked_at,
    isDisabled: row.disabled === 1 || context.isOwnerDisabled,
    isWorkspaceSuspended: context.workspace.isSuspended,
    addresses: row.ip_allowlist === null ? null : addressList(JSON.parse(row.ip_allowlist) as string[]),
    limits,
    limitBucket,
    quotaBucket,
    quota: row.quota === null ? null : (JSON.parse(row.quota) as KeyQuota),
    principal: principalOf(row, context),
    externalId: row.external_id,
    metadataJson: row.metadata === NO_METADATA ? NO_METADATA : row.metadata,
  };
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
