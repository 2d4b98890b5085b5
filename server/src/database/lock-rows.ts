import { type Kysely, SqliteAdapter } from 'kysely';
import type { Tables } from './tables.ts';

interface Select {
  forUpdate(): unknown;
}

/**
 * A SELECT whose rows nobody else changes before the transaction ends. SQLite has one writer, and who is in a
 * transaction of `Database.write` is it: there is nothing to say.
 */
export function lockRows<S extends Select>(query: Kysely<Tables>, select: S): S {
  return query.getExecutor().adapter instanceof SqliteAdapter ? select : (select.forUpdate() as S);
}
