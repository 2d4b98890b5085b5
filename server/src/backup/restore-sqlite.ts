import { chmodSync, constants, existsSync, renameSync, rmSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toTimestamp } from '../clock.ts';
import { takeServingLock } from '../database/index.ts';
import { type Aftermath, settleRestored } from './aftermath.ts';
import type { CheckedBackup } from './check.ts';
import { type BackupDeps, BackupError } from './deps.ts';
import { sync } from './files.ts';
import { proveRestored } from './prove.ts';
import type { RestoreOptions } from './restore-options.ts';

/** The files of one SQLite database. */
const SUFFIXES = ['', '-wal', '-shm', '-journal'];

function removeDatabase(path: string): void {
  for (const suffix of SUFFIXES) rmSync(path + suffix, { force: true });
}

/** Brings a copy to `path`, proven, with what ended since ended again; durable. */
async function prepare(
  deps: BackupDeps,
  path: string,
  { manifest, path: copy }: CheckedBackup,
  options: RestoreOptions,
) {
  removeDatabase(path);
  await copyFile(copy, path, constants.COPYFILE_FICLONE);
  // A copy takes over who may read the backup.
  chmodSync(path, 0o600);
  const database = await deps.openDatabase({ kind: 'sqlite', path });
  try {
    await proveRestored(deps, database, manifest);
    return await settleRestored(deps, database, manifest, options);
  } finally {
    // The last connection folds the log into the file and removes it.
    await database.close();
    sync(path);
  }
}

/** Folds the log into the file that is to be moved. One that is too damaged for that is moved as it is. */
async function foldLog(deps: BackupDeps, path: string): Promise<void> {
  try {
    await (await deps.openDatabase({ kind: 'sqlite', path })).close();
  } catch {
    // Its damage may be why it is replaced.
  }
}

/** Under a name with the time, beside where it was; its log goes with it. */
function moveAside(path: string, nowMs: number): string | null {
  const stamp = toTimestamp(nowMs).replace(/[-:]|\.\d+/g, '');
  const named = `${path}.before-restore-${stamp}`;
  // Two restores within a second: what the first moved is not written over.
  let aside = named;
  for (let number = 2; existsSync(aside); number += 1) aside = `${named}-${number}`;
  // The database first: without it a log is nothing, but without its log it would pass for whole. A log that an earlier
  // restore left goes too, or it would be taken for that of the restored file.
  const present = SUFFIXES.filter((suffix) => existsSync(path + suffix));
  for (const suffix of present) renameSync(path + suffix, aside + suffix);
  return present.length === 0 ? null : aside;
}

/**
 * Beside the place first, and into it by a rename at the very end. Whenever it ends before that, what was there is
 * there still, or under its new name, and the restore can be run again.
 */
export async function restoreToSqlite(
  deps: BackupDeps,
  path: string,
  checked: CheckedBackup,
  options: RestoreOptions,
): Promise<Aftermath & { movedTo: string | null }> {
  const lock = takeServingLock(path);
  if ('heldBy' in lock) throw new BackupError(`a server serves ${path} (${lock.heldBy}): stop it first`);
  try {
    if (existsSync(path) && !options.force) {
      throw new BackupError(
        `${path} is there already: name an empty LATCHKEY_DATA_DIR, or add --force to move that file aside and take its place`,
      );
    }
    const staged = `${path}.restoring`;
    try {
      const aftermath = await prepare(deps, staged, checked, options);
      if (existsSync(path)) await foldLog(deps, path);
      const movedTo = moveAside(path, deps.clock.nowMs());
      renameSync(staged, path);
      sync(dirname(path));
      return { ...aftermath, movedTo };
    } finally {
      removeDatabase(staged);
    }
  } finally {
    lock.release();
  }
}
