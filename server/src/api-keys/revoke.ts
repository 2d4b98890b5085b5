import type { Actor, RecordAudit } from '../audit/index.ts';
import type { Clock } from '../clock.ts';
import type { Tx } from '../database/index.ts';
import { Failure } from '../failure.ts';
import type { Changes } from '../shared-state/index.ts';
import { type KeyReach, keyById, markRevoked } from './store.ts';
import type { ApiKeyRow } from './tables.ts';

export interface RevokeDeps {
  clock: Clock;
  changes: Changes;
  recordAudit: RecordAudit;
}

/**
 * Ends a key: refused by this process before the call returns, by others within a poll of `changes`. Revoking it again
 * changes nothing and is no error. Throws `not_found` for a key that the caller cannot see.
 */
export async function revokeKey(
  deps: RevokeDeps,
  tx: Tx,
  actor: Actor,
  { reach, id, reason }: { reach: KeyReach; id: string; reason: string | null },
): Promise<ApiKeyRow> {
  const revoked = await markRevoked(tx, reach, id, { atMs: deps.clock.nowMs(), reason });
  if (!revoked) {
    const present = await keyById(tx.query, reach, id);
    if (!present) throw new Failure('not_found');
    return present;
  }
  await deps.changes.record(tx, { kind: 'api_key', ref: id });
  await deps.recordAudit(tx, {
    action: 'api_key.revoked',
    actor,
    workspaceId: revoked.workspace_id,
    environment: revoked.environment,
    targetId: id,
    data: { reason },
  });
  return revoked;
}
