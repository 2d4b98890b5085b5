// Boundary: API keys: issue, resolve from memory, revoke, list. Owns api_keys. Key text and checksum are the protocol's;
// whether a resolved key may make a call is decided in `access`; who belongs to a workspace is asked of `accounts`.
export { type IssueDeps, issueKey, type NewKey } from './issue.ts';
export type { KeyRecord } from './key.ts';
export { createKeyResolver, type KeyResolver } from './resolve.ts';
export { apiKeyRoutes } from './routes.ts';
export { apiKeysMigrations } from './tables.ts';
export { createKeyUsage, type KeyUsage } from './usage.ts';
