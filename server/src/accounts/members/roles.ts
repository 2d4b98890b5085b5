import type { ScopeCatalogue } from '@latchkey/protocol';
import { Failure } from '../../failure.ts';
import type { Principal, Role } from '../../http/index.ts';

/** From the most to the least. */
export const ROLES: readonly Role[] = ['owner', 'admin', 'developer', 'viewer'];

const SEE = ['read', 'api_keys:read', 'applications:read', 'webhooks:read', 'members:read', 'usage:read'];

/**
 * What each role may do, as scopes. Owner and admin do everything in the workspace; only an owner makes owners, changes
 * them and hands the workspace over. A viewer sees no secret and changes nothing.
 */
export const ROLE_SCOPES: Readonly<Record<Role, readonly string[]>> = {
  owner: ['admin'],
  admin: ['admin'],
  developer: [
    'read',
    'write',
    'delete',
    'api_keys:read',
    'api_keys:write',
    'api_keys:verify',
    'applications:read',
    'applications:write',
    'webhooks:read',
    'webhooks:write',
    'trusted_issuers:read',
    'members:read',
    'usage:read',
  ],
  viewer: SEE,
};

/** The roles that somebody of a role may not give; none: all. */
export function rolesBeyond(role: Role | null): readonly Role[] {
  if (role === 'owner') return [];
  return role === 'admin' ? ['owner'] : ROLES;
}

/** Whether a credential acts with an owner's rights: the operator, or a signed-in owner; a key never. */
export function isOwner({ kind, role }: Principal): boolean {
  return kind === 'root' || role === 'owner';
}

/** Nobody gives a role that can do more than they can (security N3). Throws `forbidden`. */
export function refuseHigherRole(catalogue: ScopeCatalogue, principal: Principal, role: Role): void {
  if (isOwner(principal)) return;
  if (role === 'owner') throw new Failure('forbidden', 'Only an owner can make somebody an owner.');
  if (catalogue.beyond(ROLE_SCOPES[role], principal.scopes).length > 0) {
    throw new Failure('forbidden', `You cannot give the role ${role}: it may do more than you.`);
  }
}
