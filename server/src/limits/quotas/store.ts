import type { Kysely } from 'kysely';
import type { Tables, Tx } from '../../database/index.ts';
import type { QuotaPeriod } from './quota.ts';

/** One bucket in one period: a row. */
export interface Usage {
  bucket: string;
  period: QuotaPeriod;
  startMs: number;
}

export async function readReserved(read: Kysely<Tables>, { bucket, period, startMs }: Usage): Promise<number> {
  const row = await read
    .selectFrom('quota_usage')
    .select('reserved')
    .where('bucket', '=', bucket)
    .where('period', '=', period)
    .where('period_start', '=', startMs)
    .executeTakeFirst();
  return row?.reserved ?? 0;
}

/** Reserves the whole block or nothing, in one statement; returns what is reserved then, undefined when it did not fit. */
export async function reserveBlock(
  tx: Tx,
  { bucket, period, startMs }: Usage,
  block: number,
  limit: number,
): Promise<number | undefined> {
  if (block > limit) return undefined;
  const row = await tx.query
    .insertInto('quota_usage')
    .values({ bucket, period, period_start: startMs, reserved: block })
    .onConflict((conflict) =>
      conflict
        .columns(['bucket', 'period', 'period_start'])
        .doUpdateSet((set) => ({ reserved: set('quota_usage.reserved', '+', block) }))
        .where('quota_usage.reserved', '<=', limit - block),
    )
    .returning('reserved')
    .executeTakeFirst();
  return row?.reserved;
}

/** Gives back units that nobody was served. */
export async function giveBack(tx: Tx, { bucket, period, startMs }: Usage, units: number): Promise<void> {
  await tx.query
    .updateTable('quota_usage')
    .set((set) => ({ reserved: set('reserved', '-', units) }))
    .where('bucket', '=', bucket)
    .where('period', '=', period)
    .where('period_start', '=', startMs)
    .where('reserved', '>=', units)
    .execute();
}

export async function deletePeriods(tx: Tx, period: QuotaPeriod, startedBeforeMs: number): Promise<void> {
  await tx.query
    .deleteFrom('quota_usage')
    .where('period', '=', period)
    .where('period_start', '<', startedBeforeMs)
    .execute();
}
