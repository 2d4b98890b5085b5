import { isConfidential } from '../../../applications/index.ts';
import { OAuthFailure } from '../../../failure.ts';
import type { Ask } from '../ask.ts';
import type { Holder, TokenAlone } from '../entitlement.ts';
import type { FreeGrant } from '../grant.ts';
import type { LifetimeBounds } from '../lifetime.ts';

/** Of a `service` (contract §7); others have what their resource says. */
export const SERVICE_LIFETIME: LifetimeBounds = { usualSeconds: 300, longestSeconds: 600 };

/** An application that speaks for itself, in its own workspace. Throws `invalid_grant`, `unauthorized_client`. */
export async function holderOfApplication({ deps, client }: Ask): Promise<Holder> {
  const { application } = client;
  if (!application || !isConfidential(application)) {
    throw new OAuthFailure('unauthorized_client', 'Only an application that keeps a secret may speak for itself.');
  }
  const { id, workspaceId, environment, scopes } = application;
  if (workspaceId === null) {
    throw new OAuthFailure('unauthorized_client', 'This application belongs to no workspace: it acts for users alone.');
  }
  const workspace = await deps.workspaceFacts(workspaceId);
  if (!workspace || workspace.isSuspended) {
    throw new OAuthFailure('invalid_grant', 'The workspace of this application is suspended.');
  }
  return { subject: id, userId: null, workspaceId, environment, held: scopes, audience: null };
}

/** RFC 6749 §4.4: an application for itself: never more than its register says, never a refresh token (security C20). */
export const clientCredentials: FreeGrant = {
  type: 'client_credentials',
  isStored: false,
  entitle: async (ask): Promise<TokenAlone> => ({
    kind: 'token_alone',
    holder: await holderOfApplication(ask),
    lifetime: ask.client.application?.type === 'service' ? SERVICE_LIFETIME : null,
  }),
};
