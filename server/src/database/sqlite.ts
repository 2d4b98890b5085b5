import { DatabaseSync } from 'node:sqlite';
import { Kysely, sql } from 'kysely';
import { Failure } from '../failure.ts';
import { createCommitHooks } from './commit-hook.ts';
import type { Database, OpenOptions } from './database.ts';
import { translateDatabaseError } from './errors.ts';
import { GroupCommit } from './group-commit.ts';
import { type ColumnTypes, planMigrations } from './migrations.ts';
import { nodeSqliteDialect } from './sqlite-dialect.ts';
import type { Tables } from './tables.ts';
import { createWalCheckpoints } from './wal-checkpoint.ts';
import { createWalSync } from './wal-sync.ts';

const TYPES: ColumnTypes = {
  id: sql`text`,
  text: sql`text`,
  integer: sql`integer`,
  sequence: sql`integer`,
  sequenceKey: (column) => column.primaryKey().autoIncrement(),
};

const CREATE_MIGRATIONS =
  'create table if not exists schema_migrations (name text primary key, applied_at integer not null)';
const TABLE_EXISTS = "select 1 from sqlite_master where type = 'table' and name = 'schema_migrations'";

/** What a savepoint would bring back, of a job that changes sixteen pages or more, goes to a file otherwise: twice the time. */
const SAVEPOINTS_IN_MEMORY = 'PRAGMA temp_store = MEMORY';
/** A new index over a large table is sorted in no memory. */
const SORTS_IN_FILES = 'PRAGMA temp_store = FILE';

const WAL_ATTEMPTS = 40;
const WAL_PAUSE_MS = 50;
const SQLITE_BUSY = 5;
/** When the writer checkpoints by itself, on the event loop: only if `wal-checkpoint.ts` could not keep up. */
const CHECKPOINT_PAGES = 20_000;

/** Two processes that open a new file together: SQLite does not wait for this lock by itself, whatever its timeout. */
function turnToWal(connection: DatabaseSync): unknown {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return connection.prepare('PRAGMA journal_mode = WAL').get()?.journal_mode;
    } catch (error) {
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY || attempt === WAL_ATTEMPTS) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAL_PAUSE_MS);
    }
  }
}

function openConnection(path: string): DatabaseSync {
  const connection = new DatabaseSync(path, { timeout: 2000 });
  if (turnToWal(connection) !== 'wal')
    throw new Failure('unavailable', 'SQLite cannot keep a write-ahead log on this file system.');
  // The fsync of a commit is ours (`wal-sync.ts`): the same durability as FULL, off the event loop.
  connection.exec('PRAGMA synchronous = NORMAL');
  connection.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  connection.exec('PRAGMA foreign_keys = ON');
  connection.exec('PRAGMA trusted_schema = OFF');
  return connection;
}

function appliedNames(connection: DatabaseSync): Set<string> {
  if (!connection.prepare(TABLE_EXISTS).get()) return new Set();
  return new Set(
    connection
      .prepare('select name from schema_migrations')
      .all()
      .map((row) => String(row.name)),
  );
}

function migrator(connection: DatabaseSync, query: Kysely<Tables>): Database['migrate'] {
  return async (migrations, { dryRun, nowMs }) => {
    if (dryRun) return planMigrations(query, migrations, appliedNames(connection), TYPES);
    connection.exec(SORTS_IN_FILES);
    connection.exec('BEGIN IMMEDIATE');
    try {
      connection.exec(CREATE_MIGRATIONS);
      const plan = planMigrations(query, migrations, appliedNames(connection), TYPES);
      for (const { name, statements } of plan.pending) {
        for (const statement of statements) connection.exec(statement);
        connection.prepare('insert into schema_migrations (name, applied_at) values (?, ?)').run(name, nowMs);
      }
      connection.exec('COMMIT');
      return plan;
    } catch (error) {
      if (connection.isTransaction) connection.exec('ROLLBACK');
      throw translateDatabaseError(error);
    } finally {
      connection.exec(SAVEPOINTS_IN_MEMORY);
    }
  };
}

/**
 * The SQLite database in one file: WAL, each acknowledged write fsynced, one connection that writes (in groups) and one
 * that reads.
 * Throws `unavailable` when the file cannot be opened.
 */
export function openSqlite(path: string, { onListenerError }: OpenOptions = {}): Database {
  let writer: DatabaseSync;
  let reader: DatabaseSync;
  try {
    writer = openConnection(path);
    writer.exec(SAVEPOINTS_IN_MEMORY);
    reader = openConnection(path);
    reader.exec('PRAGMA query_only = ON');
  } catch (error) {
    throw translateDatabaseError(error);
  }
  const write = new Kysely<Tables>({ dialect: nodeSqliteDialect(writer) });
  const read = new Kysely<Tables>({ dialect: nodeSqliteDialect(reader) });
  const wal = createWalSync(path);
  const checkpoints = createWalCheckpoints(path);
  const sync = async () => {
    await wal.sync();
    checkpoints.noteSync();
  };
  const groups = new GroupCommit(writer, write, sync, onListenerError);
  const hooks = createCommitHooks();
  return {
    name: 'sqlite',
    capabilities: { manyProcesses: false },
    read,
    write: (work) => groups.write(hooks.wrap(work)),
    withCommitHook: (hook, run) => hooks.run(hook, run),
    migrate: migrator(writer, write),
    ping: async () => {
      await sql`select 1`.execute(read);
    },
    close: async () => {
      await groups.idle();
      await checkpoints.close();
      await wal.close();
      reader.close();
      writer.close();
    },
  };
}
