import type { Actor } from '../../audit/index.ts';
import { Failure } from '../../failure.ts';
import type { Grant } from './grant.ts';
import { GRANT_CHANGE, type GrantsDeps, toGrant } from './grants.ts';
import { endGrant, grantById } from './store.ts';

/**
 * Withdraws what a person allowed: every token that it gave ends, here at once and elsewhere within a poll of `changes`,
 * and codes that were not redeemed yet are worth nothing. `mayEnd` says whether it is the caller's. Throws `not_found`.
 */
export function revokeGrant(
  deps: GrantsDeps,
  actor: Actor,
  id: string,
  mayEnd: (grant: Grant) => boolean,
): Promise<void> {
  const { database, tokens, changes, clock, recordAudit } = deps;
  return database.write(async (tx) => {
    const row = await grantById(tx.query, id);
    if (!row || row.revoked_at !== null || !mayEnd(toGrant(row))) {
      throw new Failure('not_found', 'There is no such grant, or it was withdrawn.');
    }
    const { user_id, client_id, audience, workspace_id: workspaceId, environment } = row;
    // Tokens first, here and everywhere: two who end what overlaps then wait for one another in one order.
    await tokens.raiseWatermark(tx, { kind: 'grant', id, reason: 'grant revoked' });
    if (!(await endGrant(tx, id, clock.nowMs()))) return;
    await changes.record(tx, { kind: GRANT_CHANGE, ref: id });
    const data = { user_id, client_id, resource: audience };
    await recordAudit(tx, { action: 'grant.revoked', actor, workspaceId, environment, targetId: id, data });
  });
}
