import type { Grant } from '../grant.ts';
import { authorizationCode } from './authorization-code.ts';
import { clientCredentials } from './client-credentials.ts';
import { jwtBearer } from './jwt-bearer.ts';
import { refreshToken } from './refresh-token.ts';

/** Every way to get tokens. What is not here is `unsupported_grant_type`, and stands in no metadata. */
export const GRANTS: readonly Grant[] = [authorizationCode, refreshToken, clientCredentials, jwtBearer];
