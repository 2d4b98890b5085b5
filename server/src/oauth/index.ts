// Boundary: OAuth 2.0 and OpenID Connect. Rooms: `authorize` (requests, codes), `consent` (grants), `logout`. Owns what they
// own. Applications, resources, tokens and people live in domains of their own; pages are drawn by `pages`.
export {
  type AskedStanding,
  type AuthorizationParameters,
  type AuthorizationResponse,
  type AuthorizeDeps,
  type Authorizer,
  authorizeMigrations,
  type Blocked,
  type CodeRedemption,
  type Codes,
  createAuthorizer,
  createCodes,
  type GivenByCode,
  type Offer,
  type Outcome,
  type PersonAnswer,
  type PresentedCode,
  type Question,
  REQUEST_TTL_MS,
  readIdTokenHint,
  readParameters,
  type Unanswerable,
  type Visitor,
} from './authorize/index.ts';
export {
  consentMigrations,
  createGrants,
  type Grant,
  type Grants,
  type GrantsDeps,
  grantRoutes,
  revokeGrant,
} from './consent/index.ts';
export { type LogoutDeps, type LogoutOutcome, type LogoutRefusal, readLogout } from './logout/index.ts';
