// Boundary: what processes share beside their data: the `changes` table and who listens to it, and caches that obey it.
// Every mutation that a cache may hold calls `changes.record` in its own transaction. Knows no domain.
export type { Change } from './change.ts';
export { type Changes, createChanges } from './changes.ts';
export { createLive, type Live } from './live.ts';
export { createRecordCache, type RecordCache } from './record-cache.ts';
export { sharedStateMigrations } from './tables.ts';
