import { type Kysely, SqliteAdapter } from 'kysely';
import type { Tables } from './tables.ts';

interface Select {
  forUpdate(): unknown;
  forShare(): unknown;
}

/** Whether what a transaction has read, nobody else can change before it ends. */
export const hasOneWriter = (query: Kysely<Tables>): boolean => query.getExecutor().adapter instanceof SqliteAdapter;

/**
 * A SELECT whose rows nobody else changes before the transaction ends. SQLite has one writer, and who is in a
 * transaction of `Database.write` is it: there is nothing to say.
 */
export function lockRows<S extends Select>(query: Kysely<Tables>, select: S): S {
  return hasOneWriter(query) ? select : (select.forUpdate() as S);
}

/** The same where several may read the rows at once, and only changing them must wait. */
export function lockRowsShared<S extends Select>(query: Kysely<Tables>, select: S): S {
  return hasOneWriter(query) ? select : (select.forShare() as S);
}
