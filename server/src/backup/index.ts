// Boundary: backups: a folder with a copy of the database and a manifest, made while the server serves, checked, and put
// back into an empty place; what a restore means for credentials that ended since. Owns no table and no format of its
// own: copies are SQLite files and PostgreSQL archives (`database/copy`), ends of credentials are their domains' verbs.

export { type CheckedBackup, checkBackup } from './check.ts';
export { type BackupDeps, BackupError, type DatabasePlace } from './deps.ts';
export type { Manifest } from './manifest.ts';
export { checkRestorable, type Restored, restoreBackup } from './restore.ts';
export type { RestoreOptions } from './restore-options.ts';
export { parseRevocations, type RecordedEvent } from './revocations.ts';
export { writeBackup } from './write.ts';
