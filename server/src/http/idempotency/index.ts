// Boundary: Idempotency-Key: one slot per principal, route and key; its reply kept sealed, so that a replay can be told.
// The reply is kept in the transaction of the mutation itself (a commit hook): a crash neither runs a call twice nor loses
// its reply.
export { createIdempotency, fingerprintOf, type Idempotency, idempotencyKeyOf } from './idempotency.ts';
export { idempotencyMigrations } from './tables.ts';
