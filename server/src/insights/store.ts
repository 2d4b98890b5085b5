import type { Kysely } from 'kysely';
import { compileForMany, type Tables, type Tx } from '../database/index.ts';
import type { KeyActivityRow } from './tables.ts';

const BLANK: KeyActivityRow = { key_id: '', minute: 0, route: '', address: '', outcome: '', count: 0 };

const upsertActivity = compileForMany((query, count) =>
  query
    .insertInto('key_activity')
    .values(Array.from({ length: count }, () => BLANK))
    .onConflict((conflict) =>
      conflict
        .columns(['key_id', 'minute', 'route', 'address', 'outcome'])
        .doUpdateSet((set) => ({ count: set('key_activity.count', '+', set.ref('excluded.count')) })),
    ),
);

/** Adds to the counts of rows, no two of them alike, making those that are not there. */
export async function addActivity(tx: Tx, rows: readonly KeyActivityRow[]): Promise<void> {
  await upsertActivity(
    tx.query,
    rows.map(({ key_id, minute, route, address, outcome, count }) => [key_id, minute, route, address, outcome, count]),
  );
}

export type ActivityPosition = Omit<KeyActivityRow, 'key_id' | 'count'>;

/** Newest minute first; within a minute by route, address and outcome. */
export function listActivity(
  read: Kysely<Tables>,
  keyId: string,
  page: { after: ActivityPosition | null; limit: number },
): Promise<KeyActivityRow[]> {
  let query = read
    .selectFrom('key_activity')
    .selectAll()
    .where('key_id', '=', keyId)
    .orderBy('minute', 'desc')
    .orderBy('route')
    .orderBy('address')
    .orderBy('outcome')
    .limit(page.limit);
  const { after } = page;
  if (after) {
    query = query.where((where) =>
      where.or([
        where('minute', '<', after.minute),
        where.and([
          where('minute', '=', after.minute),
          where.or([
            where('route', '>', after.route),
            where.and([where('route', '=', after.route), where('address', '>', after.address)]),
            where.and([
              where('route', '=', after.route),
              where('address', '=', after.address),
              where('outcome', '>', after.outcome),
            ]),
          ]),
        ]),
      ]),
    );
  }
  return query.execute();
}

export async function deleteActivityBefore(tx: Tx, minute: number): Promise<void> {
  await tx.query.deleteFrom('key_activity').where('minute', '<', minute).execute();
}
