import { type RecordAudit, systemActor } from '../audit/index.ts';
import type { Tx } from '../database/index.ts';
import { updateWorkspace, workspaceById } from './store.ts';

/** Suspends a workspace that a restored backup has as active; false when there is nothing to do. For a database that nobody serves. */
export async function suspendAfterRestore(
  { recordAudit }: { recordAudit: RecordAudit },
  tx: Tx,
  id: string,
): Promise<boolean> {
  const workspace = await workspaceById(tx.query, id);
  if (workspace?.state !== 'active') return false;
  await updateWorkspace(tx, id, { state: 'suspended' });
  const data = { changed: ['state'], after_restore: true };
  await recordAudit(tx, { action: 'workspace.suspended', actor: systemActor, workspaceId: id, targetId: id, data });
  return true;
}
