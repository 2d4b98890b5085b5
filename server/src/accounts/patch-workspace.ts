import type { Actor, RecordAudit } from '../audit/index.ts';
import { type Tx, UniqueViolation } from '../database/index.ts';
import { Failure } from '../failure.ts';
import type { Changes } from '../shared-state/index.ts';
import { membersWithoutFactor } from './members/store.ts';
import { lockWorkspace, updateWorkspace } from './store.ts';
import type { WorkspaceRow } from './tables.ts';

export interface PatchWorkspaceDeps {
  changes: Changes;
  recordAudit: RecordAudit;
  /** Ends the access tokens of a person; refreshing gives what they may have now. */
  renewTokens(tx: Tx, userId: string, reason: string): Promise<void>;
}

export type WorkspaceChanges = Partial<Omit<WorkspaceRow, 'id' | 'created_at'>>;

/**
 * Changes a workspace. Suspending it makes every credential in it fail at once here, and within a poll of `changes`
 * elsewhere. Beginning to ask for a second factor ends the access tokens of who has none. Throws `not_found`, `conflict` for
 * a taken `external_id`.
 */
export async function patchWorkspace(
  deps: PatchWorkspaceDeps,
  tx: Tx,
  actor: Actor,
  id: string,
  values: WorkspaceChanges,
): Promise<WorkspaceRow> {
  const before = await lockWorkspace(tx, id);
  const row = await updateUnique(tx, id, values);
  if (!row) throw new Failure('not_found');
  await deps.changes.record(tx, { kind: 'workspace', ref: id });
  if (before?.require_second_factor === 0 && row.require_second_factor === 1) {
    for (const userId of await membersWithoutFactor(tx, id))
      await deps.renewTokens(tx, userId, 'second factor required');
  }
  const action = values.state === undefined ? 'workspace.updated' : `workspace.${values.state}`;
  await deps.recordAudit(tx, { action, actor, workspaceId: id, targetId: id, data: { changed: Object.keys(values) } });
  return row;
}

async function updateUnique(tx: Tx, id: string, values: WorkspaceChanges): Promise<WorkspaceRow | undefined> {
  try {
    return await updateWorkspace(tx, id, values);
  } catch (error) {
    if (error instanceof UniqueViolation) throw new Failure('conflict', 'Another workspace has this external_id.');
    throw error;
  }
}
