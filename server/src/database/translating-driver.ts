import type { DatabaseConnection, Driver, TransactionSettings } from 'kysely';
import { translateDatabaseError } from './errors.ts';

async function translated<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw translateDatabaseError(error);
  }
}

function translatingConnection(inner: DatabaseConnection): DatabaseConnection {
  return {
    executeQuery: (query) => translated(() => inner.executeQuery(query)),
    streamQuery: (query, chunkSize) => inner.streamQuery(query, chunkSize),
  };
}

/** A driver whose errors are the house's: one door for what SQLite, PostgreSQL and sockets call the same misfortune. */
export function translatingDriver(inner: Driver, begin: (connection: DatabaseConnection) => Promise<void>): Driver {
  const innerOf = new WeakMap<DatabaseConnection, DatabaseConnection>();
  const unwrap = (connection: DatabaseConnection) => innerOf.get(connection) ?? connection;
  return {
    init: () => inner.init(),
    acquireConnection: () =>
      translated(async () => {
        const connection = await inner.acquireConnection();
        const outer = translatingConnection(connection);
        innerOf.set(outer, connection);
        return outer;
      }),
    beginTransaction: (connection: DatabaseConnection, _settings: TransactionSettings) =>
      translated(() => begin(unwrap(connection))),
    commitTransaction: (connection) => translated(() => inner.commitTransaction(unwrap(connection))),
    rollbackTransaction: (connection) => translated(() => inner.rollbackTransaction(unwrap(connection))),
    releaseConnection: (connection) => inner.releaseConnection(unwrap(connection)),
    destroy: () => inner.destroy(),
  };
}
