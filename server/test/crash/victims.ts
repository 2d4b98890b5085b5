import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bin, launch, type Program, runProgram, startProgram } from '../running/program.ts';
import { createDatabase, startPostgres } from '../services/postgres.ts';
import { startRedis } from '../services/redis.ts';
import type { Service } from '../services/service.ts';
import type { DataPlace } from './facts.ts';

export type DatabaseKind = 'sqlite' | 'postgres';

/** What a round does to the installation in the middle of the load. */
export const STRIKES = {
  sqlite: ['server', 'server', 'server', 'server', 'sigterm'],
  postgres: ['server', 'server', 'server', 'postgres', 'postgres', 'server and postgres', 'redis', 'all', 'sigterm'],
} as const;
export type Strike = (typeof STRIKES)[DatabaseKind][number];

/** PostgreSQL, which keeps what it acknowledged, and a Redis that keeps nothing: shared by all installations of a run. */
export interface Services {
  postgres: Service;
  redis: Service;
}

export async function startServices(database: DatabaseKind): Promise<Services | null> {
  if (database === 'sqlite') return null;
  const [postgres, redis] = await Promise.all([startPostgres({ durable: true }), startRedis({ own: true })]);
  return { postgres, redis };
}

export async function stopServices(services: Services | null): Promise<void> {
  await Promise.all([services?.postgres.stop(), services?.redis.stop()]);
}

/** One installation: the built server over its own data. */
export interface Installation {
  readonly place: DataPlace;
  readonly services: Services | null;
  /** Undefined while it is down. */
  program: Program | undefined;
  /** Everything that its servers wrote to stderr, the newest last. */
  log: string[];
}

export async function newInstallation(dataDir: string, services: Services | null, name: string): Promise<Installation> {
  const databaseUrl = services && (await createDatabase(services.postgres.url, name));
  return { place: { dataDir, databaseUrl }, services, program: undefined, log: [] };
}

function environment({ place, services }: Installation): Record<string, string> {
  return {
    // The port changes with each start; what a token says of its issuer must not.
    LATCHKEY_ISSUER: 'http://localhost:4000',
    // In development seals are told at no other.
    LATCHKEY_LOG_LEVEL: 'debug',
    // So that people come from many networks, whose guesses are counted apart.
    LATCHKEY_TRUST_PROXY: '127.0.0.1',
    ...(place.databaseUrl === null ? {} : { LATCHKEY_DATABASE_URL: place.databaseUrl }),
    ...(services === null ? {} : { LATCHKEY_REDIS_URL: services.redis.url }),
  };
}

/** For a start, a stop, and a look at the audit log: longer than any of them takes on a busy machine. */
const WITHIN_MS = 30_000;

/** Starts the server and waits until it is ready with nothing missing. Throws with what it said when it is not. */
export async function start(installation: Installation): Promise<string> {
  const { dataDir } = installation.place;
  const program = await startProgram({ dataDir, env: environment(installation), withinMs: WITHIN_MS });
  installation.program = program;
  await isReady(program);
  return program.ready.url;
}

export async function isReady(program: Program): Promise<void> {
  for (const giveUpAt = Date.now() + WITHIN_MS; ; await sleep(20)) {
    const { status, json } = await program.call('/readyz', { key: null });
    if (status === 200 && json.degraded === false && !JSON.stringify(json.checks).includes('down')) return;
    if (Date.now() > giveUpAt) throw new Error(`/readyz still answers ${status} ${JSON.stringify(json)}`);
  }
}

/** Starts the server and kills it so soon after, whatever it is doing then. */
export async function killWhileStarting(installation: Installation, afterMs: number): Promise<void> {
  const { child, text, exited } = launch(
    [process.execPath, bin, 'serve', '--json'],
    installation.place.dataDir,
    environment(installation),
  );
  await Promise.race([sleep(afterMs), exited]);
  const hasEnded = child.exitCode !== null;
  child.kill('SIGKILL');
  const { code } = await exited;
  if (hasEnded) throw new Error(`the server ended by itself with ${code} while it started: ${text.stderr}`);
  installation.log.push(text.stderr);
}

/** Ends the server; returns its exit. */
export async function end(installation: Installation, signal: 'SIGKILL' | 'SIGTERM') {
  const { program } = installation;
  if (!program) return undefined;
  const timer = setTimeout(() => process.kill(program.pid, 'SIGKILL'), WITHIN_MS);
  const exit = await program.end(signal);
  clearTimeout(timer);
  installation.program = undefined;
  installation.log.push(program.stderr());
  return exit;
}

/** The root key that the server made for itself. */
export const rootKeyOf = ({ place }: Installation) => readFileSync(join(place.dataDir, 'root-key'), 'utf8').trim();

/** `latchkey audit verify`, in a process of its own beside the server. */
export async function verifyAudit(installation: Installation): Promise<string | null> {
  const { dataDir } = installation.place;
  const options = { dataDir, env: environment(installation), withinMs: WITHIN_MS };
  const done = await runProgram(['audit', 'verify', '--json'], options);
  return done.code === 0 ? null : `latchkey audit verify ended with ${done.code}: ${done.stdout}${done.stderr}`;
}

/** Heads of the audit log that the servers told of. A line that a kill cut off is no promise. */
export function loggedHeads({ log, program }: Installation): [number, string][] {
  const text = [...log, program?.stderr() ?? ''].join('\n');
  const heads: [number, string][] = [];
  for (const [line] of text.matchAll(/^\{.*audit batch sealed.*\}$/gm)) {
    const { number, hash } = JSON.parse(line) as { number: number; hash: string };
    heads.push([number, hash]);
  }
  return heads;
}
