import { isId } from '@latchkey/protocol';
import { JWT_BEARER } from '../../../applications/index.ts';
import type { Tx } from '../../../database/index.ts';
import { OAuthFailure } from '../../../failure.ts';
import type { VerifiedAssertion } from '../../../trusted-issuers/index.ts';
import { narrowScopes } from '../../scope.ts';
import { applicationOf } from '../application-of.ts';
import type { Ask } from '../ask.ts';
import type { TokenAlone } from '../entitlement.ts';
import type { StoredGrant } from '../grant.ts';
import { linkedSubject } from '../linked-subject.ts';
import { grantedResource } from '../rules/granted-resource.ts';
import { holderOfApplication, SERVICE_LIFETIME } from './client-credentials.ts';

const NOT_VALID =
  'The assertion is not valid here: look at its issuer, key, aud (our issuer alone), times and subject.';

const invalid = (description: string) => new OAuthFailure('invalid_grant', description);

async function verified({ deps, wantedAudience, ...ask }: Ask, text: string): Promise<VerifiedAssertion> {
  const application = applicationOf(ask);
  const result = await deps.assertions.verifyAssertion(text, { application, audience: wantedAudience });
  if (result.outcome === 'refused') throw invalid(NOT_VALID);
  const { assertion } = result;
  const { subject } = assertion;
  if (isId('application', subject) && subject !== application.id) {
    throw invalid('The assertion speaks of another application.');
  }
  return assertion;
}

/** In the application's workspace, with no more than both the assertion and the application may. */
function entitlementOf(ask: Ask, assertion: VerifiedAssertion): TokenAlone {
  const { subject, kind, issuer, issuerId, audience, scopes } = assertion;
  const own = holderOfApplication(ask);
  const held = narrowScopes(ask.deps.catalogue, scopes, own.held);
  const subjectIssuer = subject === own.subject ? null : issuer;
  const trustedIssuerId = kind === 'trusted' ? issuerId : null;
  return {
    kind: 'token_alone',
    holder: { ...own, subject, subjectIssuer, trustedIssuerId, held, audience },
    // Of whatever type: what its issuer says of the subject is not asked again.
    lifetime: SERVICE_LIFETIME,
  };
}

/** The same of a user of ours, within what that user allows the application at this moment (contract §7). */
async function entitlementOfUser(ask: Ask, tx: Tx, userId: string, alone: TokenAlone): Promise<TokenAlone> {
  const { catalogue } = ask.deps;
  const { audience } = grantedResource(ask, alone.holder.audience);
  const named = { application: applicationOf(ask), userId, workspaceId: alone.holder.workspaceId, audience };
  const { grantId, scopes } = await linkedSubject(catalogue, tx.query, named);
  const held = narrowScopes(catalogue, alone.holder.held, scopes);
  return { ...alone, holder: { ...alone.holder, held, audience, grantId } };
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
      const { userId } = assertion;
      const given = userId === null ? entitlement : await entitlementOfUser(ask, tx, userId, entitlement);
      if (await ask.deps.assertions.useAssertion(tx, assertion)) return given;
      throw invalid('The assertion was used before. Sign another one, with a jti of its own.');
    };
  },
};
