// One process of several that count together, started by `run-together.ts`: opens the store, waits for the word, makes
// all its calls at once, says how many were allowed.
import { once } from 'node:events';
import { systemClock } from '../../src/clock.ts';
import { createPostgresLimiter, createQuotas, createRedisLimiter, type Limits } from '../../src/limits/index.ts';
import { openPlace, type Place } from './stores.ts';

export interface LimitsWork {
  store: { redis: string } | { postgres: string };
  /** What is spent from: an hour's window, or a quota over the bucket's whole life. */
  of: 'window' | 'quota';
  buckets: { name: string; limit: number; calls: number }[];
}

/** How many calls were allowed, of each bucket. */
export type LimitsResult = number[];

type Spend = (bucket: string, limit: number) => Promise<{ allowed: boolean }> | { allowed: boolean };

interface Opened {
  spend: Spend;
  ping(): Promise<unknown>;
  close(): Promise<unknown>;
}

const hourly = (limit: number): Limits => ({ perHour: limit, perSecond: null });

async function openStore({ store, of }: LimitsWork): Promise<Opened> {
  if ('redis' in store) {
    const limiter = await createRedisLimiter({ url: store.redis });
    const spend: Spend = (bucket, limit) => limiter.spend(bucket, hourly(limit), 1);
    return { spend, ping: limiter.ping, close: limiter.close };
  }
  const database = openPlace(store satisfies Place);
  const quotas = createQuotas({ database, clock: systemClock });
  const limiter = createPostgresLimiter({ database, clock: systemClock });
  const spend: Spend =
    of === 'quota'
      ? (bucket, limit) => quotas.spend(bucket, { limit, period: 'total' }, 1)
      : (bucket, limit) => limiter.spend(bucket, hourly(limit), 1);
  return { spend, ping: database.ping, close: database.close };
}

const work = JSON.parse(process.argv[2] ?? '') as LimitsWork;
const opened = await openStore(work);
await opened.ping();
process.stdout.write('ready\n');
await once(process.stdin, 'data');
const allowedOf = async ({ name, limit, calls }: LimitsWork['buckets'][number]): Promise<number> => {
  const answers = await Promise.all(Array.from({ length: calls }, () => opened.spend(name, limit)));
  return answers.filter(({ allowed }) => allowed).length;
};
const result: LimitsResult = await Promise.all(work.buckets.map(allowedOf));
process.stdout.write(`${JSON.stringify(result)}\n`);
await opened.close();
