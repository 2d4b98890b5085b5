import { afterEach, describe, expect, test, vi } from 'vitest';
import { DATABASES, type DatabaseName, manualClock } from '../../test/harness.ts';
import { closeDatabases, newPlace } from '../../test/storage/databases.ts';
import type { Database } from '../database/index.ts';
import { createJobs, type Job, type Jobs } from './runner.ts';
import { jobsMigrations } from './tables.ts';

const started = new Set<Jobs>();

afterEach(async () => {
  for (const jobs of started) await stop(jobs);
  await closeDatabases();
});

async function stop(jobs: Jobs): Promise<void> {
  started.delete(jobs);
  await jobs.stop();
}

async function newGroup(kind: DatabaseName) {
  const openAgain = await newPlace(kind);
  const clock = manualClock();
  await (await openAgain()).migrate(jobsMigrations, { dryRun: false, nowMs: 1 });
  /** Another process with the same jobs: what it ran, by name. */
  const join = async (holder: string, jobs: (ran: string[]) => Partial<Job>[]) => {
    const database = await openAgain();
    const ran: string[] = [];
    const errors: unknown[] = [];
    const runner = createJobs({ database, clock, holder, onError: (name, error) => errors.push([name, error]) });
    for (const job of jobs(ran)) runner.add({ name: 'job', intervalMs: 5, runs: 'one', run: async () => {}, ...job });
    started.add(runner);
    runner.start();
    return { runner, database, ran, errors };
  };
  return { clock, join };
}

const counted = (ran: string[]): Partial<Job>[] => [{ run: async () => void ran.push('job') }];
const leases = (database: Database) => database.read.selectFrom('job_leases').selectAll().execute();

describe.each(DATABASES)('jobs on %s', (kind) => {
  test('run again and again until they are stopped', async () => {
    const { join } = await newGroup(kind);
    const { runner, ran } = await join('a', counted);
    await vi.waitFor(() => expect(ran.length).toBeGreaterThan(3), { timeout: 10_000 });
    await stop(runner);
    const { length } = ran;
    const other = await join('b', counted);
    await vi.waitFor(() => expect(other.ran.length).toBeGreaterThan(3), { timeout: 10_000 });
    expect(ran).toHaveLength(length);
  });

  test('never run twice at once in one process, and stop waits for the one that runs', async () => {
    const { join } = await newGroup(kind);
    const released = Promise.withResolvers<void>();
    let finished = false;
    const slow = (ran: string[]): Partial<Job>[] => [
      {
        run: async () => {
          ran.push('job');
          await released.promise;
          finished = true;
        },
      },
      { name: 'quick', run: async () => void ran.push('quick') },
    ];
    const { runner, ran } = await join('a', slow);
    const times = (name: string) => ran.filter((each) => each === name).length;
    await vi.waitFor(() => expect([times('job'), times('quick') > 5]).toEqual([1, true]), { timeout: 10_000 });
    const stopping = stop(runner);
    expect(finished).toBe(false);
    released.resolve();
    await stopping;
    expect(finished).toBe(true);
  });

  test('that fail are told about by name, and tried again', async () => {
    const { join } = await newGroup(kind);
    const failure = new Error('not today');
    const failing = (ran: string[]): Partial<Job>[] => [
      {
        name: 'moody',
        run: async () => {
          ran.push('job');
          if (ran.length < 3) throw failure;
        },
      },
    ];
    const { ran, errors } = await join('a', failing);
    await vi.waitFor(() => expect(ran.length).toBeGreaterThan(3), { timeout: 10_000 });
    expect(errors).toEqual([
      ['moody', failure],
      ['moody', failure],
    ]);
  });
});

describe('jobs of two processes on postgres', () => {
  test('run in one of them; the other takes over when its lease ends', async () => {
    const { clock, join } = await newGroup('postgres');
    const first = await join('first', counted);
    await vi.waitFor(() => expect(first.ran.length).toBeGreaterThan(2), { timeout: 10_000 });
    const second = await join('second', (ran) => [
      ...counted(ran),
      { name: 'each', runs: 'each', run: async () => void ran.push('each') },
    ]);
    await vi.waitFor(() => expect(second.ran.length).toBeGreaterThan(10), { timeout: 10_000 });
    expect(second.ran).not.toContain('job');
    expect(await leases(first.database)).toEqual([
      { name: 'job', holder: 'first', expires_at: clock.nowMs() + 10_000 },
    ]);
    // The first loses its database: it can neither renew its lease nor give it back.
    await first.database.close();
    clock.advance(10_001);
    await vi.waitFor(() => expect(second.ran).toContain('job'), { timeout: 10_000 });
    expect(await leases(second.database)).toMatchObject([{ name: 'job', holder: 'second' }]);
    expect(first.errors.length).toBeGreaterThan(0);
  });

  test('a holder keeps its lease by renewing it', async () => {
    const { clock, join } = await newGroup('postgres');
    const first = await join('first', counted);
    await vi.waitFor(() => expect(first.ran.length).toBeGreaterThan(0), { timeout: 10_000 });
    const second = await join('second', counted);
    for (let turn = 0; turn < 6; turn += 1) {
      clock.advance(6000);
      const { length } = first.ran;
      await vi.waitFor(() => expect(first.ran.length).toBeGreaterThan(length + 1), { timeout: 10_000 });
    }
    expect(second.ran).toEqual([]);
    expect((await leases(first.database))[0]).toMatchObject({ holder: 'first' });
  });

  test('a process that stops gives its leases back at once', async () => {
    const { join } = await newGroup('postgres');
    const first = await join('first', counted);
    await vi.waitFor(() => expect(first.ran.length).toBeGreaterThan(0), { timeout: 10_000 });
    const second = await join('second', counted);
    await stop(first.runner);
    await vi.waitFor(() => expect(second.ran.length).toBeGreaterThan(0), { timeout: 10_000 });
  });
});

test('on SQLite, which one process serves, no lease is written', async () => {
  const { join } = await newGroup('sqlite');
  const { ran, database } = await join('a', counted);
  await vi.waitFor(() => expect(ran.length).toBeGreaterThan(3), { timeout: 10_000 });
  expect(await leases(database)).toEqual([]);
});
