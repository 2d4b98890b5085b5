import { type FileHandle, open } from 'node:fs/promises';

/** Brings what was committed to the disk, beside the event loop. */
export interface WalSync {
  /** Resolves when every commit that happened before the call is on disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/**
 * With `synchronous=NORMAL` SQLite writes a commit into its write-ahead log and leaves the fsync to us: the same bytes
 * reach the disk before the write is acknowledged as with FULL, but the event loop does not stand still meanwhile. The
 * log is the same file from the first write until the last connection closes.
 */
export function createWalSync(databasePath: string): WalSync {
  let opening: Promise<FileHandle> | undefined;
  return {
    sync: async () => {
      opening ??= open(`${databasePath}-wal`, 'r+');
      try {
        const handle = await opening;
        await handle.datasync();
      } catch (error) {
        // The next call opens the file anew: this handle has told of its failure and would not tell again.
        const failed = opening;
        opening = undefined;
        await failed.then((handle) => handle.close()).catch(() => {});
        throw error;
      }
    },
    close: async () => {
      const handle = await opening?.catch(() => undefined);
      await handle?.close();
    },
  };
}
