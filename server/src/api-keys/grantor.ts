import type { Tx } from '../database/index.ts';
import { Failure } from '../failure.ts';
import type { Principal } from '../http/index.ts';
import type { Grantor } from './authority.ts';
import { keyStateAt } from './key.ts';
import { lockKey } from './store.ts';
import type { ApiKeyRow } from './tables.ts';

/**
 * Looks at the asking key once more, inside the transaction and with its row locked: what it makes is committed before
 * its revocation, which then finds it, or not at all.
 */
export async function refuseEndedGrantor(tx: Tx, grantor: Grantor | null, nowMs: number): Promise<void> {
  if (grantor?.principal.kind !== 'api_key') return;
  const { workspaceId, credentialId } = grantor.principal;
  const row = await lockKey(tx, { workspaceId, environment: null }, credentialId);
  const state = row ? keyStateAt(row, nowMs) : 'revoked';
  if (state !== 'active') throw new Failure(state === 'expired' ? 'token_expired' : 'token_revoked');
}

/** A key that sees every workspace is the operator's: nobody else changes, rotates or ends it. */
export function refuseOperatorsKey(principal: Principal, row: Pick<ApiKeyRow, 'all_workspaces'>): void {
  if (row.all_workspaces === 1 && principal.kind !== 'root') {
    throw new Failure('forbidden', 'Keys for all workspaces are managed by the root key only.');
  }
}
