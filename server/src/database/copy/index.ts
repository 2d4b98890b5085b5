// Boundary: a whole database as of one moment, copied while others write to it, and put back: SQLite by its own backup
// interface, PostgreSQL by pg_dump and pg_restore. Knows no domain; what a copy is worth is judged by `backup`.

export { type PostgresPlace, withPostgresPlace } from './postgres-place.ts';
export { checkPostgresDump, restorePostgresDump } from './postgres-restore.ts';
export { withPostgresSnapshot } from './postgres-snapshot.ts';
export { CopyError, type Snapshot } from './snapshot.ts';
export { checkSqliteFile, withSqliteSnapshot } from './sqlite-snapshot.ts';
