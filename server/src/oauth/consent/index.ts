// Boundary: what people allowed applications: grants, when a person must be asked, how one is withdrawn. Owns grants.
// Which request leads here is decided in `authorize`; tokens of a grant are made and ended in `tokens`; the question
// itself is drawn by `pages`.
export { endGrantAfterRestore } from './after-restore.ts';
export type { Grant } from './grant.ts';
export { type Allowed, createGrants, type Grants, type GrantsDeps, livingGrantAt } from './grants.ts';
export { type ConsentNeed, type ConsentQuestion, consentNeeded } from './policy.ts';
export { endGrantsOfUser, revokeGrant } from './revoke.ts';
export { grantRoutes } from './routes.ts';
export { endGrantsOf, type GrantFilter, type GrantPlace } from './store.ts';
export { consentMigrations } from './tables.ts';
