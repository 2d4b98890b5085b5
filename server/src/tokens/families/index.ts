// Boundary: families of refresh tokens: started by a login or a consent, refreshed, reused, ended. Owns
// refresh_families, one row for each family however often it is rotated. Who may start one, and how a refusal is said,
// is decided by who calls.
export { type Family, GRACE_MS } from './family.ts';
export { lookUpRefresh, type SeenRefresh } from './look-up.ts';
export type { TokenPair } from './pair.ts';
export { type PresentedRefresh, type RefreshRefusal, type RefreshResult, refresh } from './refresh.ts';
export { createRefreshTexts, type RefreshTexts } from './refresh-text.ts';
export { type Ended, type FamilyName, raiseWatermark, revokeFamily } from './revoke-family.ts';
export { type FamilyRequest, startFamily } from './start-family.ts';
export { deleteEndedFamilies, endLivingFamilies } from './store.ts';
export { familiesMigrations } from './tables.ts';
