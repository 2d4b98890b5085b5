import type { Actor, RecordAudit } from '../audit/index.ts';
import type { Clock } from '../clock.ts';
import type { Tx } from '../database/index.ts';
import { Failure } from '../failure.ts';
import type { Principal } from '../http/index.ts';
import type { Changes } from '../shared-state/index.ts';
import { refuseOperatorsKey } from './grantor.ts';
import { type KeyReach, livingDescendantIds, lockKeyOrStub, markRevoked } from './store.ts';
import type { ApiKeyRow } from './tables.ts';

export interface RevokeDeps {
  clock: Clock;
  changes: Changes;
  recordAudit: RecordAudit;
}

export interface Revocation {
  reach: KeyReach;
  id: string;
  reason: string | null;
  principal: Principal;
}

/** Tells caches and the audit log that a key has ended, in the transaction that ended it. */
export async function noteRevoked(deps: RevokeDeps, tx: Tx, actor: Actor, row: ApiKeyRow, data: object): Promise<void> {
  await deps.changes.record(tx, { kind: 'api_key', ref: row.id });
  await deps.recordAudit(tx, {
    action: 'api_key.revoked',
    actor,
    workspaceId: row.workspace_id,
    environment: row.environment,
    targetId: row.id,
    data: { ...data },
  });
}

/**
 * Ends a key: refused by this process before the call returns, by others within a poll of `changes`. Revoking it again
 * changes nothing and is no error. `not_found` for a key that cannot be seen.
 */
export async function revokeKey(deps: RevokeDeps, tx: Tx, actor: Actor, revocation: Revocation): Promise<ApiKeyRow> {
  const { reach, id, reason } = revocation;
  const present = await lockKeyOrStub(tx, reach, id);
  if (!present) throw new Failure('not_found');
  refuseOperatorsKey(revocation.principal, present);
  const [revoked] = await markRevoked(tx, [id], { atMs: deps.clock.nowMs(), reason });
  if (revoked) await noteRevoked(deps, tx, actor, revoked, { reason });
  return revoked ?? present;
}

const STEP = 200;

/**
 * Ends some of what a revoked key has made; true when more may be left, then call again in a transaction of its own: a
 * key may have made any number. What was being made meanwhile is seen by the next call, as its maker's row was locked.
 */
export async function revokeDescendants(
  deps: RevokeDeps,
  tx: Tx,
  actor: Actor,
  { root, reason }: { root: ApiKeyRow; reason: string | null },
): Promise<boolean> {
  const ids = await livingDescendantIds(tx.query, root, STEP);
  if (ids.length === 0) return false;
  const revoked = await markRevoked(tx, ids, { atMs: deps.clock.nowMs(), reason });
  for (const row of revoked) await noteRevoked(deps, tx, actor, row, { reason, because_of: root.id });
  return true;
}
