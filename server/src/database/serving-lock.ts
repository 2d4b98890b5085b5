import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { translateDatabaseError } from './errors.ts';

const SQLITE_BUSY = 5;

export interface ServingLock {
  /** Tells a second process who the first is. */
  describe(holder: { pid: number; url: string }): void;
  release(): void;
}

/**
 * One serving process per SQLite file. The lock is the operating system's, held through a tiny database beside the
 * file, so it ends with the process, also by kill -9. Returns the holder's description when another process has it.
 * Throws `unavailable` when the files cannot be made.
 */
export function takeServingLock(databasePath: string): ServingLock | { heldBy: string } {
  const lockPath = `${databasePath}.serving`;
  const holderPath = `${databasePath}.serving.json`;
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(lockPath, { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    const { errcode = 0 } = error as { errcode?: number };
    if ((errcode & 0xff) !== SQLITE_BUSY) throw translateDatabaseError(error);
    return { heldBy: readHolder(holderPath) };
  }
  const held = lock;
  return {
    describe: (holder) => writeFileSync(holderPath, JSON.stringify(holder), { mode: 0o600 }),
    release: () => {
      rmSync(holderPath, { force: true });
      held.close();
    },
  };
}

/** Who serves this file, as it described itself; null when nobody does. Takes no lock, so it keeps nobody from starting. */
export function servingHolder(databasePath: string): { pid: number; url: string } | null {
  try {
    const holder = JSON.parse(readFileSync(`${databasePath}.serving.json`, 'utf8')) as { pid: number; url: string };
    return isLocked(`${databasePath}.serving`) ? holder : null;
  } catch {
    return null;
  }
}

function isLocked(lockPath: string): boolean {
  const lock = new DatabaseSync(lockPath, { timeout: 0, readOnly: true });
  try {
    lock.prepare('select count(*) from sqlite_master').get();
    return false;
  } catch (error) {
    return (((error as { errcode?: number }).errcode ?? 0) & 0xff) === SQLITE_BUSY;
  } finally {
    lock.close();
  }
}

function readHolder(path: string): string {
  try {
    const { pid, url } = JSON.parse(readFileSync(path, 'utf8')) as { pid: number; url: string };
    return `process ${pid}, serving ${url}`;
  } catch {
    return 'another process, which is still starting';
  }
}
