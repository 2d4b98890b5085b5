import { makeId, mintSecret, type ScopeCatalogue, secretHint } from '@latchkey/protocol';
import type { Actor, RecordAudit } from '../audit/index.ts';
import type { Clock } from '../clock.ts';
import { type RandomBytes, sha256Hex } from '../crypto/index.ts';
import { type Tx, UniqueViolation } from '../database/index.ts';
import { Failure, invalidField } from '../failure.ts';
import type { Principal } from '../http/index.ts';
import type { Changes } from '../shared-state/index.ts';
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
  metadata: Record<string, string>;
}

/** The credential that asks for a key; null for the system itself. */
export type Grantor = Principal | null;

function refuseManagementWrite(catalogue: ScopeCatalogue, scopes: string[]): void {
  for (const name of catalogue.expand(scopes)) {
    if (catalogue.get(name)?.kind === 'management' && name.endsWith(':write')) {
      throw invalidField('scopes', `a restricted key cannot hold ${name}`);
    }
  }
}

/** No credential makes a wider one: not in scopes, not in environment, not in lifetime (contract §3). */
function refuseWider(catalogue: ScopeCatalogue, grantor: Principal, key: NewKey): void {
  if (grantor.environment !== key.environment) {
    throw new Failure('wrong_environment', `A ${grantor.environment} key makes ${grantor.environment} keys only.`);
  }
  const beyond = catalogue.beyond(key.scopes, grantor.scopes);
  if (beyond.length > 0) {
    const held = [...grantor.grantedScopes];
    throw new Failure('insufficient_scope', `A key cannot grant what it does not hold: ${beyond.join(', ')}.`, {
      scopes: { wanted: beyond, held },
    });
  }
  const limit = grantor.expiresAtMs;
  if (limit !== null && (key.expiresAtMs === null || key.expiresAtMs > limit)) {
    throw invalidField('expires_at', 'must not be later than the expiry of the key that makes it');
  }
}

/** Throws what is wrong with a wanted key, before anything is written. */
export function checkNewKey({ catalogue, clock }: IssueDeps, grantor: Grantor, key: NewKey): void {
  const unknown = catalogue.unknown(key.scopes);
  if (unknown.length > 0) throw invalidField('scopes', `unknown: ${unknown.join(', ').slice(0, 300)}`);
  if (key.type === 'restricted') refuseManagementWrite(catalogue, key.scopes);
  if (key.expiresAtMs !== null && key.expiresAtMs <= clock.nowMs()) {
    throw invalidField('expires_at', 'must lie in the future');
  }
  if (grantor && grantor.kind !== 'root') refuseWider(catalogue, grantor, key);
}

/**
 * Makes a key. The text is returned here and nowhere again: the row holds its SHA-256.
 * Throws `conflict` when the workspace has a key with that `external_id`.
 */
export async function issueKey(
  deps: IssueDeps,
  tx: Tx,
  by: { grantor: Grantor; actor: Actor },
  key: NewKey,
): Promise<{ id: string; row: ApiKeyRow; text: string }> {
  checkNewKey(deps, by.grantor, key);
  const nowMs = deps.clock.nowMs();
  const text = mintSecret(`${key.type}_${key.environment}`, deps.randomBytes);
  const row: ApiKeyRow = {
    id: makeId('api_key', nowMs, deps.randomBytes),
    workspace_id: key.workspaceId,
    environment: key.environment,
    type: key.type,
    name: key.name,
    secret_hash: sha256Hex(text),
    hint: secretHint(text),
    scopes: JSON.stringify(key.scopes),
    owner: key.owner,
    external_id: key.externalId,
    metadata: JSON.stringify(key.metadata),
    created_by: by.grantor?.credentialId ?? 'system',
    created_at: nowMs,
    expires_at: key.expiresAtMs,
    rotate_after: key.rotateAfter,
    last_used_at: null,
    revoked_at: null,
    revoke_reason: null,
  };
  await insertUnique(tx, row);
  await deps.changes.record(tx, { kind: 'api_key', ref: row.id });
  await deps.recordAudit(tx, {
    action: 'api_key.created',
    actor: by.actor,
    workspaceId: row.workspace_id,
    environment: row.environment,
    targetId: row.id,
    data: { name: row.name, type: row.type, scopes: key.scopes, expires_at: key.expiresAtMs, hint: row.hint },
  });
  return { id: row.id, row, text };
}

async function insertUnique(tx: Tx, row: ApiKeyRow): Promise<void> {
  try {
    await insertKey(tx, row);
  } catch (error) {
    if (!(error instanceof UniqueViolation) || row.external_id === null) throw error;
    throw new Failure('conflict', 'The workspace has a key with this external_id already.');
  }
}
