import { type RecordAudit, systemActor } from '../../audit/index.ts';
import type { Tx } from '../../database/index.ts';
import { endGrant, grantById } from './store.ts';

/** Withdraws a grant that a restored backup has as living; false when there is nothing to do. For a database that nobody serves. */
export async function endGrantAfterRestore(
  { recordAudit }: { recordAudit: RecordAudit },
  tx: Tx,
  id: string,
  nowMs: number,
): Promise<boolean> {
  const row = await grantById(tx.query, id);
  if (!row || !(await endGrant(tx, id, nowMs))) return false;
  const { user_id, client_id, audience, workspace_id: workspaceId, environment } = row;
  const data = { user_id, client_id, resource: audience, after_restore: true };
  await recordAudit(tx, { action: 'grant.revoked', actor: systemActor, workspaceId, environment, targetId: id, data });
  return true;
}
