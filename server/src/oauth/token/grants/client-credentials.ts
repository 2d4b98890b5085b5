import { isConfidential } from '../../../applications/index.ts';
import { OAuthFailure } from '../../../failure.ts';
import type { Ask } from '../ask.ts';
import type { Holder, TokenAlone } from '../entitlement.ts';
import type { FreeGrant } from '../grant.ts';
import type { LifetimeBounds } from '../lifetime.ts';

/** Of a `service` (contract §7); others have what their resource says. */
export const SERVICE_LIFETIME: LifetimeBounds = { usualSeconds: 300, longestSeconds: 600 };

/** An application that speaks for itself, in its own workspace. Throws `unauthorized_client`. */
export function holderOfApplication({ client }: Pick<Ask, 'client'>): Holder {
  const { application } = client;
  if (!application || !isConfidential(application)) {
    throw new OAuthFailure('unauthorized_client', 'Only an application that keeps a secret may speak for itself.');
  }
  const { id, workspaceId, environment, scopes } = application;
  if (workspaceId === null) {
    throw new OAuthFailure('unauthorized_client', 'This application belongs to no workspace: it acts for users alone.');
  }
  return { subject: id, userId: null, workspaceId, environment, held: scopes, audience: null };
}

/** RFC 6749 §4.4: an application for itself: never more than its register says, never a refresh token (security C20). */
export const clientCredentials: FreeGrant = {
  type: 'client_credentials',
  isStored: false,
  entitle: (ask): TokenAlone => ({
    kind: 'token_alone',
    holder: holderOfApplication(ask),
    lifetime: ask.client.application?.type === 'service' ? SERVICE_LIFETIME : null,
  }),
};
