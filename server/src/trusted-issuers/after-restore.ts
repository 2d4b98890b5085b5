import { type RecordAudit, systemActor } from '../audit/index.ts';
import type { Tx } from '../database/index.ts';
import { deleteIssuer } from './store.ts';

/** Removes an issuer that a restored backup brought back; false when it has none. For a database that nobody serves. */
export async function removeIssuerAfterRestore(
  { recordAudit }: { recordAudit: RecordAudit },
  tx: Tx,
  id: string,
): Promise<boolean> {
  const row = await deleteIssuer(tx, id);
  if (!row) return false;
  const { workspace_id: workspaceId, environment, issuer, audience } = row;
  const data = { issuer, audience, after_restore: true };
  const action = 'trusted_issuer.deleted';
  await recordAudit(tx, { action, actor: systemActor, workspaceId, environment, targetId: id, data });
  return true;
}
