import { sessionById } from '../../../accounts/index.ts';
import type { Tx } from '../../../database/index.ts';
import { OAuthFailure } from '../../../failure.ts';
import type { AuthorizationCode, CodeRefusal } from '../../authorize/code.ts';
import { type Ask, actorOf } from '../ask.ts';
import type { FirstOfConsent, KeptRefusal } from '../entitlement.ts';
import type { StoredGrant } from '../grant.ts';
import { lookAgain } from '../standing.ts';

/** One answer for a code that is none, is over, or is somebody else's; what the client can mend is named. */
const REFUSALS: Readonly<Record<CodeRefusal, string>> = {
  unknown: 'The code is not valid.',
  other_client: 'The code is not valid.',
  expired: 'The code has expired: it may be redeemed for 60 seconds.',
  withdrawn: 'The user has withdrawn what they allowed.',
  used: 'The code was redeemed before. What it gave has ended.',
  redirect_uri: 'redirect_uri is not the one of the authorization request.',
  verifier: 'code_verifier does not fit the code_challenge of the authorization request.',
};

function refused(reason: CodeRefusal): KeptRefusal {
  return { kind: 'kept_refusal', failure: new OAuthFailure('invalid_grant', REFUSALS[reason]) };
}

/** Who has signed out, or whose password was changed, gives nothing any more that was not fetched before. */
async function requireSession(tx: Tx, { userId, sessionId }: AuthorizationCode): Promise<void> {
  if (await sessionById(tx.query, userId, sessionId)) return;
  throw new OAuthFailure('invalid_grant', 'The session in which the user allowed this has ended.');
}

async function entitlementOf(ask: Ask, tx: Tx, code: AuthorizationCode): Promise<FirstOfConsent> {
  const { deps, client } = ask;
  if (!client.application) throw new OAuthFailure('invalid_grant', REFUSALS.other_client);
  const { userId, workspaceId, environment, grantId, audience, codeHash } = code;
  await requireSession(tx, code);
  return {
    kind: 'first_of_consent',
    holder: {
      subject: userId,
      userId,
      workspaceId,
      environment,
      audience,
      held: await lookAgain(deps, tx, code, client.application),
    },
    grantId,
    login: { authTimeMs: code.authTimeMs, amr: code.methods, nonce: code.nonce, sessionId: code.sessionId },
    noteGiven: (given, { familyId, accessToken }) =>
      deps.codes.noteGiven(given, {
        codeHash,
        familyId,
        accessTokenId: accessToken.id,
        accessTokenExpMs: accessToken.expiresAtMs,
      }),
  };
}

/** RFC 6749 §4.1.3, RFC 7636 §4.6: the code of a user's consent, once (security C11 to C19). */
export const authorizationCode: StoredGrant = {
  type: 'authorization_code',
  isStored: true,
  entitle: (ask) => {
    const { deps, call, client } = ask;
    const text = call.params.get('code');
    if (text === undefined) throw new OAuthFailure('invalid_request', 'code is required.');
    const presented = {
      text,
      clientId: client.id,
      actor: actorOf(ask),
      redirectUri: call.params.get('redirect_uri') ?? null,
      verifier: call.params.get('code_verifier') ?? null,
    };
    return async (tx) => {
      const redemption = await deps.codes.redeem(tx, presented);
      if (redemption.outcome === 'refused') return refused(redemption.reason);
      return entitlementOf(ask, tx, redemption.code);
    };
  },
};
