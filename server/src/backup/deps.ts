import type { Clock } from '../clock.ts';
import type { Config, Environment } from '../config/index.ts';
import type { EncryptionKey, Envelope, RandomBytes } from '../crypto/index.ts';
import type { Database, Migration } from '../database/index.ts';
import type { SealedColumn } from '../sealed-values/index.ts';

export type DatabasePlace = Config['database'];

/** What is passed in, because a backup is of all domains and knows few. */
export interface BackupDeps {
  clock: Clock;
  randomBytes: RandomBytes;
  version: string;
  /** For PostgreSQL's programs: PATH and the like. */
  environment: Environment;
  keys: readonly EncryptionKey[];
  /** Null where no encryption keys are set or made. */
  envelope: Envelope | null;
  migrations: readonly Migration[];
  sealedColumns: readonly SealedColumn[];
  openDatabase(place: DatabasePlace): Promise<Database>;
}

/** A backup that cannot be made, or be used: the message says why, and what to do. */
export class BackupError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BackupError';
  }
}
