// Boundary: Idempotency-Key: one slot per principal, route and key; its reply kept sealed, so that a replay can be told.
// The slot is marked in the transaction of the mutation itself (a commit hook), so a crash never runs a call twice.
export { createIdempotency, fingerprintOf, type Idempotency, idempotencyKeyOf } from './idempotency.ts';
export { idempotencyMigrations } from './tables.ts';
