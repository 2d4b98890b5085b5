import type { Actor, RecordAudit } from '../audit/index.ts';
import type { Clock } from '../clock.ts';
import type { Tx } from '../database/index.ts';
import { Failure } from '../failure.ts';
import type { Changes } from '../shared-state/index.ts';
import { descendantIds, type KeyReach, keyById, markRevoked } from './store.ts';
import type { ApiKeyRow } from './tables.ts';

export interface RevokeDeps {
  clock: Clock;
  changes: Changes;
  recordAudit: RecordAudit;
}

/**
 * Ends a key, and on demand every key that it made: refused by this process before the call returns, by others within a
 * poll of `changes`. Revoking it again changes nothing and is no error. `not_found` for a key that cannot be seen.
 */
export async function revokeKey(
  deps: RevokeDeps,
  tx: Tx,
  actor: Actor,
  { reach, id, reason, descendants }: { reach: KeyReach; id: string; reason: string | null; descendants: boolean },
): Promise<ApiKeyRow> {
  const present = await keyById(tx.query, reach, id);
  if (!present) throw new Failure('not_found');
  const ids = descendants ? [id, ...(await descendantIds(tx.query, present))] : [id];
  const revoked = await markRevoked(tx, ids, { atMs: deps.clock.nowMs(), reason });
  for (const row of revoked) {
    await deps.changes.record(tx, { kind: 'api_key', ref: row.id });
    await deps.recordAudit(tx, {
      action: 'api_key.revoked',
      actor,
      workspaceId: row.workspace_id,
      environment: row.environment,
      targetId: row.id,
      data: row.id === id ? { reason } : { reason, because_of: id },
    });
  }
  return revoked.find((row) => row.id === id) ?? present;
}
