import type { Actor } from '../audit/index.ts';
import type { Tx } from '../database/index.ts';
import { Failure } from '../failure.ts';
import { refuseOperatorsKey } from './grantor.ts';
import type { Revocation, RevokeDeps } from './revoke.ts';
import { deleteKey, lockKey } from './store.ts';

/** Takes a key away altogether; it answers as one that never was. Its audit events stay. */
export async function removeKey(
  deps: RevokeDeps,
  tx: Tx,
  actor: Actor,
  { reach, id, principal }: Pick<Revocation, 'reach' | 'id' | 'principal'>,
): Promise<void> {
  const row = await lockKey(tx, reach, id);
  if (!row) throw new Failure('not_found');
  refuseOperatorsKey(principal, row);
  await deleteKey(tx, row, deps.clock.nowMs());
  await deps.changes.record(tx, { kind: 'api_key', ref: id });
  await deps.recordAudit(tx, {
    action: 'api_key.deleted',
    actor,
    workspaceId: row.workspace_id,
    environment: row.environment,
    targetId: id,
    data: { name: row.name, hint: row.hint },
  });
}
