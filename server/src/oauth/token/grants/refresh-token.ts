import { OAuthFailure } from '../../../failure.ts';
import { applicationOf } from '../application-of.ts';
import type { StoredGrant } from '../grant.ts';
import { lookAgain } from '../standing.ts';

/** RFC 6749 §6: the next tokens of a family, with what its user, consent and application still allow (security D1 to D10). */
export const refreshToken: StoredGrant = {
  type: 'refresh_token',
  isStored: true,
  entitle: (ask) => {
    const token = ask.call.params.get('refresh_token');
    if (token === undefined) throw new OAuthFailure('invalid_request', 'refresh_token is required.');
    const application = applicationOf(ask);
    return async () => ({
      kind: 'next_of_family',
      refreshToken: token,
      lookAgain: (tx, family) => {
        const { userId, grantId } = family;
        if (userId === null || grantId === null) {
          throw new OAuthFailure('invalid_grant', 'The refresh token is of no user.');
        }
        return lookAgain(ask.deps, tx, { ...family, userId, grantId }, application);
      },
    });
  },
};
