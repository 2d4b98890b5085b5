import { existsSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { auditHead } from '../../audit/index.ts';
import { toTimestamp } from '../../clock.ts';
import type { Config } from '../../config/index.ts';
import { createEnvelope } from '../../crypto/index.ts';
import { type Database, databaseFacts, servingHolder } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import { encryptionKeysProblem, keyNeeds } from '../../sealed-values/index.ts';
import type { Host } from '../host.ts';
import { clockFindings } from './clocks.ts';
import { type Finding, findingsOf } from './finding.ts';

const say = findingsOf('storage');
const LEAST_FREE_BYTES = 512 * 1024 * 1024;
const LARGE_WAL_BYTES = 256 * 1024 * 1024;
const OLDEST_POSTGRES = 14;

/** `1.5 MiB`. */
export function sizeText(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  return power === 0 ? `${bytes} bytes` : `${(bytes / 1024 ** power).toFixed(1)} ${units[power]}`;
}

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;

function diskFindings(path: string): Finding[] {
  let folder = dirname(path);
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (free >= LEAST_FREE_BYTES) return [say.ok(`${sizeText(free)} free on its disk`)];
  return [
    say.warning(`only ${sizeText(free)} free on its disk`, 'make room: when the disk is full, writes are refused'),
  ];
}

function sqliteFiles(path: string): Finding[] {
  const findings = [say.ok(`SQLite file ${path}, ${sizeText(sizeOf(path))}`), ...diskFindings(path)];
  const wal = sizeOf(`${path}-wal`);
  findings.push(
    wal < LARGE_WAL_BYTES
      ? say.ok(`write-ahead log of ${sizeText(wal)}`)
      : say.warning(`write-ahead log of ${sizeText(wal)}`, 'look for a program that keeps a read of the file open'),
  );
  const holder = servingHolder(path);
  findings.push(holder ? say.ok(`process ${holder.pid} serves it at ${holder.url}`) : say.note('no process serves it'));
  return findings;
}

async function facts(database: Database, host: Host): Promise<Finding[]> {
  const askedMs = host.clock.nowMs();
  const { version, sizeBytes, clockMs, connections } = await databaseFacts(database);
  const name = database.name === 'sqlite' ? 'SQLite' : 'PostgreSQL';
  const findings = [say.ok(`${name} ${version} holds ${sizeText(sizeBytes)}`)];
  if (database.name === 'postgres' && Number.parseInt(version, 10) < OLDEST_POSTGRES) {
    findings.push(say.warning('older than the versions that are tested', `use PostgreSQL ${OLDEST_POSTGRES} or newer`));
  }
  if (connections !== null) findings.push(say.ok(`${connections} connections of Latchkey, this one among them`));
  if (clockMs !== null) findings.push(...clockFindings('PostgreSQL', clockMs, askedMs, host.clock.nowMs()));
  return findings;
}

/** Whether the encryption keys of these settings open what the database holds sealed, as the start asks. */
async function keyFindings(database: Database, { encryptionKeys: keys }: Config, host: Host): Promise<Finding[]> {
  const say = findingsOf('encryption keys');
  const columns = await host.program.sealedColumns();
  if (keys.length === 0) {
    const [need] = await keyNeeds(database.read, columns);
    if (!need) return [say.note('none is set or made yet')];
    return [
      say.problem(
        `LATCHKEY_ENCRYPTION_KEYS is not set, and the database needs the key "${need.keyId}"`,
        'set it to what it was; in development, put back the file encryption-keys that was in the data dir',
      ),
    ];
  }
  const envelope = createEnvelope(keys, host.randomBytes);
  const found = await encryptionKeysProblem(database.read, columns, { keys, envelope });
  if (found) return [say.problem(`LATCHKEY_ENCRYPTION_KEYS ${found.problem}`, found.cure)];
  return [say.ok('they open what the database holds sealed')];
}

async function contents(database: Database, config: Config, host: Host): Promise<Finding[]> {
  const { pending } = await database.migrate(await host.program.migrations(), {
    dryRun: true,
    nowMs: host.clock.nowMs(),
  });
  if (pending.length > 0) {
    const names = pending.map(({ name }) => name).join(', ');
    return [
      say.note(`migrations to come: ${names}`, 'nothing to do: `latchkey serve` and `latchkey migrate` apply them'),
    ];
  }
  const head = await auditHead(database);
  const audit = findingsOf('audit');
  return [
    say.ok('every migration is applied'),
    head
      ? audit.ok(`head ${head.hash}, batch ${head.number}, sealed at ${toTimestamp(head.sealedAtMs)}`)
      : audit.note('nothing is sealed yet'),
    ...(await keyFindings(database, config, host)),
  ];
}

function unreachable(error: unknown): Finding[] {
  if (!(error instanceof Failure)) throw error;
  const { cause } = error.details;
  const why = cause instanceof Error ? cause.message : error.message;
  return [say.problem(`LATCHKEY_DATABASE_URL cannot be used (${why})`, 'start the database, or correct the setting')];
}

/** The database: kind, size, room, whether it answers, what it lacks; makes nothing. */
export async function storageFindings(config: Config, host: Host): Promise<Finding[]> {
  const { database: place } = config;
  if (place.kind === 'sqlite' && !existsSync(place.path)) {
    const note = say.note(`no database at ${place.path} yet`, 'nothing to do: the first start makes it');
    return [note, ...diskFindings(place.path)];
  }
  const files = place.kind === 'sqlite' ? sqliteFiles(place.path) : [];
  try {
    const database = await host.program.openDatabase(config, await host.program.createLog(config));
    try {
      return [...files, ...(await facts(database, host)), ...(await contents(database, config, host))];
    } finally {
      await database.close();
    }
  } catch (error) {
    return [...files, ...unreachable(error)];
  }
}
