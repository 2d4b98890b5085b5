import type { Kysely } from 'kysely';
import type { Migration, MigrationPlan } from './migrations.ts';
import type { Tables } from './tables.ts';

/** What a verb gets inside `write`: the query builder of its transaction, and a place to leave what follows the commit. */
export interface Tx {
  readonly query: Kysely<Tables>;
  /** Runs after the commit and before `write` resolves; never when the transaction is rolled back. */
  afterCommit(listener: () => void): void;
}

export interface OpenOptions {
  /** Hears when a listener that was left with `afterCommit` throws; its write stands. */
  onListenerError?: (error: unknown) => void;
}

/** Runs inside the transaction, after the work, with what the work returned. */
export type CommitHook = (tx: Tx, result: unknown) => Promise<void>;

/** Differences between the databases, asked for by name instead of by dialect. */
export interface Capabilities {
  /** Several server processes may share this database. */
  readonly manyProcesses: boolean;
}

export interface Database {
  readonly name: 'sqlite' | 'postgres';
  readonly capabilities: Capabilities;
  /** Reads outside any transaction; sees every acknowledged write. */
  readonly read: Kysely<Tables>;
  /**
   * One transaction: all of `work` or nothing. Resolved means on disk. `work` awaits only its own queries, and may be
   * run again after a deadlock. Throws `Failure` `unavailable` when the database cannot write, `UniqueViolation` when a
   * unique index refuses.
   */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** While `run` runs, its first `write` also runs `hook` in the same transaction. */
  withCommitHook<T>(hook: CommitHook, run: () => Promise<T>): Promise<T>;
  /** Applies what is missing, in one transaction under a lock; with `dryRun` only says what it would do. */
  migrate(migrations: readonly Migration[], options: { dryRun: boolean; nowMs: number }): Promise<MigrationPlan>;
  /** Resolves when the database answers; rejects with `unavailable` otherwise. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
