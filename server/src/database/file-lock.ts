import { DatabaseSync } from 'node:sqlite';
import { translateDatabaseError } from './errors.ts';

const SQLITE_BUSY = 5;

export interface FileLock {
  release(): void;
}

/**
 * A lock of the operating system, held through a tiny database at `path`, so it ends with the process, also by kill -9.
 * Null while another process has it. Throws `unavailable` when the file cannot be made.
 */
export function takeFileLock(path: string): FileLock | null {
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(path, { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock?.close();
    const { errcode = 0 } = error as { errcode?: number };
    if ((errcode & 0xff) !== SQLITE_BUSY) throw translateDatabaseError(error);
    return null;
  }
  const held = lock;
  return { release: () => held.close() };
}

/** Whether a process has the lock. Takes none itself, so it keeps nobody out. Throws when there is no such file. */
export function isFileLocked(path: string): boolean {
  const lock = new DatabaseSync(path, { timeout: 0, readOnly: true });
  try {
    lock.prepare('select count(*) from sqlite_master').get();
    return false;
  } catch (error) {
    return (((error as { errcode?: number }).errcode ?? 0) & 0xff) === SQLITE_BUSY;
  } finally {
    lock.close();
  }
}
