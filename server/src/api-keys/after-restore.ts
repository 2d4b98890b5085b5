import { type RecordAudit, systemActor } from '../audit/index.ts';
import type { Tx } from '../database/index.ts';
import { lockKeyOrStub, markRevoked, updateKey } from './store.ts';

/** How a key ended after the backup that it is in, as the audit log of that time says. */
export interface LostEnd {
  keyId: string;
  /** Null: it was not revoked. */
  revokedAtMs: number | null;
  reason: string | null;
  /** From when it is refused; null: as it was. */
  expiresAtMs: number | null;
  isDisabled: boolean;
}

/**
 * Ends a key that a restored backup brought back to life: it is never given more than it has. `unknown` when the backup
 * does not have it, `unchanged` when it has ended in it already. For a database that nobody serves.
 */
export async function endKeyAfterRestore(
  { recordAudit }: { recordAudit: RecordAudit },
  tx: Tx,
  end: LostEnd,
): Promise<'ended' | 'unchanged' | 'unknown'> {
  const key = await lockKeyOrStub(tx, { workspaceId: null, environment: null }, end.keyId);
  if (!key) return 'unknown';
  if (key.revoked_at !== null) return 'unchanged';
  const isSooner = end.expiresAtMs !== null && (key.expires_at === null || key.expires_at > end.expiresAtMs);
  const changes = {
    ...(isSooner ? { expires_at: end.expiresAtMs } : {}),
    ...(end.isDisabled && key.disabled === 0 ? { disabled: 1 } : {}),
  };
  if (end.revokedAtMs !== null) await markRevoked(tx, [key.id], { atMs: end.revokedAtMs, reason: end.reason });
  else if (Object.keys(changes).length > 0) await updateKey(tx, key.id, changes);
  else return 'unchanged';
  await recordAudit(tx, {
    action: end.revokedAtMs === null ? 'api_key.updated' : 'api_key.revoked',
    actor: systemActor,
    workspaceId: key.workspace_id,
    environment: key.environment,
    targetId: key.id,
    data: { reason: end.reason, after_restore: true, ...(end.revokedAtMs === null ? { after: changes } : {}) },
  });
  return 'ended';
}
