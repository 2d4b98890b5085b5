import { setPriority } from 'node:os';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';

// The thread of `wal-checkpoint.ts`. Copies the log into the database file and fsyncs both, beside those who read and
// write; nobody waits for it.

/**
 * On Linux a thread has a priority of its own: requests are answered first. It is not the lowest, or a log that grows
 * faster than it is copied would be left to the writer. Elsewhere it would be the whole process's.
 */
const LOW_PRIORITY = 10;
if (process.platform === 'linux') setPriority(0, LOW_PRIORITY);

/** A writer that is never idle adds to the log during each pass; passes get shorter, and the last one meets its end. */
const MAX_PASSES = 5;

const database = new DatabaseSync((workerData as { path: string }).path, { timeout: 0 });
database.exec('PRAGMA synchronous = NORMAL');
const checkpoint = database.prepare('PRAGMA wal_checkpoint(PASSIVE)');

function runPasses(): void {
  for (let pass = 0; pass < MAX_PASSES; pass += 1) {
    const { busy, log, checkpointed } = checkpoint.get() ?? {};
    if (busy !== 0 || log === checkpointed) return;
  }
}

parentPort?.on('message', (message: 'checkpoint' | 'close') => {
  if (message === 'close') {
    database.close();
    parentPort?.close();
    return;
  }
  let error: string | null = null;
  try {
    runPasses();
  } catch (cause) {
    error = (cause as Error).message;
  }
  parentPort?.postMessage({ error });
});
