import { backup, DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { translateDatabaseError } from '../errors.ts';
import { nodeSqliteDialect } from '../sqlite-dialect.ts';
import type { Tables } from '../tables.ts';
import { CopyError, type Snapshot } from './snapshot.ts';

/** Pages between two turns of the event loop: 8 MiB. */
const PAGES_A_STEP = 2048;

function openReader(path: string): DatabaseSync {
  const connection = new DatabaseSync(path, { timeout: 10_000 });
  connection.exec('PRAGMA trusted_schema = OFF');
  connection.exec('PRAGMA query_only = ON');
  return connection;
}

/**
 * Opens the file beside a serving process. One read transaction spans it all: in WAL mode writers do not wait for it, and
 * it does not see them, so the copy never has to begin anew. Meanwhile the write-ahead log grows.
 */
export async function withSqliteSnapshot<T>(path: string, use: (snapshot: Snapshot) => Promise<T>): Promise<T> {
  let connection: DatabaseSync | undefined;
  try {
    connection = openReader(path);
    // The transaction begins with its first read.
    connection.exec('BEGIN; SELECT count(*) FROM sqlite_master');
  } catch (error) {
    connection?.close();
    throw translateDatabaseError(error);
  }
  const source = connection;
  const query = new Kysely<Tables>({ dialect: nodeSqliteDialect(source) });
  try {
    return await use({
      query,
      schema: null,
      copyTo: async (target, onProgress) => {
        const progress = ({ totalPages, remainingPages }: { totalPages: number; remainingPages: number }) =>
          onProgress(totalPages - remainingPages, totalPages);
        try {
          await backup(source, target, { rate: PAGES_A_STEP, progress });
          settle(target);
        } catch (error) {
          if (!('errcode' in Object(error))) throw error;
          throw new CopyError(`${target} cannot be written: ${(error as Error).message}`);
        }
      },
    });
  } finally {
    source.exec('ROLLBACK');
    source.close();
  }
}

/** Makes the copy one file that needs no log beside it, to be opened, moved and compared as it is. */
function settle(path: string): void {
  const copy = new DatabaseSync(path);
  try {
    copy.prepare('PRAGMA journal_mode = DELETE').get();
  } finally {
    copy.close();
  }
}

/** Reads every page. Throws `CopyError` when the file is damaged, or no database. */
export function checkSqliteFile(path: string): void {
  let problems: string[];
  try {
    const connection = new DatabaseSync(path, { readOnly: true });
    try {
      connection.exec('PRAGMA trusted_schema = OFF');
      const rows = connection.prepare('PRAGMA integrity_check(10)').all();
      problems = rows.map((row) => String(row.integrity_check)).filter((text) => text !== 'ok');
    } finally {
      connection.close();
    }
  } catch (error) {
    throw new CopyError(`${path} is no whole SQLite database: ${(error as Error).message}`);
  }
  if (problems.length > 0) throw new CopyError(`${path} is damaged: ${problems.join('; ')}`);
}
