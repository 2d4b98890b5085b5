import type { Kysely } from 'kysely';
import { compileOnce, type Database, type Tables, type Tx } from '../database/index.ts';
import type { KeyActivityRow } from './tables.ts';

/** Adds to the count of a row, making it when it is not there. */
export function createAddActivity(database: Database): (tx: Tx, row: KeyActivityRow) => Promise<void> {
  const blank: KeyActivityRow = { key_id: '', minute: 0, route: '', address: '', outcome: '', count: 0 };
  const statement = compileOnce(database.read, (query) =>
    query
      .insertInto('key_activity')
      .values(blank)
      .onConflict((conflict) =>
        conflict
          .columns(['key_id', 'minute', 'route', 'address', 'outcome'])
          .doUpdateSet((set) => ({ count: set('key_activity.count', '+', set.ref('excluded.count')) })),
      ),
  );
  return async (tx, { key_id, minute, route, address, outcome, count }) => {
    await statement(tx.query, [key_id, minute, route, address, outcome, count]);
  };
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
