import type { Kysely } from 'kysely';
import type { Tables } from '../tables.ts';

/** Something that an operator can mend: the message says what, and how. */
export class CopyError extends Error {}

/** Pages or bytes, as the database counts; `total` 0 when it does not say. */
export type CopyProgress = (done: number, total: number) => void;

/** A database as it was at one moment, whatever is written to it meanwhile. */
export interface Snapshot {
  readonly query: Kysely<Tables>;
  /** Where the tables are: a schema of PostgreSQL. */
  readonly schema: string | null;
  /** Writes a copy to a file that is not there yet. Throws `CopyError`. */
  copyTo(path: string, onProgress: CopyProgress): Promise<void>;
}
