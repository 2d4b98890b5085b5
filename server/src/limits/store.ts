import { type Kysely, sql } from 'kysely';
import type { Tables } from '../database/index.ts';
import {
  type BucketState,
  charged,
  currentState,
  grantable,
  HOUR_MS,
  LATEST_ARRIVAL_NS,
  type Limits,
  NS_PER_MS,
  paceOf,
} from './decision.ts';
import type { LimitBucketRow } from './tables.ts';

type StoredBucket = Omit<LimitBucketRow, 'bucket'>;

const COLUMNS = ['window_started_at', 'used', 'arrival_ns', 'granted'] as const;

const toState = ({ window_started_at, used, arrival_ns }: StoredBucket): BucketState => ({
  windowStartedAtMs: window_started_at,
  used,
  arrivalNs: arrival_ns,
});

/** So many requests of one cost, to be settled together. */
export interface Ask {
  bucket: string;
  limits: Limits;
  cost: number;
  requests: number;
  nowMs: number;
}

export async function readBucket(read: Kysely<Tables>, bucket: string): Promise<BucketState | undefined> {
  const row = await read.selectFrom('limit_buckets').select(COLUMNS).where('bucket', '=', bucket).executeTakeFirst();
  return row && toState(row);
}

const bigint = (value: number | null | undefined) => sql`cast(${value ?? null} as bigint)`;

/** Without it the planner copies each expression into those that use it, and takes longer than all the rest together. */
const PLANNED_APART = sql`offset 0`;

/** The kept bucket as it stands now: `currentState` of decision.ts, with the question beside it. */
function currentBucket({ limits, cost, requests, nowMs }: Ask) {
  const pace = limits.perSecond === null ? undefined : paceOf(limits.perSecond);
  const age = sql`ask.now_ms - limit_buckets.window_started_at`;
  const isOver = sql`${age} >= ${sql.lit(HOUR_MS)} or ${age} < ${sql.lit(-HOUR_MS)}`;
  return sql`(
    select moved.*, case
      when moved_arrival < elapsed or moved_arrival - elapsed > ${sql.lit(LATEST_ARRIVAL_NS)} then elapsed
      else moved_arrival end as arrival
    from (
      select began.*, (now_ms - opened) * ${sql.lit(NS_PER_MS)} as elapsed,
        limit_buckets.arrival_ns + (limit_buckets.window_started_at - opened) * ${sql.lit(NS_PER_MS)} as moved_arrival
      from (
        select ask.*,
          case when ${isOver} then ask.now_ms else limit_buckets.window_started_at end as opened,
          case when ${isOver} then 0 else limit_buckets.used end as spent
        from (
          select ${bigint(nowMs)} as now_ms, ${bigint(cost)} as cost, ${bigint(requests)} as requests,
            ${bigint(limits.perHour)} as per_hour, ${bigint(pace?.intervalNs)} as interval_ns,
            ${bigint(pace?.capacityNs)} as capacity_ns
        ) as ask
      ) as began
      ${PLANNED_APART}
    ) as moved
  ) as bucket_now`;
}

/** One statement, for any number of processes at once: grants as many of the requests as fit, and says how many. */
async function grantInto(read: Kysely<Tables>, ask: Ask, fresh: StoredBucket): Promise<StoredBucket> {
  const { rows } = await sql<StoredBucket>`
    insert into limit_buckets (bucket, window_started_at, used, arrival_ns, granted)
    values (${ask.bucket}, ${fresh.window_started_at}, ${fresh.used}, ${fresh.arrival_ns}, ${fresh.granted})
    on conflict (bucket) do update set (window_started_at, used, arrival_ns, granted) = (
      select
        case when fitting = 0 then limit_buckets.window_started_at else opened end,
        case when fitting = 0 then limit_buckets.used else spent + fitting * cost end,
        case when fitting = 0 then limit_buckets.arrival_ns
          else arrival + fitting * cost * coalesce(interval_ns, 0) end,
        fitting
      from (
        select bucket_now.*, greatest(0, least(requests,
          coalesce(div(per_hour - spent, cost), requests),
          coalesce(div(elapsed + capacity_ns - arrival, cost * interval_ns), requests))) as fitting
        from ${currentBucket(ask)}
        ${PLANNED_APART}
      ) as decided
    )
    returning window_started_at, used, arrival_ns, granted`.execute(read);
  const [row] = rows;
  if (!row) throw new Error('the limits statement returned no row');
  return row;
}

/** Settles the requests: how many are granted, and the bucket after that. */
export async function spendFromBucket(
  read: Kysely<Tables>,
  ask: Ask,
): Promise<{ granted: number; state: BucketState | undefined }> {
  const { bucket, limits, cost, requests, nowMs } = ask;
  const empty = currentState(undefined, nowMs);
  const granted = cost === 0 ? 0 : Math.min(requests, grantable(empty, limits, cost, nowMs));
  // What an empty bucket refuses, every bucket refuses: nothing to write.
  if (granted === 0) return { granted: cost === 0 ? requests : 0, state: await readBucket(read, bucket) };
  const { windowStartedAtMs, used, arrivalNs } = charged(empty, limits, cost, granted);
  const fresh = { window_started_at: windowStartedAtMs, used, arrival_ns: arrivalNs, granted };
  const row = await grantInto(read, ask, fresh);
  return { granted: row.granted, state: toState(row) };
}

/** Takes back from a bucket's hour, as one statement. */
export async function giveBackToBucket(read: Kysely<Tables>, bucket: string, cost: number): Promise<void> {
  const used = sql<number>`case when used < ${cost} then 0 else used - ${cost} end`;
  await read.updateTable('limit_buckets').set({ used }).where('bucket', '=', bucket).execute();
}

/** Removes up to `limit` buckets whose window opened before; returns how many there were. */
export async function deleteBuckets(read: Kysely<Tables>, openedBeforeMs: number, limit: number): Promise<number> {
  const ended = read
    .selectFrom('limit_buckets')
    .select('bucket')
    .where('window_started_at', '<', openedBeforeMs)
    .limit(limit);
  const { numDeletedRows } = await read
    .deleteFrom('limit_buckets')
    .where('bucket', 'in', ended)
    // Asked again of the locked row: another process may have opened a new window meanwhile.
    .where('window_started_at', '<', openedBeforeMs)
    .executeTakeFirst();
  return Number(numDeletedRows);
}
