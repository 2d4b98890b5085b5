// Boundary: OAuth 2.0 and OpenID Connect as the RFCs have them. Rooms: authorize, consent, logout, back-channel, token (with its grants),
// introspection, revocation, userinfo, discovery, registration, client-documents. Who a client is, is decided in `applications`; how tokens live and die,
// in `tokens`; who a person is, in `accounts`. What needs `access` or `login` is a callback of compose.ts.
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
  deleteAllPending,
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
  backChannelMigrations,
  createLogoutDeliveries,
  createSessionEnds,
  type LogoutDeliveries,
} from './back-channel/index.ts';
export { documentHost, isDocumentUrl } from './client-documents/document-url.ts';
export { type ClientDocumentsDeps, createClientDocuments } from './client-documents/documents.ts';
export {
  consentMigrations,
  createGrants,
  endGrantAfterRestore,
  endGrantsOf,
  endGrantsOfUser,
  type Grant,
  type Grants,
  type GrantsDeps,
  grantRoutes,
  revokeGrant,
} from './consent/index.ts';
export { challengeUrl } from './discovery/resource-metadata.ts';
export { type DiscoveryDeps, discoveryRoutes } from './discovery/routes.ts';
export { INTROSPECT } from './introspection/caller.ts';
export type { IntrospectDeps, LookUp } from './introspection/introspect.ts';
export { introspectionRoutes } from './introspection/route.ts';
export { type LogoutDeps, type LogoutOutcome, type LogoutRefusal, readLogout } from './logout/index.ts';
export type { RegistrationDeps, RegistrationMode } from './registration/deps.ts';
export { pruneRegistrations } from './registration/prune.ts';
export { registrationRoutes } from './registration/routes.ts';
export { selfRegisteredScopes } from './registration/scopes.ts';
export { registrationMigrations } from './registration/tables.ts';
export type { RevokeDeps } from './revocation/revoke.ts';
export { revocationRoutes } from './revocation/route.ts';
export type { TokenDeps } from './token/deps.ts';
export { GRANTS } from './token/grants/index.ts';
export { linkedSubject } from './token/linked-subject.ts';
export { tokenRoutes } from './token/route.ts';
export { type UserinfoDeps, userinfoRoutes } from './userinfo/route.ts';
