import { type AliasedExpression, type Kysely, sql } from 'kysely';
import { lockRowsShared, type Tables, type Tx } from '../../database/index.ts';
import type { DeniedTokenRow, TokenWatermarkRow } from './tables.ts';

const EPOCH = 'epoch';

/** False when it was denied already. */
export async function insertDenied(tx: Tx, row: DeniedTokenRow): Promise<boolean> {
  const added = await tx.query
    .insertInto('denied_tokens')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returning('jti')
    .executeTakeFirst();
  return added !== undefined;
}

/**
 * The next number, in one statement: more than every number before, and no less than the time, so that a restored copy
 * of the database gives out no number twice. Whoever asks waits for those before to commit: numbers appear in order.
 */
export async function takeNumber(tx: Tx, nowMs: number): Promise<number> {
  const { number } = await tx.query
    .insertInto('token_watermarks')
    .values({ subject: EPOCH, number: nowMs, expires_at: null })
    .onConflict((conflict) =>
      conflict.column('subject').doUpdateSet({
        number: sql`case when token_watermarks.number < excluded.number then excluded.number
          else token_watermarks.number + 1 end`,
      }),
    )
    .returning('number')
    .executeTakeFirstOrThrow();
  return number;
}

/** Makes the row that numbers are taken from, if there is none: only a row that is there can be locked. */
export async function insertMissingEpoch(tx: Tx, nowMs: number): Promise<void> {
  await tx.query
    .insertInto('token_watermarks')
    .values({ subject: EPOCH, number: nowMs, expires_at: null })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The newest number, for a RETURNING: none is given out from this statement on until its transaction ends. */
export function heldNumber(query: Kysely<Tables>): AliasedExpression<number | null, 'epoch'> {
  const newest = query.selectFrom('token_watermarks').select('number').where('subject', '=', sql.lit(EPOCH));
  return lockRowsShared(query, newest).$asScalar().as('epoch');
}

/** A watermark rises only, and stays as long as its longest use wants. */
export async function upsertWatermark(tx: Tx, row: TokenWatermarkRow): Promise<void> {
  await tx.query
    .insertInto('token_watermarks')
    .values(row)
    .onConflict((conflict) =>
      conflict.column('subject').doUpdateSet({
        number: row.number,
        expires_at: sql`case when token_watermarks.expires_at > excluded.expires_at
          then token_watermarks.expires_at else excluded.expires_at end`,
      }),
    )
    .execute();
}

/** The newest number as the calling statement sees it, for a RETURNING or SELECT. */
export const EPOCH_NUMBER = sql<number>`coalesce(
  (select number from token_watermarks as newest where newest.subject = ${sql.lit(EPOCH)}), 0)`;

/** A page of the table, in the order of its key. */
export function deniedAfter(read: Kysely<Tables>, jti: string, limit: number): Promise<DeniedTokenRow[]> {
  return read.selectFrom('denied_tokens').selectAll().where('jti', '>', jti).orderBy('jti').limit(limit).execute();
}

export function watermarksAfter(read: Kysely<Tables>, subject: string, limit: number): Promise<TokenWatermarkRow[]> {
  return read
    .selectFrom('token_watermarks')
    .selectAll()
    .where('subject', '>', subject)
    .orderBy('subject')
    .limit(limit)
    .execute();
}

/** Asks the tables themselves, for when what this process has heard may be old. */
export async function isDeniedInStore(
  read: Kysely<Tables>,
  token: { jti: string; epoch: number; subjects: readonly string[] },
): Promise<boolean> {
  const denied = await read
    .selectFrom('denied_tokens')
    .select('jti as name')
    .where('jti', '=', token.jti)
    .unionAll(
      read
        .selectFrom('token_watermarks')
        .select('subject as name')
        .where('subject', 'in', [...token.subjects, ''])
        .where('number', '>', token.epoch),
    )
    .limit(1)
    .executeTakeFirst();
  return denied !== undefined;
}

/** Removes up to `limit` rows of each table that refuse nobody any more; returns whether there may be more. */
export async function deleteExpiredDenials(tx: Tx, nowMs: number, limit: number): Promise<boolean> {
  const jtis = tx.query.selectFrom('denied_tokens').select('jti').where('expires_at', '<', nowMs).limit(limit);
  const denied = await tx.query.deleteFrom('denied_tokens').where('jti', 'in', jtis).executeTakeFirst();
  const subjects = tx.query
    .selectFrom('token_watermarks')
    .select('subject')
    .where('expires_at', '<', nowMs)
    .limit(limit);
  const marks = await tx.query
    .deleteFrom('token_watermarks')
    .where('subject', 'in', subjects)
    // Asked again of the locked row: it may have risen meanwhile.
    .where('expires_at', '<', nowMs)
    .executeTakeFirst();
  return Number(denied.numDeletedRows) === limit || Number(marks.numDeletedRows) === limit;
}
