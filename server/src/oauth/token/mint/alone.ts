import { applicationOf } from '../application-of.ts';
import type { Ask } from '../ask.ts';
import type { TokenAlone } from '../entitlement.ts';
import { ttlSecondsOf } from '../lifetime.ts';
import { grantedResource } from '../rules/granted-resource.ts';
import { scopesOfNobody } from '../rules/granted-scopes.ts';
import type { Minted } from './minted.ts';

/** RFC 6749 §4.4.3: an access token and no refresh token. Nothing is stored. */
export function mintAlone(ask: Ask, { holder, lifetime }: TokenAlone): Minted {
  const application = applicationOf(ask);
  const { subject, userId, workspaceId, environment } = holder;
  const resource = grantedResource(ask, holder.audience);
  const { audience } = resource;
  const scopes = scopesOfNobody(ask, holder.held, resource);
  const accessToken = ask.deps.tokens.mintAccessToken({
    subject,
    clientId: application.id,
    audience,
    scopes,
    workspaceId,
    environment,
    epoch: ask.epoch,
    ttlSeconds: ttlSecondsOf(application, lifetime),
  });
  const none = { refreshToken: null, familyId: null, grantId: null, login: null, isRetry: false };
  return { kind: 'minted', accessToken, scopes, audience, workspaceId, environment, userId, ...none };
}
