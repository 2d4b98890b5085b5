import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { translateDatabaseError } from './errors.ts';

const MAX_STATEMENTS = 500;

interface Prepared {
  statement: StatementSync;
  returnsRows: boolean;
}

/** Keeps prepared statements by their text, the oldest leaving first: preparing costs more than a lookup. */
function statementCache(database: DatabaseSync): (sql: string) => Prepared {
  const cache = new Map<string, Prepared>();
  return (sql) => {
    const known = cache.get(sql);
    if (known) return known;
    const statement = database.prepare(sql);
    const prepared = { statement, returnsRows: statement.columns().length > 0 };
    if (cache.size >= MAX_STATEMENTS) cache.delete(cache.keys().next().value as string);
    cache.set(sql, prepared);
    return prepared;
  };
}

/** Runs a statement that needs nothing of Kysely any more, on the one connection that there is. */
export type RunStatement = (sql: string, parameters: readonly unknown[]) => unknown[];

const RUNS = new WeakMap<DialectAdapter, RunStatement>();

/** How compiled statements run on a database of `nodeSqliteDialect`; undefined for others. */
export const runOf = (adapter: DialectAdapter): RunStatement | undefined => RUNS.get(adapter);

function runOver(prepare: (sql: string) => Prepared): RunStatement {
  return (sql, parameters) => {
    try {
      const { statement, returnsRows } = prepare(sql);
      if (returnsRows) return statement.all(...(parameters as SQLInputValue[]));
      statement.run(...(parameters as SQLInputValue[]));
      return [];
    } catch (error) {
      throw translateDatabaseError(error);
    }
  };
}

function connectionOver(prepare: (sql: string) => Prepared): DatabaseConnection {
  return {
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      try {
        const { statement, returnsRows } = prepare(query.sql);
        const parameters = query.parameters as SQLInputValue[];
        if (returnsRows) return { rows: statement.all(...parameters) as R[] };
        const { changes, lastInsertRowid } = statement.run(...parameters);
        return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
      } catch (error) {
        throw translateDatabaseError(error);
      }
    },
    streamQuery() {
      throw new Error('streaming is not offered on SQLite; page with a cursor instead');
    },
  };
}

const refuseTransaction = () => Promise.reject(new Error('transactions go through Database.write'));

/**
 * A Kysely dialect over one open node:sqlite connection. Transactions are not Kysely's here: `group-commit.ts` brackets
 * them, so that many writes share one.
 */
export function nodeSqliteDialect(database: DatabaseSync): Dialect {
  const prepare = statementCache(database);
  const connection = connectionOver(prepare);
  const adapter = new SqliteAdapter();
  RUNS.set(adapter, runOver(prepare));
  const driver: Driver = {
    init: async () => {},
    acquireConnection: async () => connection,
    beginTransaction: refuseTransaction,
    commitTransaction: refuseTransaction,
    rollbackTransaction: refuseTransaction,
    releaseConnection: async () => {},
    destroy: async () => {},
  };
  return {
    createDriver: () => driver,
    createAdapter: () => adapter,
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}
