import { Worker } from 'node:worker_threads';

/** Keeps the write-ahead log short, beside the event loop. */
export interface WalCheckpoints {
  /** Hears of each fsync of the log. */
  noteSync(): void;
  close(): Promise<void>;
}

const SYNCS_EACH = 100;

/** In development and tests the sources run as they are. */
const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? './wal-checkpoint-worker.ts' : './wal-checkpoint-worker.js',
  import.meta.url,
);

/**
 * SQLite checkpoints inside the commit that fills the log: it copies a thousand pages and fsyncs two files while every
 * request waits. A thread with a connection of its own does that instead, once there is something to do. Should it fail,
 * the log grows until the writer's own limit (`CHECKPOINT_PAGES`), and nothing else changes.
 */
export function createWalCheckpoints(path: string): WalCheckpoints {
  let worker: Worker | undefined;
  let ended: Promise<void> | undefined;
  let syncs = 0;
  let isRunning = false;

  const start = (): Worker => {
    const started = new Worker(SCRIPT, { workerData: { path } });
    started.unref();
    started.on('message', () => {
      isRunning = false;
    });
    // The next turn starts another one.
    started.on('error', () => {});
    ended = new Promise((resolve) => {
      started.once('exit', () => {
        worker = undefined;
        isRunning = false;
        resolve();
      });
    });
    return started;
  };

  return {
    noteSync: () => {
      syncs += 1;
      if (syncs < SYNCS_EACH || isRunning) return;
      syncs = 0;
      isRunning = true;
      worker ??= start();
      worker.postMessage('checkpoint');
    },
    close: async () => {
      worker?.ref();
      worker?.postMessage('close');
      await ended;
    },
  };
}
