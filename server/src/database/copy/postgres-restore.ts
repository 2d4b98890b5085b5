import { type Environment, forLibpq, runPostgresProgram } from './postgres-program.ts';
import { CopyError } from './snapshot.ts';

/** Reads the archive's own list, without a server. Throws `CopyError` when it is damaged or lacks the data of a table. */
export async function checkPostgresDump(
  path: string,
  tables: readonly string[],
  environment: Environment,
): Promise<void> {
  const list = await runPostgresProgram({ program: 'pg_restore', args: ['--list', path], environment });
  const held = new Set(Array.from(list.matchAll(/ TABLE DATA \S+ (\S+) /g), ([, table]) => table));
  const missing = tables.filter((table) => !held.has(table));
  if (missing.length > 0) throw new CopyError(`${path} lacks the data of ${missing.join(', ')}`);
}

/** Puts all of the archive into the database, or nothing. Throws `CopyError`. */
export async function restorePostgresDump(url: string, path: string, environment: Environment): Promise<void> {
  const { url: dbname, password } = forLibpq(url);
  const args = ['--exit-on-error', '--single-transaction', '--no-owner', '--no-privileges', '--no-password'];
  await runPostgresProgram({
    program: 'pg_restore',
    args: [...args, `--dbname=${dbname}`, path],
    environment,
    password,
  });
}
