// Boundary: API keys: issue, import, resolve from memory, change, rotate, revoke, list. Owns api_keys. Key text and
// checksum are the protocol's; whether a resolved key may make a call, and what it spends, is decided in `access`;
// workspaces and their members are asked of `accounts` through `compose.ts`.
export { endKeyAfterRestore, type LostEnd } from './after-restore.ts';
export { refuseEndedGrantor } from './grantor.ts';
export { type IssueDeps, issueKey, PLAIN_KEY } from './issue.ts';
export type { KeyQuota, KeyRecord } from './key.ts';
export { createKeyResolver, type KeyResolver } from './resolve.ts';
export { type ApiKeyRoutesDeps, apiKeyRoutes, limitsOfCaller } from './routes.ts';
export { disableLivingKeys, keyById } from './store.ts';
export { apiKeysMigrations } from './tables.ts';
export { createKeyUsage, type KeyUsage, type UsedKey } from './usage.ts';
