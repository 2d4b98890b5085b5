import { makeId } from '@latchkey/protocol';
import type { Clock } from '../clock.ts';
import type { RandomBytes } from '../crypto/index.ts';
import type { Tx } from '../database/index.ts';
import type { AuditEntry } from './event.ts';
import { insertEvent } from './store.ts';

/** Writes one event in the caller's transaction: what was done and the record of it are on disk together or not at all. */
export type RecordAudit = (tx: Tx, entry: AuditEntry) => Promise<void>;

export function createRecordAudit(clock: Clock, randomBytes: RandomBytes): RecordAudit {
  return async (tx, { action, actor, workspaceId, environment, targetId, data }) => {
    const nowMs = clock.nowMs();
    await insertEvent(tx, {
      id: makeId('event', nowMs, randomBytes),
      action,
      workspace_id: workspaceId,
      environment: environment ?? null,
      actor_kind: actor.kind,
      actor_id: actor.id,
      target_id: targetId,
      request_id: actor.requestId,
      address: actor.address,
      data: JSON.stringify(data ?? {}),
      created_at: nowMs,
    });
  };
}
