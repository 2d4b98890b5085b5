// Boundary: applications, OAuth's clients: registered, changed, ended; their secrets; how they prove who they are. Owns
// applications, client_secrets, client_assertions. What they may have tokens for is decided in `oauth`; who consents to
// what, there too; workspaces are asked of `accounts` through `compose.ts`.
export { endApplicationAfterRestore, type LostApplicationEnd } from './after-restore.ts';
export {
  type Application,
  type ApplicationType,
  type ClientAuthMethod,
  type GrantType,
  ID_TOKEN_ALGORITHMS,
  type IdTokenAlgorithm,
  isConfidential,
} from './application.ts';
export { mayBeOlder } from './authentication/assertion.ts';
export {
  type AuthenticateClient,
  type AuthenticatedClient,
  type ClientAuthDeps,
  createAuthenticateClient,
  UNKNOWN_CLIENTS_PER_HOUR,
  WRONG_PROOFS_PER_HOUR,
} from './authentication/authenticate.ts';
export { MOST_STRANGERS_KEYS_AT_ONCE } from './authentication/client-keys.ts';
export { type ClientRequest, invalidClient } from './authentication/presented.ts';
export { createApplication, type MadeApplication, type NewApplication } from './create.ts';
export type { ApplicationDeps, EndClient } from './deps.ts';
export { type Applications, type ClientDocuments, type ClientRecord, createApplications } from './directory.ts';
export { pruneAssertions } from './prune.ts';
export { matchRedirectUri, redirectUriProblem } from './redirect-uri.ts';
export { removeApplication } from './remove.ts';
export { type ReplacedApplication, replaceSettings } from './replace.ts';
export { type ApplicationRoutesDeps, applicationRoutes } from './routes.ts';
export { AUTH_METHODS, checkSettings, DEFAULT_GRANT_TYPES, GRANT_TYPES, JWT_BEARER } from './rules.ts';
export { createSecretUsage, type SecretUsage } from './secret-usage.ts';
export { applicationsSealedColumns, isClientSecret, secretContext as clientSecretContext } from './secrets.ts';
export { type ApplicationSettings, settingsOf } from './settings.ts';
export { anyApplication, disableApplications, idTokenAlgorithmsInUse, useClientAssertion } from './store.ts';
export {
  type ApplicationRow,
  applicationsMigrations,
  backChannelLogoutMigrations,
  idTokenMigrations,
} from './tables.ts';
export { defaultsOf } from './wanted.ts';
