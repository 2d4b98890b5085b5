import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isFileLocked, takeFileLock } from './file-lock.ts';

export interface ServingLock {
  /** Tells a second process who the first is. */
  describe(holder: { pid: number; url: string }): void;
  release(): void;
}

/**
 * One serving process per SQLite file. The lock lies beside the file. Returns the holder's description when another
 * process has it. Throws `unavailable` when the files cannot be made.
 */
export function takeServingLock(databasePath: string): ServingLock | { heldBy: string } {
  const holderPath = `${databasePath}.serving.json`;
  const lock = takeFileLock(`${databasePath}.serving`);
  if (!lock) return { heldBy: readHolder(holderPath) };
  return {
    describe: (holder) => writeFileSync(holderPath, JSON.stringify(holder), { mode: 0o600 }),
    release: () => {
      rmSync(holderPath, { force: true });
      lock.release();
    },
  };
}

/** Who serves this file, as it described itself; null when nobody does. Takes no lock, so it keeps nobody from starting. */
export function servingHolder(databasePath: string): { pid: number; url: string } | null {
  try {
    const holder = JSON.parse(readFileSync(`${databasePath}.serving.json`, 'utf8')) as { pid: number; url: string };
    return isFileLocked(`${databasePath}.serving`) ? holder : null;
  } catch {
    return null;
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
