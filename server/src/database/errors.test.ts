import { describe, expect, test } from 'vitest';
import { Failure } from '../failure.ts';
import { translateDatabaseError, UniqueViolation, WriteConflict } from './errors.ts';

/** Errors as node:sqlite and pg throw them. */
const sqlite = (errcode: number) =>
  Object.assign(new Error('a message of SQLite'), { code: 'ERR_SQLITE_ERROR', errcode });
const postgres = (code: string, message = 'a message') => Object.assign(new Error(message), { code });

describe('an error of a driver', () => {
  test.each([
    ['SQLITE_BUSY', sqlite(5)],
    ['SQLITE_BUSY_SNAPSHOT', sqlite(517)],
    ['SQLITE_READONLY_DIRECTORY', sqlite(1544)],
    ['SQLITE_IOERR_WRITE', sqlite(778)],
    ['SQLITE_FULL', sqlite(13)],
    ['SQLITE_CANTOPEN', sqlite(14)],
    ['SQLITE_NOTADB', sqlite(26)],
    ['connection_failure', postgres('08006')],
    ['invalid_password', postgres('28P01')],
    ['invalid_catalog_name', postgres('3D000')],
    ['too_many_connections', postgres('53300')],
    ['disk_full', postgres('53100')],
    ['admin_shutdown', postgres('57P01')],
    ['statement_timeout', postgres('57014')],
    ['read_only_sql_transaction', postgres('25006')],
    ['idle_in_transaction_session_timeout', postgres('25P03')],
    ['io_error', postgres('58030')],
    ['a refused socket', postgres('ECONNREFUSED')],
    ['an unknown host', postgres('ENOTFOUND')],
    ['two refused addresses', new AggregateError([postgres('ECONNREFUSED'), postgres('ECONNREFUSED')])],
    ['a connection that ended', new Error('Connection terminated unexpectedly')],
    ['a pool that is exhausted', new Error('timeout exceeded when trying to connect')],
  ])('%s is unavailable, with its cause kept inside', (_, error) => {
    const failure = translateDatabaseError(error);
    expect(failure).toBeInstanceOf(Failure);
    expect(failure).toMatchObject({ code: 'unavailable', status: 503, details: { retryAfterSeconds: 1 } });
    expect((failure as Failure).details.cause).toBeInstanceOf(Error);
    expect((failure as Failure).message).not.toContain('a message');
  });

  test.each([
    ['SQLite, primary key', sqlite(1555)],
    ['SQLite, unique index', sqlite(2067)],
    ['PostgreSQL', Object.assign(postgres('23505'), { constraint: 'users_email_key' })],
  ])('of a unique index is a UniqueViolation: %s', (_, error) => {
    expect(translateDatabaseError(error)).toBeInstanceOf(UniqueViolation);
  });

  test.each(['40001', '40P01'])('%s of PostgreSQL is a conflict that may be tried again', (code) => {
    expect(translateDatabaseError(postgres(code))).toBeInstanceOf(WriteConflict);
  });

  test('that is a bug stays what it is', () => {
    const bugs = [
      sqlite(1),
      sqlite(787),
      postgres('42601'),
      postgres('23503'),
      new TypeError('no'),
      'text',
      null,
      undefined,
    ];
    for (const bug of bugs) expect(translateDatabaseError(bug)).toBe(bug);
  });

  test('is translated once', () => {
    for (const done of [new Failure('not_found'), new UniqueViolation('x', null), new WriteConflict(null)]) {
      expect(translateDatabaseError(done)).toBe(done);
    }
  });
});
