import type { DatabaseSync } from 'node:sqlite';
import type { Kysely } from 'kysely';
import { Failure } from '../failure.ts';
import { runListeners } from './commit-listeners.ts';
import type { Tx } from './database.ts';
import { translateDatabaseError } from './errors.ts';
import type { Tables } from './tables.ts';

/** Bounds how long one transaction holds the writer, and so how long the first of a batch waits for its reply. */
const MAX_BATCH = 128;

interface Job {
  run(tx: Tx): Promise<void>;
  committed: (() => void)[];
  resolve(): void;
  reject(error: unknown): void;
  failed?: { error: unknown };
}

/**
 * Concurrent durable writes share one transaction and one fsync. Each job runs in its own savepoint: one that fails
 * takes nobody with it. A job is resolved only after an fsync that began after its commit, so an acknowledged write is
 * on disk; the next batch runs while that fsync is under way.
 */
export class GroupCommit {
  readonly #connection: DatabaseSync;
  readonly #query: Kysely<Tables>;
  readonly #sync: () => Promise<void>;
  readonly #onListenerError: (error: unknown) => void;
  #queue: Job[] = [];
  #draining: Promise<void> | undefined;
  #unsynced: Job[] = [];
  #syncing: Promise<void> | undefined;
  /** An fsync failed, and nothing has shown since that the disk holds what was committed. */
  #broken: { cause: unknown } | undefined;

  /** `sync` resolves when every commit before its call is on disk. */
  constructor(
    connection: DatabaseSync,
    query: Kysely<Tables>,
    sync: () => Promise<void>,
    onListenerError: (error: unknown) => void = () => {},
  ) {
    this.#connection = connection;
    this.#query = query;
    this.#sync = sync;
    this.#onListenerError = onListenerError;
  }

  write<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let result: T;
      this.#queue.push({
        run: async (tx) => {
          result = await work(tx);
        },
        committed: [],
        resolve: () => resolve(result),
        reject,
      });
      this.#draining ??= this.#drain();
    });
  }

  /** Resolves when nothing is queued or running. */
  async idle(): Promise<void> {
    while (this.#draining ?? this.#syncing) await (this.#draining ?? this.#syncing);
  }

  async #drain(): Promise<void> {
    // One turn of the event loop: every request that this poll of the sockets brought joins the first batch.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) await this.#commitBatch(this.#queue.splice(0, MAX_BATCH));
    this.#draining = undefined;
  }

  async #commitBatch(jobs: Job[]): Promise<void> {
    try {
      this.#mend();
      this.#connection.exec('BEGIN IMMEDIATE');
      for (const job of jobs) await this.#runInSavepoint(job);
      this.#connection.exec('COMMIT');
    } catch (error) {
      this.#rollBack();
      const translated = translateDatabaseError(error);
      for (const job of jobs) job.reject(job.failed ? job.failed.error : translated);
      return;
    }
    for (const job of jobs) {
      if (job.failed) {
        job.reject(job.failed.error);
        continue;
      }
      runListeners(job.committed, this.#onListenerError);
      this.#unsynced.push(job);
    }
    if (this.#unsynced.length > 0) this.#syncing ??= this.#acknowledge();
  }

  /** Answers what is committed once it is on disk; commits that come meanwhile share the next fsync. */
  async #acknowledge(): Promise<void> {
    while (this.#unsynced.length > 0) {
      const jobs = this.#unsynced;
      this.#unsynced = [];
      try {
        // The kernel reports a lost page once: a second fsync would succeed without it, so there is none until `#mend`.
        if (this.#broken) throw this.#broken.cause;
        await this.#sync();
        for (const job of jobs) job.resolve();
      } catch (error) {
        this.#broken ??= { cause: error };
        const lost = new Failure('unavailable', 'The disk did not confirm the change; it may or may not be kept.', {
          cause: error,
          retryAfterSeconds: 1,
        });
        for (const job of jobs) job.reject(lost);
      }
    }
    this.#syncing = undefined;
  }

  /**
   * After a failed fsync: a checkpoint writes all that is committed into the database file and fsyncs both files.
   * Throws `unavailable` until one succeeds.
   */
  #mend(): void {
    if (!this.#broken) return;
    const { busy } = this.#connection.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() ?? {};
    if (busy !== 0) {
      throw new Failure('unavailable', 'The disk failed and has not recovered. Nothing was changed.', {
        cause: this.#broken.cause,
        retryAfterSeconds: 1,
      });
    }
    this.#broken = undefined;
  }

  /** Never throws: whoever waits for this batch must be answered, whatever became of the file. */
  #rollBack(): void {
    try {
      if (this.#connection.isOpen && this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
    } catch {
      // The file is worse off than the transaction; the next BEGIN will say so.
    }
  }

  async #runInSavepoint(job: Job): Promise<void> {
    this.#connection.exec('SAVEPOINT job');
    try {
      await job.run({ query: this.#query, afterCommit: (listener) => job.committed.push(listener) });
    } catch (error) {
      job.failed = { error };
      // A full disk makes SQLite roll back the whole transaction by itself: then the others failed too.
      if (!this.#connection.isTransaction) throw error;
      this.#connection.exec('ROLLBACK TO job');
    }
    this.#connection.exec('RELEASE job');
  }
}
