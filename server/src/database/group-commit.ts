import type { DatabaseSync } from 'node:sqlite';
import type { Kysely } from 'kysely';
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
 * takes nobody with it. A job is resolved only after the commit that holds it, so an acknowledged write is on disk.
 */
export class GroupCommit {
  readonly #connection: DatabaseSync;
  readonly #query: Kysely<Tables>;
  #queue: Job[] = [];
  #draining: Promise<void> | undefined;

  constructor(connection: DatabaseSync, query: Kysely<Tables>) {
    this.#connection = connection;
    this.#query = query;
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
    while (this.#draining) await this.#draining;
  }

  async #drain(): Promise<void> {
    // One turn of the event loop: every request that this poll of the sockets brought joins the first batch.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) await this.#commitBatch(this.#queue.splice(0, MAX_BATCH));
    this.#draining = undefined;
  }

  async #commitBatch(jobs: Job[]): Promise<void> {
    try {
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
      for (const listener of job.committed) listener();
      job.resolve();
    }
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
