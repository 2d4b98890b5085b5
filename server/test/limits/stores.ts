import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from 'redis';
import { systemClock } from '../../src/clock.ts';
import { type Database, openPostgres, openSqlite } from '../../src/database/index.ts';
import { limitsMigrations } from '../../src/limits/index.ts';
import { type DatabaseName, freshPostgres, temporaryFolder } from '../harness.ts';

/** Where a database is, for a worker too. */
export type Place = { sqlite: string } | { postgres: string };

export interface LimitsPlace {
  place: Place;
  /** Opens it once more, as another process would. */
  open(): Database;
}

const opened: Database[] = [];
const folders: string[] = [];

export function openPlace(place: Place): Database {
  return 'sqlite' in place ? openSqlite(place.sqlite) : openPostgres(place.postgres, () => {});
}

/** A new database with the tables of the limits. */
export async function newLimitsPlace(name: DatabaseName): Promise<LimitsPlace> {
  const place = name === 'postgres' ? { postgres: await freshPostgres() } : { sqlite: newFile() };
  const open = () => {
    const database = openPlace(place);
    opened.push(database);
    return database;
  };
  await open().migrate(limitsMigrations, { dryRun: false, nowMs: systemClock.nowMs() });
  return { place, open };
}

function newFile(): string {
  const folder = temporaryFolder();
  folders.push(folder);
  return join(folder, 'test.sqlite');
}

/** For `afterEach`: closes what is open, removes the files. */
export async function closePlaces(): Promise<void> {
  for (const database of opened.splice(0)) await database.close().catch(() => {});
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** One command to Redis over a connection of its own. */
export async function askRedis(url: string, ...command: string[]): Promise<string> {
  const client = createClient({ url, RESP: 2 });
  client.on('error', () => {});
  await client.connect();
  try {
    return String(await client.sendCommand(command));
  } finally {
    client.destroy();
  }
}

/** The process id of a Redis that is the tests' own. */
export async function redisPid(url: string): Promise<number> {
  const [, pid] = /process_id:(\d+)/.exec(await askRedis(url, 'INFO', 'server')) ?? [];
  return Number(pid);
}

let buckets = 0;

/** A name that no other test uses. */
export function newBucket(): string {
  buckets += 1;
  return `bucket ${process.pid} ${buckets}`;
}
