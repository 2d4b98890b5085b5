import type { Kysely } from 'kysely';
import { compileOnce, type Tables, type Tx } from '../database/index.ts';
import type { Change } from './change.ts';
import type { NumberRange } from './number-line.ts';

export interface NumberedChange extends Change {
  seq: number;
}

const COLUMNS = ['seq', 'kind', 'ref'] as const;

const insertOne = compileOnce((query) =>
  query.insertInto('changes').values({ kind: '', ref: '', changed_at: 0 }).returning('seq'),
);

/** Writes the row and returns its number. */
export async function insertChange(tx: Tx, { kind, ref }: Change, nowMs: number): Promise<number> {
  const [row] = (await insertOne(tx.query, [kind, ref, nowMs])) as { seq: number }[];
  if (!row) throw new Error('an inserted change has no number');
  return row.seq;
}

export interface Unread {
  /** Continues behind this number. */
  after: number;
  highest: number;
  gaps: readonly NumberRange[];
  limit: number;
}

/** Rows numbered above `highest`, and those within `gaps` that have appeared since, in order. */
export function readChanges(read: Kysely<Tables>, { after, highest, gaps, limit }: Unread): Promise<NumberedChange[]> {
  const query = read.selectFrom('changes').select(COLUMNS).where('seq', '>', after).orderBy('seq').limit(limit);
  if (gaps.length === 0) return query.execute();
  return query
    .where((where) =>
      where.or([where('seq', '>', highest), ...gaps.map(({ from, to }) => where.between('seq', from, to))]),
    )
    .execute();
}

/** The lowest and the highest number there are; null when there are none. */
export async function numberBounds(read: Kysely<Tables>): Promise<{ lowest: number | null; highest: number | null }> {
  // Two look-ups in the index: one query for both aggregates would read the whole table on SQLite.
  return read
    .selectNoFrom((select) => [
      select
        .selectFrom('changes')
        .select((at) => at.fn.min('seq').as('seq'))
        .as('lowest'),
      select
        .selectFrom('changes')
        .select((at) => at.fn.max('seq').as('seq'))
        .as('highest'),
    ])
    .executeTakeFirstOrThrow();
}

/** The numbers of the newest rows, highest first. */
export async function newestNumbers(read: Kysely<Tables>, limit: number): Promise<number[]> {
  const rows = await read.selectFrom('changes').select('seq').orderBy('seq', 'desc').limit(limit).execute();
  return rows.map(({ seq }) => seq);
}

export async function deleteChangesBefore(tx: Tx, timeMs: number): Promise<void> {
  await tx.query.deleteFrom('changes').where('changed_at', '<', timeMs).execute();
}
