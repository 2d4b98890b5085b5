import { type RecordAudit, systemActor } from '../audit/index.ts';
import type { Tx } from '../database/index.ts';
import {
  deleteApplication,
  deleteSecret,
  endSecretsAt,
  lockApplication,
  secretsOf,
  updateApplication,
} from './store.ts';
import type { ApplicationRow } from './tables.ts';

/** What ended of an application after the backup that it is in, as the audit log of that time says. */
export interface LostApplicationEnd {
  clientId: string;
  isDeleted: boolean;
  isDisabled: boolean;
  /** Secrets that were revoked. */
  secretIds: readonly string[];
  /** When those that the backup has ended for others; null: they did not. */
  secretsEndAtMs: number | null;
}

async function endSecrets(tx: Tx, { id }: ApplicationRow, end: LostApplicationEnd): Promise<boolean> {
  let isChanged = false;
  for (const secretId of end.secretIds) isChanged = (await deleteSecret(tx, id, secretId)) || isChanged;
  const { secretsEndAtMs: atMs } = end;
  if (atMs === null) return isChanged;
  const later = (await secretsOf(tx.query, id)).filter((each) => each.expires_at === null || each.expires_at > atMs);
  await endSecretsAt(
    tx,
    later.map((each) => each.id),
    atMs,
  );
  return isChanged || later.length > 0;
}

/**
 * Ends an application, or what of it had ended, that a restored backup brought back: it is never given more than it has.
 * False when there is nothing to do. For a database that nobody serves.
 */
export async function endApplicationAfterRestore(
  { recordAudit }: { recordAudit: RecordAudit },
  tx: Tx,
  end: LostApplicationEnd,
): Promise<boolean> {
  const row = await lockApplication(tx, { workspaceId: null, environment: null }, end.clientId);
  if (!row) return false;
  const note = (action: string) => {
    const { id, workspace_id: workspaceId, environment } = row;
    const data = { name: row.name, after_restore: true };
    return recordAudit(tx, { action, actor: systemActor, workspaceId, environment, targetId: id, data });
  };
  if (end.isDeleted) {
    await deleteApplication(tx, row.id);
    await note('application.deleted');
    return true;
  }
  const hasEnded = await endSecrets(tx, row, end);
  const isToDisable = end.isDisabled && row.disabled === 0;
  if (isToDisable) await updateApplication(tx, row.id, { disabled: 1 });
  if (!hasEnded && !isToDisable) return false;
  await note('application.updated');
  return true;
}
