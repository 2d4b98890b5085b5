import { makeId, mintSecret, type ScopeCatalogue, secretHint } from '@latchkey/protocol';
import type { Actor, RecordAudit } from '../audit/index.ts';
import type { Clock } from '../clock.ts';
import { type RandomBytes, sha256Hex } from '../crypto/index.ts';
import { type Tx, UniqueViolation } from '../database/index.ts';
import { Failure, invalidField } from '../failure.ts';
import { makerOf } from '../http/index.ts';
import type { Limits } from '../limits/index.ts';
import type { Changes } from '../shared-state/index.ts';
import { type Grantor, refuseAcrossWorkspaces, refuseManagementWrite, refuseWider } from './authority.ts';
import { refuseEndedGrantor } from './grantor.ts';
import type { KeyQuota } from './key.ts';
import { insertKey } from './store.ts';
import type { ApiKeyRow } from './tables.ts';

export interface IssueDeps {
  clock: Clock;
  randomBytes: RandomBytes;
  catalogue: ScopeCatalogue;
  changes: Changes;
  recordAudit: RecordAudit;
}

export interface NewKey {
  name: string;
  type: 'secret' | 'restricted';
  environment: 'test' | 'live';
  workspaceId: string;
  scopes: string[];
  expiresAtMs: number | null;
  rotateAfter: string | null;
  owner: string | null;
  externalId: string | null;
  metadata: Record<string, string> | null;
  ipAllowlist: string[] | null;
  plan: string | null;
  /** Own limits; the operator's to give. */
  limits: Limits | null;
  quota: KeyQuota | null;
  allWorkspaces: boolean;
}

/** What most keys leave unset. */
export const PLAIN_KEY = {
  type: 'secret',
  expiresAtMs: null,
  rotateAfter: null,
  owner: null,
  externalId: null,
  metadata: null,
  ipAllowlist: null,
  plan: null,
  limits: null,
  quota: null,
  allWorkspaces: false,
} satisfies Partial<NewKey>;

/** Who asks for a key, and the limits that the new key would live under; null for the system itself. */
export interface Asking {
  grantor: Grantor | null;
  actor: Actor;
  limitsOfNewKey: Limits;
}

/** Throws what is wrong with a wanted key, before anything is written. */
export function checkNewKey({ catalogue, clock }: IssueDeps, { grantor, limitsOfNewKey }: Asking, key: NewKey): void {
  const unknown = catalogue.unknown(key.scopes);
  if (unknown.length > 0) throw invalidField('scopes', `unknown: ${unknown.join(', ').slice(0, 300)}`);
  if (key.type === 'restricted') refuseManagementWrite(catalogue, key.scopes);
  if (key.expiresAtMs !== null && key.expiresAtMs <= clock.nowMs()) {
    throw invalidField('expires_at', 'must lie in the future');
  }
  if (key.allWorkspaces) refuseAcrossWorkspaces(key.scopes);
  if (grantor) refuseWider(catalogue, grantor, { ...key, limits: limitsOfNewKey }, null);
}

/** The text of a key that is known only as a hash: imported ones. */
export interface KnownHash {
  secretHash: string;
  slowHash: string | null;
  lookupPrefix: string | null;
  hint: string;
}

function rowOf(key: NewKey, hash: KnownHash, facts: { id: string; createdBy: string; nowMs: number }): ApiKeyRow {
  const json = (value: unknown) => (value === null ? null : JSON.stringify(value));
  const { limits } = key;
  return {
    id: facts.id,
    workspace_id: key.workspaceId,
    environment: key.environment,
    type: key.type,
    name: key.name,
    secret_hash: hash.secretHash,
    slow_hash: hash.slowHash,
    lookup_prefix: hash.lookupPrefix,
    hint: hash.hint,
    scopes: JSON.stringify(key.scopes),
    owner: key.owner,
    external_id: key.externalId,
    metadata: JSON.stringify(key.metadata),
    ip_allowlist: json(key.ipAllowlist),
    plan: key.plan,
    limits: limits && JSON.stringify({ per_hour: limits.perHour, per_second: limits.perSecond }),
    quota: json(key.quota),
    bucket: facts.id,
    all_workspaces: key.allWorkspaces ? 1 : 0,
    disabled: 0,
    created_by: facts.createdBy,
    created_at: facts.nowMs,
    expires_at: key.expiresAtMs,
    rotate_after: key.rotateAfter,
    last_used_at: null,
    revoked_at: null,
    revoke_reason: null,
    successor_id: null,
    predecessor_id: null,
    rotated_by: null,
    deleted_at: null,
    predecessor_expires_at: null,
  };
}

/** Writes a checked key with its change and its audit event. Throws `conflict` on a taken `external_id` or hash. */
export async function writeKey(
  deps: IssueDeps,
  tx: Tx,
  asking: Asking,
  input: { key: NewKey; hash: KnownHash; action: string },
): Promise<ApiKeyRow> {
  const nowMs = deps.clock.nowMs();
  const id = makeId('api_key', nowMs, deps.randomBytes);
  const createdBy = asking.grantor ? makerOf(asking.grantor.principal) : 'system';
  const row = rowOf(input.key, input.hash, { id, createdBy, nowMs });
  await insertUnique(tx, row);
  await deps.recordAudit(tx, {
    action: input.action,
    actor: asking.actor,
    workspaceId: row.workspace_id,
    environment: row.environment,
    targetId: row.id,
    data: { name: row.name, type: row.type, scopes: input.key.scopes, expires_at: row.expires_at, hint: row.hint },
  });
  return row;
}

async function insertUnique(tx: Tx, row: ApiKeyRow): Promise<void> {
  try {
    await insertKey(tx, row);
  } catch (error) {
    if (!(error instanceof UniqueViolation)) throw error;
    if (/external/.test(error.constraint)) {
      throw new Failure('conflict', 'The workspace has a key with this external_id already.');
    }
    throw new Failure('conflict', 'A key with this hash or lookup_prefix exists already.');
  }
}

/** Makes a key. The text is returned here and nowhere again: the row holds its SHA-256. */
export async function issueKey(
  deps: IssueDeps,
  tx: Tx,
  asking: Asking,
  key: NewKey,
): Promise<{ id: string; row: ApiKeyRow; text: string }> {
  await refuseEndedGrantor(tx, asking.grantor, deps.clock.nowMs());
  checkNewKey(deps, asking, key);
  const text = mintSecret(`${key.type}_${key.environment}`, deps.randomBytes);
  const hash = { secretHash: sha256Hex(text), slowHash: null, lookupPrefix: null, hint: secretHint(text) };
  const row = await writeKey(deps, tx, asking, { key, hash, action: 'api_key.created' });
  return { id: row.id, row, text };
}
