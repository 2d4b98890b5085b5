import { type Insertable, type Kysely, type Selectable, sql } from 'kysely';
import { compileForMany, compileInsert, compileOnce, type Tables, type Tx, valueRows } from '../database/index.ts';
import type { AuditBatchRow, AuditEventRow, AuditKeyRow } from './tables.ts';

export type StoredEvent = Selectable<AuditEventRow>;

type NewEvent = Omit<Insertable<AuditEventRow>, 'seq' | 'batch'>;

const insertRow = compileInsert<NewEvent>('audit_events');

export async function insertEvent(tx: Tx, row: NewEvent): Promise<void> {
  await insertRow(tx.query, row);
}

export async function eventExists(read: Kysely<Tables>, id: string): Promise<boolean> {
  const row = await read.selectFrom('audit_events').select('seq').where('id', '=', id).executeTakeFirst();
  return row !== undefined;
}

const selectUnsealedSeq = compileOnce((query) =>
  query.selectFrom('audit_events').select('seq').where('batch', 'is', null).limit(1),
);

export async function hasUnsealed(read: Kysely<Tables>): Promise<boolean> {
  return (await selectUnsealedSeq(read, [1])).length > 0;
}

const selectUnsealed = compileOnce((query) =>
  query.selectFrom('audit_events').selectAll().where('batch', 'is', null).orderBy('seq').limit(1),
);

export async function unsealedEvents(query: Kysely<Tables>, limit: number): Promise<StoredEvent[]> {
  return (await selectUnsealed(query, [limit])) as StoredEvent[];
}

const selectLastBatch = compileOnce((query) =>
  query.selectFrom('audit_batches').selectAll().orderBy('number', 'desc').limit(1),
);

export async function lastBatch(query: Kysely<Tables>): Promise<AuditBatchRow | undefined> {
  return (await selectLastBatch(query, [1]))[0] as AuditBatchRow | undefined;
}

const insertBatchRow = compileInsert<AuditBatchRow>('audit_batches');

const markSealed = compileForMany((query, count) => {
  const statement = sql`update audit_events set batch = sealed.column1
    from (${valueRows(['bigint', 'bigint'], count)}) as sealed where seq = sealed.column2`;
  return { compile: () => statement.compile(query) };
});

/** Refused by the primary key when another process sealed a batch with this number. */
export async function insertBatch(tx: Tx, batch: AuditBatchRow, seqs: number[]): Promise<void> {
  await insertBatchRow(tx.query, batch);
  await markSealed(
    tx.query,
    seqs.map((seq) => [batch.number, seq]),
  );
}

export function batchesAfter(read: Kysely<Tables>, number: number, limit: number): Promise<AuditBatchRow[]> {
  return read
    .selectFrom('audit_batches')
    .selectAll()
    .where('number', '>', number)
    .orderBy('number')
    .limit(limit)
    .execute();
}

export function eventsOfBatch(read: Kysely<Tables>, number: number): Promise<StoredEvent[]> {
  return read.selectFrom('audit_events').selectAll().where('batch', '=', number).orderBy('seq').execute();
}

export interface EventsWanted {
  afterSeq: number;
  /** Milliseconds since the epoch, from and before; null for no bound. */
  sinceMs: number | null;
  untilMs: number | null;
  limit: number;
}

/** Events in the order in which they were recorded. */
export function eventsAfter(read: Kysely<Tables>, wanted: EventsWanted): Promise<StoredEvent[]> {
  let query = read.selectFrom('audit_events').selectAll().where('seq', '>', wanted.afterSeq);
  if (wanted.sinceMs !== null) query = query.where('created_at', '>=', wanted.sinceMs);
  if (wanted.untilMs !== null) query = query.where('created_at', '<', wanted.untilMs);
  return query.orderBy('seq').limit(wanted.limit).execute();
}

/** The number of the event before the newest `count`; 0 when there are no more than these. */
export async function seqBeforeNewest(read: Kysely<Tables>, count: number): Promise<number> {
  const row = await read
    .selectFrom('audit_events')
    .select('seq')
    .orderBy('seq', 'desc')
    .limit(1)
    .offset(count)
    .executeTakeFirst();
  return row?.seq ?? 0;
}

/** Events that claim a seal which does not exist. */
export async function countStrayEvents(read: Kysely<Tables>): Promise<number> {
  const row = await read
    .selectFrom('audit_events')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('batch', 'is not', null)
    .where('batch', 'not in', (select) => select.selectFrom('audit_batches').select('number'))
    .executeTakeFirstOrThrow();
  return row.count;
}

export function auditKeys(query: Kysely<Tables>): Promise<AuditKeyRow[]> {
  return query.selectFrom('audit_keys').selectAll().orderBy('created_at', 'desc').execute();
}

/** Keeps the first key of that id, so that two processes that start together end up with one. */
export async function insertKey(tx: Tx, row: AuditKeyRow): Promise<void> {
  await tx.query
    .insertInto('audit_keys')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
