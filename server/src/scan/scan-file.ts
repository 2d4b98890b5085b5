import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type Match, SecretScanner } from './secret-scanner.ts';

/** Not through a link, and without waiting for a pipe that took the file's place. */
const ENTRY_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * Scans one file through `buffer`, a piece each time it is asked, and says how many bytes that had; never, when it is no
 * plain file. Throws what `fs` throws.
 */
export function* scanFile(path: string, buffer: Buffer, onMatch: (match: Match) => void): Generator<number> {
  const file = openSync(path, ENTRY_FLAGS);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) return;
    const scanner = new SecretScanner(onMatch);
    for (let total = 0; ; ) {
      const count = readSync(file, buffer, 0, buffer.length, null);
      total += count;
      // A file in /proc says that it is empty.
      const isLast = count === 0 || (stats.size > 0 && total >= stats.size);
      scanner.feed(buffer.subarray(0, count), isLast);
      yield count;
      if (isLast) return;
    }
  } finally {
    closeSync(file);
  }
}
