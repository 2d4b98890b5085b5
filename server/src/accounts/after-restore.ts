import { type RecordAudit, systemActor } from '../audit/index.ts';
import type { Tx } from '../database/index.ts';
import {
  installationFact,
  replaceInstallationFact,
  updateUser,
  updateWorkspace,
  userState,
  workspaceById,
} from './store.ts';

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

const RESTORED_AT = 'restored_at';

/** Notes when a backup was put back, in the transaction that ends what came with it. */
export const noteRestored = (tx: Tx, nowMs: number) => replaceInstallationFact(tx, RESTORED_AT, String(nowMs), nowMs);

/** When this database was put back from a backup, the last time; null when it never was. It stays while a server runs. */
export async function restoredAtMs(read: Tx['query']): Promise<number | null> {
  const value = await installationFact(read, RESTORED_AT);
  return value === null ? null : Number(value);
}

/** Disables a person whom a restored backup has as active; false when there is nothing to do. For a database that nobody serves. */
export async function disablePersonAfterRestore(
  { recordAudit }: { recordAudit: RecordAudit },
  tx: Tx,
  id: string,
): Promise<boolean> {
  if ((await userState(tx.query, id)) !== 'active') return false;
  await updateUser(tx, id, { state: 'disabled' });
  const data = { after_restore: true };
  await recordAudit(tx, { action: 'user.disabled', actor: systemActor, workspaceId: null, targetId: id, data });
  return true;
}

/** Ends every session, and every link and challenge on its way: which of them were used since, nobody knows. */
export async function endVisits(tx: Tx): Promise<void> {
  for (const table of ['sessions', 'mail_tokens', 'challenges'] as const) await tx.query.deleteFrom(table).execute();
}
