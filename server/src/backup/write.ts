import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { lastBatch } from '../audit/index.ts';
import { toTimestamp } from '../clock.ts';
import { CopyError, type Snapshot, withPostgresSnapshot, withSqliteSnapshot } from '../database/index.ts';
import { keyNeeds } from '../sealed-values/index.ts';
import { checkBackup } from './check.ts';
import { type BackupDeps, BackupError, type DatabasePlace } from './deps.ts';
import { digestOf, sync } from './files.ts';
import { MANIFEST_FILE, type Manifest, newManifest } from './manifest.ts';
import { countRows, migrationNames, tableNames } from './store.ts';

type Facts = Omit<Manifest, 'format' | 'file'>;

/** What the manifest says of the database, as of the moment of the snapshot. */
async function factsOf(
  deps: BackupDeps,
  { query, schema }: Snapshot,
  { database, createdAt }: { database: Manifest['database']; createdAt: string },
): Promise<Facts> {
  const tables = await tableNames(query, schema);
  if (!tables.includes('schema_migrations')) {
    throw new BackupError(
      'the database is empty: there is nothing to back up. Is LATCHKEY_DATABASE_URL the right one?',
    );
  }
  const head = await lastBatch(query);
  const needs = await keyNeeds(query, deps.sealedColumns);
  return {
    id: Buffer.from(deps.randomBytes(12)).toString('hex'),
    created_at: createdAt,
    version: deps.version,
    database,
    schema,
    migrations: await migrationNames(query),
    rows: await countRows(query, tables),
    audit: { batches: head?.number ?? 0, head: head?.hash ?? null },
    encryption_keys: [...new Set(needs.map(({ keyId }) => keyId))],
  };
}

function withSnapshot<T>(deps: BackupDeps, place: DatabasePlace, use: (snapshot: Snapshot) => Promise<T>): Promise<T> {
  if (place.kind === 'postgres') return withPostgresSnapshot(place.url, deps.environment, use);
  if (!existsSync(place.path)) {
    throw new BackupError(
      `${place.path} is not there: there is nothing to back up. Is LATCHKEY_DATA_DIR the right one?`,
    );
  }
  return withSqliteSnapshot(place.path, use);
}

/** The counts of the snapshot, and those of the copy: what was written is what was there. */
async function compareRows({ file, rows, database }: Manifest, folder: string): Promise<void> {
  if (database !== 'sqlite') return;
  const path = join(folder, file.name);
  const copied = await withSqliteSnapshot(path, async ({ query }) => countRows(query, await tableNames(query, null)));
  if (JSON.stringify(copied) !== JSON.stringify(rows))
    throw new BackupError('the copy does not hold what the database did');
}

async function fill(
  deps: BackupDeps,
  place: DatabasePlace,
  folder: string,
  onProgress: (done: number, total: number) => void,
): Promise<Manifest> {
  const name = place.kind === 'sqlite' ? 'database.sqlite' : 'database.dump';
  const path = join(folder, name);
  // Before the snapshot: all that was acknowledged by then is in it.
  const createdAt = toTimestamp(deps.clock.nowMs());
  const facts = await withSnapshot(deps, place, async (snapshot) => {
    const found = await factsOf(deps, snapshot, { database: place.kind, createdAt });
    await snapshot.copyTo(path, onProgress);
    return found;
  });
  const manifest = newManifest({ ...facts, file: { name, ...(await digestOf(path)) } });
  sync(path);
  writeFileSync(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600, flush: true });
  await checkBackup(deps, folder);
  await compareRows(manifest, folder);
  sync(folder);
  return manifest;
}

/**
 * Makes the folder, whole or not at all: what is being written stands beside it under a hidden name until it is checked
 * and on disk. The server goes on serving and writing. Throws `BackupError`.
 */
export async function writeBackup(
  deps: BackupDeps,
  place: DatabasePlace,
  folder: string,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Manifest> {
  if (existsSync(folder)) throw new BackupError(`${folder} is there already: name a folder that is not`);
  const suffix = Buffer.from(deps.randomBytes(4)).toString('hex');
  const partial = join(dirname(folder), `.${basename(folder)}.partial-${suffix}`);
  try {
    mkdirSync(partial, { mode: 0o700 });
    const manifest = await fill(deps, place, partial, onProgress);
    renameSync(partial, folder);
    sync(dirname(folder));
    return manifest;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (error instanceof CopyError) throw new BackupError(error.message);
    const { code, path } = error as NodeJS.ErrnoException;
    if (code?.startsWith('E') && path !== undefined) throw new BackupError(`${path} cannot be written (${code})`);
    throw error;
  }
}
