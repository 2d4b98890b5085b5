// Boundary: access tokens (RFC 9068) and families of refresh tokens: minted, verified, refreshed, ended. Owns
// refresh_families, denied_tokens, token_watermarks, opaque_tokens. Who may have a token is decided by who asks for it (logins, OAuth);
// what a token may do, in `access`; with which key it is signed, in `signing-keys`.
import { denialsMigrations } from './denials/index.ts';
import { familiesMigrations } from './families/index.ts';

export {
  ACCESS_TOKEN_TYPE,
  type AccessTokenClaims,
  FIRST_PARTY_CLIENT,
  methodOf,
  userIdOf,
} from './access-token.ts';
export {
  type Ended,
  endLivingFamilies,
  type Family,
  type FamilyName,
  type FamilyRequest,
  GRACE_MS,
  type PresentedRefresh,
  type RefreshRefusal,
  type RefreshResult,
  type SeenRefresh,
  type TokenPair,
} from './families/index.ts';
export type { AccessToken, AccessTokenRequest, TokenResource } from './mint.ts';
export { deleteSomeOpaque, isOpaqueText, opaqueMigrations } from './opaque/index.ts';
export { createTokens, type Tokens, type TokensOptions } from './tokens.ts';
export { isExpired, LEEWAY_SECONDS, type VerifiedAccessToken } from './verify.ts';

export const tokensMigrations = [...denialsMigrations, ...familiesMigrations];
