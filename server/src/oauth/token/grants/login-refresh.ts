import { OAuthFailure } from '../../../failure.ts';
import type { FreeGrant } from '../grant.ts';

/** Contract §7: the refresh token of a login by password, for what knows OAuth alone. The house itself is the client. */
export const loginRefresh: FreeGrant = {
  type: 'refresh_token',
  isStored: false,
  entitle: ({ call }) => {
    const refreshToken = call.params.get('refresh_token');
    if (refreshToken === undefined) throw new OAuthFailure('invalid_request', 'refresh_token is required.');
    return { kind: 'next_of_login', refreshToken };
  },
};
