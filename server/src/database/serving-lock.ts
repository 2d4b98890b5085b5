import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

export interface ServingLock {
  /** Tells a second process who the first is. */
  describe(holder: { pid: number; url: string }): void;
  release(): void;
}

/**
 * One serving process per SQLite file. The lock is the operating system's, held through a tiny database beside the
 * file, so it ends with the process, also by kill -9. Returns the holder's description when another process has it.
 */
export function takeServingLock(databasePath: string): ServingLock | { heldBy: string } {
  const lockPath = `${databasePath}.serving`;
  const holderPath = `${databasePath}.serving.json`;
  const lock = new DatabaseSync(lockPath, { timeout: 0 });
  try {
    lock.exec('BEGIN EXCLUSIVE');
  } catch {
    lock.close();
    return { heldBy: readHolder(holderPath) };
  }
  return {
    describe: (holder) => writeFileSync(holderPath, JSON.stringify(holder), { mode: 0o600 }),
    release: () => {
      rmSync(holderPath, { force: true });
      lock.close();
    },
  };
}

function readHolder(path: string): string {
  try {
    const { pid, url } = JSON.parse(readFileSync(path, 'utf8')) as { pid: number; url: string };
    return `process ${pid}, serving ${url}`;
  } catch {
    return 'another process, which is still starting';
  }
}
