// Boundary: the audit log: events written in the caller's transaction, sealed in signed, hash-chained batches, verified.
// Owns audit_events, audit_batches, audit_keys. Everybody records; nobody changes a record.
export { actorOf } from './actor.ts';
export { type Actor, type AuditEntry, systemActor } from './event.ts';
export { auditSealedColumns } from './keys.ts';
export { type AuditEvent, auditHead, readAuditEvents, readNewestEvents } from './read.ts';
export { createRecordAudit, type RecordAudit } from './record.ts';
export { createAuditSealer, sealAuditLog } from './seal.ts';
export { eventExists, lastBatch } from './store.ts';
export { auditMigrations } from './tables.ts';
export { type AuditReport, verifyAuditLog } from './verify.ts';
