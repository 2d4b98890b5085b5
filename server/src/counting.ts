import type { Config } from './config/index.ts';
import type { Database } from './database/index.ts';
import type { Jobs } from './jobs/index.ts';
import {
  createMemoryLimiter,
  createPostgresLimiter,
  createQuotas,
  createRedisLimiter,
  createResilientLimiter,
  type Limiter,
  type Quotas,
} from './limits/index.ts';
import type { Surroundings } from './surroundings.ts';

/** Where this installation counts. */
export interface Counting {
  limiter: Limiter;
  /** Counts guesses at passwords and codes: never open, also when counters are lost. */
  guesses: Limiter;
  quotas: Quotas;
  /** Whether counters shared with other processes are lost at the moment. */
  isDegraded(): boolean;
  /** Whether what counters are shared through answers; see `healthRoutes`. */
  checks: Record<string, () => Promise<void>>;
  addJobs(jobs: Jobs): void;
  /** Gives reserved units back; after the last request. */
  close(): Promise<void>;
}

export interface CountingOptions {
  config: Config;
  surroundings: Surroundings;
  database: Database;
  onDegraded(degraded: boolean): void;
}

const REDIS_TIMEOUT_MS = 80;
/** It is the database of everything else too: when it is slow, calls are slow, and counting alone would over-serve. */
const POSTGRES_TIMEOUT_MS = 1000;

interface SharedLimiter {
  limiter: Limiter;
  guesses: Limiter;
  timeoutMs: number;
  prune?: () => Promise<void>;
  checks?: Counting['checks'];
}

/** Redis where there is one, else the database that the processes share; nothing where there is one process. */
async function sharedLimiter({ config, surroundings, database }: CountingOptions): Promise<SharedLimiter | null> {
  const { clock } = surroundings;
  if (config.redisUrl !== null) {
    const limiter = await createRedisLimiter({ url: config.redisUrl });
    return { limiter, guesses: limiter, timeoutMs: REDIS_TIMEOUT_MS, checks: { redis: limiter.ping } };
  }
  if (!database.capabilities.manyProcesses) return null;
  const limiter = createPostgresLimiter({ database, clock });
  const guesses = createPostgresLimiter({ database, clock, remembersRefusals: false });
  return { limiter, guesses, timeoutMs: POSTGRES_TIMEOUT_MS, prune: limiter.prune };
}

export async function createCounting(options: CountingOptions): Promise<Counting> {
  const { config, surroundings, database, onDegraded } = options;
  const { clock, log } = surroundings;
  const quotas = createQuotas({ database, clock });
  const shared = await sharedLimiter(options);
  const { limitsOnOutage: policy } = config;
  const resilient =
    shared && createResilientLimiter({ shared: shared.limiter, clock, policy, timeoutMs: shared.timeoutMs });
  resilient?.onDegraded((degraded, err) => {
    onDegraded(degraded);
    if (degraded) log.warn({ err, policy: config.limitsOnOutage }, 'limit counters are lost');
    else log.info('limit counters are back');
  });
  const limiter = resilient ?? createMemoryLimiter({ clock });
  const guesses = shared
    ? createResilientLimiter({ shared: shared.guesses, clock, policy: 'local', timeoutMs: shared.timeoutMs })
    : createMemoryLimiter({ clock });
  return {
    limiter,
    guesses,
    quotas,
    isDegraded: () => resilient?.degraded ?? false,
    checks: shared?.checks ?? {},
    addJobs: (jobs) => {
      jobs.add({ name: 'quotas.give_back', intervalMs: 1000, runs: 'each', run: quotas.giveBackIdle });
      jobs.add({ name: 'quotas.prune', intervalMs: 3_600_000, runs: 'one', run: quotas.prune });
      const prune = shared?.prune;
      if (prune) jobs.add({ name: 'limits.prune', intervalMs: 600_000, runs: 'one', run: prune });
    },
    close: async () => {
      await quotas
        .release()
        .catch((err: unknown) => log.error({ err }, 'reserved quota units could not be given back'));
      await guesses.close();
      await limiter.close();
    },
  };
}
