// Boundary: Kysely over SQLite and PostgreSQL: transactions, group commit, migrations runner, capabilities, error words.
// Knows no domain: tables come in by augmentation of `tables.ts`, migrations as lists from `compose.ts`.
export {
  type CompiledForMany,
  type CompiledStatement,
  compileForMany,
  compileInsert,
  compileInsertSeeing,
  compileOnce,
  valueRows,
} from './compile-once.ts';
export * from './copy/index.ts';
export type { Capabilities, CommitHook, Database, Tx } from './database.ts';
export { UniqueViolation, WriteConflict } from './errors.ts';
export { type DatabaseFacts, databaseFacts } from './facts.ts';
export { type FileLock, takeFileLock } from './file-lock.ts';
export { hasOneWriter, lockRows, lockRowsShared } from './lock-rows.ts';
export type { ColumnTypes, Migration, MigrationPlan } from './migrations.ts';
export { openPostgres } from './postgres.ts';
export { type ServingLock, servingHolder, takeServingLock } from './serving-lock.ts';
export { openSqlite } from './sqlite.ts';
export type { Tables } from './tables.ts';
