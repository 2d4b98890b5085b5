import { Kysely, PostgresDialect, sql } from 'kysely';
import { translateDatabaseError } from '../errors.ts';
import { unnamedUrl } from '../postgres.ts';
import type { Tables } from '../tables.ts';
import { type Environment, forLibpq, runPostgresProgram } from './postgres-program.ts';
import type { Snapshot } from './snapshot.ts';

/** One connection, whose statements may take their time. */
export async function openSingle(url: string): Promise<Kysely<Tables>> {
  const { default: pg } = await import('pg');
  const types: typeof pg.types.getTypeParser = ((oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as 'text')) as never;
  const pool = new pg.Pool({
    connectionString: unnamedUrl(url),
    max: 1,
    connectionTimeoutMillis: 5000,
    keepAlive: true,
    application_name: 'latchkey-backup',
    types: { getTypeParser: types },
  });
  pool.on('error', () => {});
  pool.on('connect', (client) => void client.on('error', () => {}));
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
}

/**
 * One read-only transaction, whose view pg_dump shares. Writers do not wait for it. Goes through PgBouncer: nothing
 * outlives the transaction.
 */
export async function withPostgresSnapshot<T>(
  url: string,
  environment: Environment,
  use: (snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  const database = await openSingle(url);
  try {
    return await database
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute(async (query) => {
        await sql`set local idle_in_transaction_session_timeout = 0`.execute(query);
        await sql`set local statement_timeout = 0`.execute(query);
        const { rows } = await sql<{ id: string; schema: string }>`
          select pg_export_snapshot() as id, current_schema() as schema`.execute(query);
        const [{ id, schema } = { id: '', schema: '' }] = rows;
        return use({
          query,
          schema,
          copyTo: async (path, onProgress) => {
            await dump({ url, environment, id, schema, path });
            onProgress(1, 1);
          },
        });
      });
  } catch (error) {
    throw translateDatabaseError(error);
  } finally {
    await database.destroy();
  }
}

interface Dump {
  url: string;
  environment: Environment;
  id: string;
  schema: string;
  path: string;
}

/** Our tables, with their sequences and indexes; no owners, extensions or rights, which the next server has its own of. */
async function dump({ url, environment, id, schema, path }: Dump): Promise<void> {
  const { url: dbname, password } = forLibpq(url);
  const tables = `"${schema.replaceAll('"', '""')}".*`;
  const args = ['--format=custom', '--no-owner', '--no-privileges', '--no-password', `--snapshot=${id}`];
  await runPostgresProgram({
    program: 'pg_dump',
    args: [...args, `--table=${tables}`, `--file=${path}`, `--dbname=${dbname}`],
    environment,
    password,
  });
}
