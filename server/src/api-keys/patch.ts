import type { Actor } from '../audit/index.ts';
import { type Tx, UniqueViolation } from '../database/index.ts';
import { Failure, invalidField } from '../failure.ts';
import type { Limits } from '../limits/index.ts';
import {
  addressesWithin,
  type Grantor,
  refuseAcrossWorkspaces,
  refuseManagementWrite,
  refuseOwnAddresses,
  refuseWider,
} from './authority.ts';
import { refuseEndedGrantor, refuseOperatorsKey } from './grantor.ts';
import type { IssueDeps } from './issue.ts';
import { type KeyReach, lockKey, updateKey } from './store.ts';
import type { ApiKeyRow } from './tables.ts';

/** Columns that a patch may set; what is not named stays. */
export type KeyChanges = Partial<
  Pick<
    ApiKeyRow,
    | 'name'
    | 'scopes'
    | 'owner'
    | 'external_id'
    | 'metadata'
    | 'ip_allowlist'
    | 'plan'
    | 'limits'
    | 'quota'
    | 'expires_at'
    | 'rotate_after'
    | 'disabled'
  >
>;

export interface Patching {
  reach: KeyReach;
  id: string;
  changes: KeyChanges;
  grantor: Grantor;
  actor: Actor;
  limitsOf(row: Pick<ApiKeyRow, 'limits' | 'plan'>): Limits;
}

const listOf = (json: string) => JSON.parse(json) as string[];

/** What a key may do: an auditor wants to see it before and after. The rest may be private, and is named only. */
const POWERS = ['scopes', 'plan', 'limits', 'quota', 'ip_allowlist', 'expires_at', 'disabled'] as const;

function auditData(before: ApiKeyRow, changes: KeyChanges): Record<string, unknown> {
  const named = POWERS.filter((name) => changes[name] !== undefined && changes[name] !== before[name]);
  const valuesOf = (row: KeyChanges) => Object.fromEntries(named.map((name) => [name, row[name]]));
  return { changed: Object.keys(changes), before: valuesOf(before), after: valuesOf(changes) };
}

const listOrNull = (json: string | null) => (json === null ? null : listOf(json));

/** Whether a change gives back what somebody took: life, addresses, or units. That is a grant, like making the key. */
function loosens(before: ApiKeyRow, after: ApiKeyRow): boolean {
  const isRevived = before.disabled === 1 && after.disabled === 0;
  const hasMoreAddresses = !addressesWithin(listOrNull(before.ip_allowlist), listOrNull(after.ip_allowlist));
  return isRevived || hasMoreAddresses || after.quota !== before.quota;
}

/** A key and its successor live side by side for a while: to each other they are one key. */
function isOneKey({ id, predecessor_id, successor_id }: ApiKeyRow, { principal }: Grantor): boolean {
  return [id, predecessor_id, successor_id].includes(principal.credentialId);
}

function refuseOwnWidening(before: ApiKeyRow, after: ApiKeyRow, { principal }: Grantor): void {
  refuseOwnAddresses(listOrNull(before.ip_allowlist), listOrNull(after.ip_allowlist));
  if (after.quota !== before.quota) throw new Failure('forbidden', 'A key cannot change its own quota.');
  if (after.owner !== before.owner && !principal.scopes.has('admin')) {
    throw new Failure('forbidden', 'A key cannot change for whom it speaks.');
  }
}

function refuseWidening(deps: IssueDeps, before: ApiKeyRow, after: ApiKeyRow, { grantor, limitsOf }: Patching): void {
  if (isOneKey(before, grantor)) refuseOwnWidening(before, after, grantor);
  const power = {
    scopes: listOf(after.scopes),
    environment: after.environment,
    expiresAtMs: after.expires_at,
    limits: limitsOf(after),
    allWorkspaces: after.all_workspaces === 1,
  };
  const had = { scopes: listOf(before.scopes), expiresAtMs: before.expires_at, limits: limitsOf(before) };
  refuseWider(deps.catalogue, grantor, power, loosens(before, after) ? null : had);
}

function checkChanges({ catalogue, clock }: IssueDeps, before: ApiKeyRow, changes: KeyChanges): void {
  if (changes.scopes !== undefined) {
    const scopes = listOf(changes.scopes);
    const unknown = catalogue.unknown(scopes);
    if (unknown.length > 0) throw invalidField('scopes', `unknown: ${unknown.join(', ').slice(0, 300)}`);
    if (before.type === 'restricted') refuseManagementWrite(catalogue, scopes);
    if (before.all_workspaces === 1) refuseAcrossWorkspaces(scopes);
  }
  if (changes.expires_at != null && changes.expires_at <= clock.nowMs()) {
    throw invalidField('expires_at', 'must lie in the future; revoke the key to end it now');
  }
}

async function updateUnique(tx: Tx, id: string, changes: KeyChanges): Promise<ApiKeyRow | undefined> {
  try {
    return await updateKey(tx, id, changes);
  } catch (error) {
    if (error instanceof UniqueViolation) {
      throw new Failure('conflict', 'The workspace has a key with this external_id already.');
    }
    throw error;
  }
}

/**
 * Changes a key. It reaches this process before the call returns. Ended keys stay as they are: `conflict`. A predecessor
 * in its overlap keeps its end. `not_found` for a key that cannot be seen.
 */
export async function patchKey(deps: IssueDeps, tx: Tx, patching: Patching): Promise<ApiKeyRow> {
  const { reach, id, changes, actor } = patching;
  await refuseEndedGrantor(tx, patching.grantor, deps.clock.nowMs());
  const before = await lockKey(tx, reach, id);
  if (!before) throw new Failure('not_found');
  refuseOperatorsKey(patching.grantor.principal, before);
  if (before.revoked_at !== null) throw new Failure('conflict', 'The key is revoked and cannot be changed.');
  if (before.successor_id !== null && changes.expires_at !== undefined) {
    throw new Failure('conflict', 'The key has been rotated; its end is the end of its overlap.');
  }
  checkChanges(deps, before, changes);
  refuseWidening(deps, before, { ...before, ...changes }, patching);
  if (Object.keys(changes).length === 0) return before;
  const row = await updateUnique(tx, id, changes);
  if (!row) throw new Failure('not_found');
  await deps.changes.record(tx, { kind: 'api_key', ref: id });
  await deps.recordAudit(tx, {
    action: 'api_key.updated',
    actor,
    workspaceId: row.workspace_id,
    environment: row.environment,
    targetId: id,
    data: auditData(before, changes),
  });
  return row;
}
