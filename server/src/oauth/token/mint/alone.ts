import type { Tx } from '../../../database/index.ts';
import { applicationOf } from '../application-of.ts';
import type { Ask } from '../ask.ts';
import type { TokenAlone } from '../entitlement.ts';
import { ttlSecondsOf } from '../lifetime.ts';
import { grantedResource } from '../rules/granted-resource.ts';
import { scopesOfNobody } from '../rules/granted-scopes.ts';
import type { Minted } from './minted.ts';

/** RFC 6749 §4.4.3: an access token and no refresh token. A JWT is stored nowhere. */
export async function mintAlone(ask: Ask, tx: Tx | null, { holder, lifetime }: TokenAlone): Promise<Minted> {
  const application = applicationOf(ask);
  const { subject, userId, workspaceId, environment, grantId = null } = holder;
  const { subjectIssuer = null, trustedIssuerId = null } = holder;
  const resource = grantedResource(ask, holder.audience);
  const { audience } = resource;
  const scopes = scopesOfNobody(ask, holder.held, resource);
  const accessToken = await ask.deps.tokens.issueAccessToken(tx, {
    subject,
    clientId: application.id,
    audience,
    scopes,
    workspaceId,
    environment,
    epoch: ask.epoch,
    grantId,
    ...(subjectIssuer === null ? {} : { extraClaims: { subject_issuer: subjectIssuer } }),
    trustedIssuerId,
    ttlSeconds: ttlSecondsOf(application, lifetime),
  });
  const none = { refreshToken: null, familyId: null, login: null, isRetry: false };
  return { kind: 'minted', accessToken, scopes, audience, workspaceId, environment, userId, grantId, ...none };
}
