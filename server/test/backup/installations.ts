import { copyFileSync, rmSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { type DatabaseName, freshPostgres } from '../harness.ts';
import { newDataDir, type Program, runProgram, startProgram } from '../running/program.ts';
import { findBinary } from '../services/find-binary.ts';

/** A data dir and, for PostgreSQL, a database: what a server is started on. */
export interface Installation {
  dataDir: string;
  env: Record<string, string>;
}

/** PATH, with PostgreSQL's client programs on it. */
function searchPath(): string {
  const program = findBinary({ name: 'pg_dump', also: ['/usr/lib/postgresql/*/bin'], debianPackage: 'postgresql' });
  return [dirname(program), process.env.PATH].join(delimiter);
}

export async function newInstallation(kind: DatabaseName): Promise<Installation> {
  const dataDir = newDataDir();
  if (kind === 'sqlite') return { dataDir, env: {} };
  return { dataDir, env: { LATCHKEY_DATABASE_URL: await freshPostgres(), PATH: searchPath() } };
}

/** An empty place with the encryption keys of another, as an operator would make it. */
export async function emptyPlaceFor(kind: DatabaseName, { dataDir }: Installation): Promise<Installation> {
  const place = await newInstallation(kind);
  copyFileSync(join(dataDir, 'encryption-keys'), join(place.dataDir, 'encryption-keys'));
  return place;
}

export const start = ({ dataDir, env }: Installation): Promise<Program> =>
  startProgram({ dataDir, env: { LATCHKEY_LOG_LEVEL: 'debug', ...env } });

export const latchkey = (installation: Installation, ...args: string[]) => runProgram(args, installation);

/** A folder that is not there yet. */
export function newFolder(): string {
  const folder = newDataDir();
  rmSync(folder, { recursive: true });
  return folder;
}

export async function makeKey(program: Program, key: string, body: object = {}): Promise<{ id: string; key: string }> {
  const { status, json } = await program.call('/v1/api-keys', { key, json: { name: 'x', scopes: ['read'], ...body } });
  if (status !== 201) throw new Error(`no key: ${status} ${JSON.stringify(json)}`);
  return json as { id: string; key: string };
}

/** The code that a server gives a key. */
export async function codeOf(program: Program, root: string, key: string, cost = 0): Promise<string> {
  const { json } = await program.call('/v1/api-keys/verify', { key: root, json: { key, cost } });
  return json.code as string;
}
