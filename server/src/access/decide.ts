import type { KeyRecord } from '../api-keys/index.ts';
import { Failure } from '../failure.ts';
import type { Access, Principal } from '../http/index.ts';

/** Whether a key is alive at this moment. Told only now, when the secret has matched (contract §3). Pure. */
export function refuseDeadKey({ revokedAtMs, expiresAtMs }: KeyRecord, nowMs: number): void {
  if (revokedAtMs !== null) throw new Failure('token_revoked', 'The API key has been revoked.');
  if (expiresAtMs !== null && expiresAtMs <= nowMs) throw new Failure('token_expired', 'The API key has expired.');
}

/** Whether this principal may call a route. Pure. */
export function refuseBeyondAccess(principal: Principal, access: Exclude<Access, 'public'>): void {
  if (principal.kind === 'root') {
    if (access.root === 'refused')
      throw new Failure('forbidden', 'The root key manages Latchkey; it does not call APIs.');
    return;
  }
  if (access.root === 'only') throw new Failure('forbidden', 'Only the root key may do this.');
  const { scope } = access;
  if (scope === null || principal.scopes.has(scope)) return;
  const held = principal.grantedScopes;
  const holds = held.length === 0 ? 'no scopes' : held.slice(0, 20).join(', ');
  throw new Failure('insufficient_scope', `This call needs the scope ${scope}; the credential holds ${holds}.`, {
    scopes: { wanted: [scope], held: [...held] },
  });
}
