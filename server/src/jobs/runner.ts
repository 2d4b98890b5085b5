import type { Clock } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { dropLeases, takeLease } from './store.ts';

export interface Job {
  name: string;
  intervalMs: number;
  /** `one`: in one process at a time, under a lease. `each`: in every process. */
  runs: 'one' | 'each';
  /** May run twice at once when a lease expires under it: the work itself must bear that. */
  run(): Promise<void>;
}

export interface Jobs {
  add(job: Job): void;
  start(): void;
  /** Ends the timers, waits for what is running, gives leases back. */
  stop(): Promise<void>;
}

export interface JobsOptions {
  database: Database;
  clock: Clock;
  /** Names this process. */
  holder: string;
  onError(name: string, error: unknown): void;
}

const MIN_LEASE_MS = 10_000;

/** Periodic work. On a database with one serving process no lease is written. */
export function createJobs({ database, clock, holder, onError }: JobsOptions): Jobs {
  const jobs: Job[] = [];
  const timers: NodeJS.Timeout[] = [];
  const running = new Map<string, Promise<void>>();
  const leasedUntilMs = new Map<string, number>();

  const holdsLease = async ({ name, intervalMs }: Job): Promise<boolean> => {
    const nowMs = clock.nowMs();
    const leaseMs = Math.max(MIN_LEASE_MS, intervalMs * 3);
    const untilMs = leasedUntilMs.get(name) ?? 0;
    if (untilMs - nowMs > leaseMs / 2) return true;
    const expiresAtMs = nowMs + leaseMs;
    const won = await database.write((tx) => takeLease(tx, { name, holder, expires_at: expiresAtMs }, nowMs));
    if (won) leasedUntilMs.set(name, expiresAtMs);
    return won;
  };

  const runOnce = async (job: Job) => {
    try {
      if (job.runs === 'one' && database.capabilities.manyProcesses && !(await holdsLease(job))) return;
      await job.run();
    } catch (error) {
      onError(job.name, error);
    } finally {
      running.delete(job.name);
    }
  };

  const start = (job: Job) => {
    const timer = setInterval(() => {
      if (!running.has(job.name)) running.set(job.name, runOnce(job));
    }, job.intervalMs);
    timers.push(timer);
  };

  return {
    add: (job) => jobs.push(job),
    start: () => jobs.forEach(start),
    stop: async () => {
      timers.forEach(clearInterval);
      await Promise.all(running.values());
      if (leasedUntilMs.size === 0) return;
      await database.write((tx) => dropLeases(tx, holder)).catch((error) => onError('leases', error));
    },
  };
}
