import { makeId, mintSecret, secretHint } from '@latchkey/protocol';
import type { Actor } from '../audit/index.ts';
import { sha256Hex } from '../crypto/index.ts';
import type { Tx } from '../database/index.ts';
import { Failure } from '../failure.ts';
import { makerOf } from '../http/index.ts';
import type { Limits } from '../limits/index.ts';
import { type Grantor, refuseWider } from './authority.ts';
import { refuseEndedGrantor, refuseOperatorsKey } from './grantor.ts';
import type { IssueDeps } from './issue.ts';
import { noteRevoked } from './revoke.ts';
import { insertKey, type KeyReach, lockKey, markRevoked, markSucceeded } from './store.ts';
import type { ApiKeyRow } from './tables.ts';

export interface Rotation {
  reach: KeyReach;
  id: string;
  /** How long the old key goes on; 0 ends it now. */
  overlapMs: number;
  grantor: Grantor;
  actor: Actor;
  /** What the key lives under: whoever gets its successor gets these too. */
  limitsOf(row: Pick<ApiKeyRow, 'limits' | 'plan'>): Limits;
}

function successorOf(
  old: ApiKeyRow,
  next: { id: string; text: string; nowMs: number; oldEndsAtMs: number; rotatedBy: string },
): ApiKeyRow {
  return {
    ...old,
    id: next.id,
    secret_hash: sha256Hex(next.text),
    slow_hash: null,
    lookup_prefix: null,
    hint: secretHint(next.text),
    created_at: next.nowMs,
    last_used_at: null,
    predecessor_id: old.id,
    rotated_by: next.rotatedBy,
    predecessor_expires_at: next.oldEndsAtMs,
  };
}

function refuseBeyond(deps: IssueDeps, old: ApiKeyRow, { grantor, limitsOf }: Rotation): void {
  const power = {
    scopes: JSON.parse(old.scopes) as string[],
    environment: old.environment,
    expiresAtMs: old.expires_at,
    limits: limitsOf(old),
    allWorkspaces: old.all_workspaces === 1,
  };
  refuseWider(deps.catalogue, grantor, power, null);
}

/** A predecessor that still lives in its own overlap ends: at most two keys of a chain live at once. */
async function endOlder(deps: IssueDeps, tx: Tx, old: ApiKeyRow, actor: Actor, nowMs: number): Promise<void> {
  if (old.predecessor_id === null || (old.predecessor_expires_at ?? 0) <= nowMs) return;
  const reason = 'rotated again';
  const [ended] = await markRevoked(tx, [old.predecessor_id], { atMs: nowMs, reason });
  if (ended) await noteRevoked(deps, tx, actor, ended, { reason, because_of: old.id });
}

/**
 * Gives a key a successor that inherits everything, its expiry and its count included. Who wins is decided by one
 * statement; a key that has a successor, or does not live, is `conflict`. `not_found` when it cannot be seen.
 */
export async function rotateKey(
  deps: IssueDeps,
  tx: Tx,
  rotation: Rotation,
): Promise<{ id: string; row: ApiKeyRow; text: string }> {
  const { reach, overlapMs } = rotation;
  await refuseEndedGrantor(tx, rotation.grantor, deps.clock.nowMs());
  const old = await lockKey(tx, reach, rotation.id);
  if (!old) throw new Failure('not_found');
  refuseOperatorsKey(rotation.grantor.principal, old);
  refuseBeyond(deps, old, rotation);
  const nowMs = deps.clock.nowMs();
  const text = mintSecret(`${old.type}_${old.environment}`, deps.randomBytes);
  const id = makeId('api_key', nowMs, deps.randomBytes);
  const oldEndsAtMs = Math.min(nowMs + overlapMs, old.expires_at ?? Number.POSITIVE_INFINITY);
  const isImmediate = overlapMs === 0;
  const marked = await markSucceeded(tx, old.id, {
    successorId: id,
    nowMs,
    endsAtMs: isImmediate ? old.expires_at : oldEndsAtMs,
    revokedAtMs: isImmediate ? nowMs : null,
  });
  if (!marked) {
    throw new Failure(
      'conflict',
      'Only a living key without a successor can be rotated; rotate its successor instead.',
    );
  }
  await endOlder(deps, tx, old, rotation.actor, nowMs);
  const row = successorOf(old, { id, text, nowMs, oldEndsAtMs, rotatedBy: makerOf(rotation.grantor.principal) });
  await insertKey(tx, row);
  await deps.changes.record(tx, { kind: 'api_key', ref: old.id });
  await deps.recordAudit(tx, {
    action: 'api_key.rotated',
    actor: rotation.actor,
    workspaceId: row.workspace_id,
    environment: row.environment,
    targetId: old.id,
    data: { successor_id: id, predecessor_ends_at: oldEndsAtMs, hint: row.hint },
  });
  return { id, row, text };
}
