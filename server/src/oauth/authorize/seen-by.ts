import type { SessionRecord } from '../../accounts/index.ts';
import type { Application } from '../../applications/index.ts';
import { selfRegisteredScopes } from '../registration/scopes.ts';
import type { AuthorizeDeps } from './deps.ts';

async function isVouchedFor(
  { isFirstWorkspace, isMember }: AuthorizeDeps,
  workspaceId: string,
  session: SessionRecord | null,
): Promise<boolean> {
  if (await isFirstWorkspace(workspaceId)) return true;
  if (session === null) return false;
  const { workspaceId: own, role } = session.principal;
  return (own === workspaceId && role !== null) || isMember(workspaceId, session.userId);
}

/**
 * An application as whoever is at the browser should take it. The operator vouches for those of the first workspace, and a
 * workspace for its own towards its members. Where anybody may sign up, anybody has a workspace and makes applications in
 * it: to all others they are as good as ones that registered themselves (security A15, A21).
 */
export async function seenBy(
  deps: AuthorizeDeps,
  application: Application,
  session: SessionRecord | null,
): Promise<Application> {
  const { workspaceId, isSelfRegistered } = application;
  if (isSelfRegistered || workspaceId === null || (await isVouchedFor(deps, workspaceId, session))) return application;
  const open = new Set(selfRegisteredScopes(deps.catalogue));
  const isOpen = (scope: string) => open.has(scope);
  return {
    ...application,
    isSelfRegistered: true,
    consent: 'ask',
    scopes: application.scopes.filter(isOpen),
    usualScopes: application.usualScopes.filter(isOpen),
  };
}
