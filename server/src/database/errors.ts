import { Failure } from '../failure.ts';

/** A unique index refused a row. `constraint` is the database's own word for it, for `includes`, never for a reply. */
export class UniqueViolation extends Error {
  readonly constraint: string;
  constructor(constraint: string, cause: unknown) {
    super('a unique index refused the row', { cause });
    this.name = 'UniqueViolation';
    this.constraint = constraint;
  }
}

/** Two transactions stood in each other's way; running the work again is right. */
export class WriteConflict extends Failure {
  constructor(cause: unknown) {
    super('unavailable', 'The database is busy. Try again.', { cause, retryAfterSeconds: 1 });
  }
}

function unavailable(cause: unknown): Failure {
  return new Failure('unavailable', 'The database cannot be reached or cannot write. Nothing was changed.', {
    cause,
    retryAfterSeconds: 1,
  });
}

/** The transaction was rolled back because it lasted too long. */
export function writeTookTooLong(): Failure {
  return new Failure('unavailable', 'The database took too long. Nothing was changed.', { retryAfterSeconds: 1 });
}

interface DriverError {
  code?: unknown;
  errcode?: unknown;
  constraint?: unknown;
  message?: unknown;
}

const SQLITE_UNIQUE = new Set([1555, 2067]);
/** BUSY, LOCKED, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB (primary result codes). */
const SQLITE_UNAVAILABLE = new Set([5, 6, 8, 10, 11, 13, 14, 26]);

function translateSqlite(error: DriverError): unknown {
  const { errcode } = error;
  if (typeof errcode !== 'number') return error;
  if (SQLITE_UNIQUE.has(errcode)) return new UniqueViolation(String(error.message), error);
  return SQLITE_UNAVAILABLE.has(errcode & 0xff) ? unavailable(error) : error;
}

const POSTGRES_RETRY = new Set(['40001', '40P01']);
/** Classes 08 connection, 53 resources, 57 operator, 58 system, 3D no such database, 28 refused; 25006 read-only. */
const POSTGRES_UNAVAILABLE = /^(?:08|53|57|58|3D|28)|^(?:25006|25P03)$/;
const SOCKET_UNAVAILABLE = /^(?:ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENOENT)/;
const CLIENT_UNAVAILABLE = /Connection terminated|timeout exceeded|Client has encountered|Query read timeout/;

function translatePostgres(error: DriverError): unknown {
  const code = typeof error.code === 'string' ? error.code : '';
  if (code === '23505') return new UniqueViolation(String(error.constraint), error);
  if (POSTGRES_RETRY.has(code)) return new WriteConflict(error);
  const lost = POSTGRES_UNAVAILABLE.test(code) || SOCKET_UNAVAILABLE.test(code);
  return lost || CLIENT_UNAVAILABLE.test(String(error.message)) ? unavailable(error) : error;
}

/** A driver's error as the house knows it: `UniqueViolation`, `WriteConflict`, `unavailable`, or unchanged (a bug). */
export function translateDatabaseError(error: unknown): unknown {
  if (error instanceof Failure || error instanceof UniqueViolation) return error;
  if (error instanceof AggregateError) return translateDatabaseError(error.errors[0]);
  if (typeof error !== 'object' || error === null) return error;
  return 'errcode' in error ? translateSqlite(error) : translatePostgres(error);
}
