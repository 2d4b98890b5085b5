import { execFileSync } from 'node:child_process';
import { chownSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { findBinary } from './find-binary.ts';
import { externalService, type Service, startService } from './service.ts';
import { unprivilegedUser } from './unprivileged-user.ts';

const variable = 'LATCHKEY_TEST_POSTGRES_URL';
const quickSettings = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

/**
 * A PostgreSQL for tests: the one that LATCHKEY_TEST_POSTGRES_URL names, else our own in a temporary folder.
 * Ours gives up durability for speed unless `durable` is asked for. `own` is for tests that kill it.
 */
export async function startPostgres({
  durable = false,
  own = durable,
}: {
  durable?: boolean;
  own?: boolean;
} = {}): Promise<Service> {
  const external = process.env[variable];
  if (!own && external !== undefined && external !== '') return externalService('PostgreSQL', external);
  const binary = realpathSync(
    findBinary({
      name: 'postgres',
      also: ['/usr/lib/postgresql/*/bin'],
      debianPackage: 'postgresql',
      insteadOf: variable,
    }),
  );
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'latchkey-postgres-'));
  const user = unprivilegedUser();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  initialise(join(dirname(binary), 'initdb'), folder, data, user);
  const settings = [`unix_socket_directories=${folder}`, 'listen_addresses=127.0.0.1', 'max_connections=200'];
  if (!durable) settings.push(...quickSettings);
  return startService({
    name: 'PostgreSQL',
    folder,
    ...(user && { user }),
    binary,
    args: (port) => ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
    stopSignal: 'SIGINT',
    ping: (url) => withClient(url, (client) => client.query('select 1')),
  });
}

/** Makes an empty database with the server's own collation and returns its URL. */
export async function createDatabase(url: string, name: string): Promise<string> {
  await withClient(url, (client) => client.query(`create database ${pg.escapeIdentifier(name)} template template0`));
  const made = new URL(url);
  made.pathname = `/${encodeURIComponent(name)}`;
  return made.href;
}

/** Drops a database, closing whatever is still connected to it. */
export async function dropDatabase(url: string, name: string): Promise<void> {
  await withClient(url, (client) => client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`));
}

async function withClient(url: string, use: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    await use(client);
  } finally {
    await client.end().catch(() => {});
  }
}

function initialise(
  initdb: string,
  folder: string,
  data: string,
  user: { uid: number; gid: number } | undefined,
): void {
  const settings = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
  try {
    execFileSync(initdb, [...settings, '-D', data], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'], ...user });
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
