import type { Actor } from '../../audit/index.ts';
import type { Tx } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import type { Grant } from './grant.ts';
import { GRANT_CHANGE, type GrantsDeps, toGrant } from './grants.ts';
import { endGrant, grantById, livingGrantsOf } from './store.ts';
import type { GrantRow } from './tables.ts';

/** With all that it gave. `reason` is told where nobody asked for this very grant to end. */
async function end(deps: GrantsDeps, tx: Tx, actor: Actor, row: GrantRow, reason?: string): Promise<void> {
  const { tokens, changes, clock, recordAudit } = deps;
  const { id, user_id, client_id, audience, workspace_id: workspaceId, environment } = row;
  // Tokens first, here and everywhere: two who end what overlaps then wait for one another in one order.
  await tokens.raiseWatermark(tx, { kind: 'grant', id, reason: reason ?? 'grant revoked' });
  if (!(await endGrant(tx, id, clock.nowMs()))) return;
  await changes.record(tx, { kind: GRANT_CHANGE, ref: id });
  const data = { user_id, client_id, resource: audience, ...(reason === undefined ? {} : { reason }) };
  await recordAudit(tx, { action: 'grant.revoked', actor, workspaceId, environment, targetId: id, data });
}

/** Whose grants end, and why: in one workspace; with null everywhere. */
export interface EndingOfUser {
  userId: string;
  workspaceId: string | null;
  reason: string;
}

/** Ends what a person allowed who is taken out of a workspace, or deleted: back there, they are asked anew. */
export async function endGrantsOfUser(
  deps: GrantsDeps,
  tx: Tx,
  actor: Actor,
  { userId, workspaceId, reason }: EndingOfUser,
): Promise<void> {
  for (const row of await livingGrantsOf(tx.query, userId, workspaceId)) await end(deps, tx, actor, row, reason);
}

/**
 * Withdraws what a person allowed: every token that it gave ends, here at once and elsewhere within a poll of `changes`,
 * and codes that were not redeemed yet are worth nothing. `mayEnd` says whether it is the caller's. Throws `not_found`.
 */
export async function revokeGrant(
  deps: GrantsDeps,
  actor: Actor,
  id: string,
  mayEnd: (grant: Grant) => boolean,
): Promise<void> {
  await deps.database.write(async (tx) => {
    const row = await grantById(tx.query, id);
    if (!row || row.revoked_at !== null || !mayEnd(toGrant(row))) {
      throw new Failure('not_found', 'There is no such grant, or it was withdrawn.');
    }
    await end(deps, tx, actor, row);
  });
  deps.onWithdrawn();
}
