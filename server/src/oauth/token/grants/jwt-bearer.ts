import { isId } from '@latchkey/protocol';
import { JWT_BEARER } from '../../../applications/index.ts';
import { OAuthFailure } from '../../../failure.ts';
import type { VerifiedAssertion } from '../../../trusted-issuers/index.ts';
import { narrowScopes } from '../../scope.ts';
import { applicationOf } from '../application-of.ts';
import type { Ask } from '../ask.ts';
import type { TokenAlone } from '../entitlement.ts';
import type { StoredGrant } from '../grant.ts';
import { holderOfApplication, SERVICE_LIFETIME } from './client-credentials.ts';

const NOT_VALID =
  'The assertion is not valid here: look at its issuer, key, aud (our issuer alone), times and subject.';

const invalid = (description: string) => new OAuthFailure('invalid_grant', description);

async function verified({ deps, wantedAudience, ...ask }: Ask, text: string): Promise<VerifiedAssertion> {
  const application = applicationOf(ask);
  const result = await deps.assertions.verifyAssertion(text, { application, audience: wantedAudience });
  if (result.outcome === 'refused') throw invalid(NOT_VALID);
  const { assertion } = result;
  const { subject, userId } = assertion;
  if (userId !== null) throw invalid('The assertion names a user of this server, who allowed nothing by it.');
  if (isId('application', subject) && subject !== application.id) {
    throw invalid('The assertion speaks of another application.');
  }
  return assertion;
}

/** In the application's workspace, with no more than both the assertion and the application may. */
function entitlementOf(ask: Ask, { subject, issuer, audience, scopes }: VerifiedAssertion): TokenAlone {
  const own = holderOfApplication(ask);
  const held = narrowScopes(ask.deps.catalogue, scopes, own.held);
  const isOwn = subject === own.subject;
  return {
    kind: 'token_alone',
    holder: { ...own, subject, subjectIssuer: isOwn ? null : issuer, held, audience },
    lifetime: applicationOf(ask).type === 'service' ? SERVICE_LIFETIME : null,
  };
}

/**
 * RFC 7523 §2.1, §3: a JWT of a trusted issuer, or of the application itself, for an access token; once, and never a
 * refresh token. What it says of its subject is its issuer's word (contract §7).
 */
export const jwtBearer: StoredGrant = {
  type: JWT_BEARER,
  isStored: true,
  entitle: async (ask) => {
    const text = ask.call.params.get('assertion');
    if (text === undefined) throw new OAuthFailure('invalid_request', 'assertion is required.');
    const assertion = await verified(ask, text);
    const entitlement = entitlementOf(ask, assertion);
    return async (tx) => {
      if (await ask.deps.assertions.useAssertion(tx, assertion)) return entitlement;
      throw invalid('The assertion was used before. Sign another one, with a jti of its own.');
    };
  },
};
