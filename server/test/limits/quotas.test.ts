import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Database } from '../../src/database/index.ts';
import { createQuotas, type Quota, type QuotaPeriod, type QuotaSpending, type Quotas } from '../../src/limits/index.ts';
import { DATABASES, type ManualClock, manualClock, temporaryFolder } from '../harness.ts';
import type { QuotaWork } from './quota-worker.ts';
import { closePlaces, type LimitsPlace, newBucket, newLimitsPlace } from './stores.ts';

const START_MS = Date.UTC(2030, 0, 31, 22, 30);
const HOUR_MS = 3_600_000;
const total = (limit: number): Quota => ({ limit, period: 'total' });

afterEach(closePlaces);

describe.each(DATABASES)('quotas on %s', (name) => {
  let where: LimitsPlace;
  let database: Database;
  let clock: ManualClock;
  let quotas: Quotas;
  let bucket: string;

  beforeEach(async () => {
    where = await newLimitsPlace(name);
    database = where.open();
    clock = manualClock(START_MS);
    quotas = createQuotas({ database, clock });
    bucket = newBucket();
  });

  const reserved = async () => {
    const rows = await database.read
      .selectFrom('quota_usage')
      .select('reserved')
      .where('bucket', '=', bucket)
      .execute();
    return rows.reduce((sum, row) => sum + row.reserved, 0);
  };
  const spendMany = (quota: Quota, calls: number, cost = 1): Promise<QuotaSpending[]> =>
    Promise.all(Array.from({ length: calls }, () => quotas.spend(bucket, quota, cost)));
  const countMany = async (quota: Quota, calls: number, cost = 1) =>
    (await spendMany(quota, calls, cost)).filter(({ allowed }) => allowed).length;
  /** Another process of the same installation; on SQLite the process after this one. */
  const another = () => createQuotas({ database: where.open(), clock });

  test('serves exactly N of 10 N parallel calls, and says what is left', async () => {
    const answers = await spendMany(total(300), 3000);
    const left = answers.filter(({ allowed }) => allowed).map(({ remaining }) => remaining);
    expect(left).toEqual(Array.from({ length: 300 }, (_, index) => 299 - index));
    expect(answers.at(-1)).toEqual({ allowed: false, limit: 300, remaining: 0, resetAtMs: null });
    expect(await reserved()).toBe(300);
  });

  test('serves from memory while a block lasts, with one reservation for all that wait', async () => {
    await Promise.all([quotas.spend(bucket, total(10_000), 1), quotas.spend(bucket, total(10_000), 1)]);
    expect(await reserved()).toBe(202);
    const answers = Array.from({ length: 200 }, () => quotas.spend(bucket, total(10_000), 1));
    expect(answers.some((answer) => answer instanceof Promise)).toBe(false);
    expect(await reserved()).toBe(202);
    const next = quotas.spend(bucket, total(10_000), 1);
    expect(next).toBeInstanceOf(Promise);
    expect(await next).toMatchObject({ allowed: true, remaining: 10_000 - 203 });
  });

  test('spends all of a cost or nothing', async () => {
    expect(await countMany(total(10), 1, 7)).toBe(1);
    expect((await spendMany(total(10), 1, 7))[0]).toMatchObject({ allowed: false, remaining: 3 });
    expect(await countMany(total(10), 2, 2)).toBe(1);
    expect(await countMany(total(10), 2, 1)).toBe(1);
    expect(await countMany(total(10), 1, 11)).toBe(0);
  });

  test('a cost above a block is reserved whole', async () => {
    expect(await countMany(total(5000), 3, 2400)).toBe(2);
    expect((await spendMany(total(5000), 1, 0))[0]).toMatchObject({ allowed: true, remaining: 200 });
  });

  test('only looks at cost 0, and writes nothing', async () => {
    const look = () => quotas.spend(bucket, { limit: 5, period: 'month' }, 0);
    const resetAtMs = Date.UTC(2030, 1, 1);
    expect(await look()).toEqual({ allowed: true, limit: 5, remaining: 5, resetAtMs });
    expect(await reserved()).toBe(0);
    await countMany({ limit: 5, period: 'month' }, 9);
    expect(await look()).toEqual({ allowed: true, limit: 5, remaining: 0, resetAtMs });
  });

  test('nothing passes a limit of 0', async () => {
    expect(await countMany(total(0), 5)).toBe(0);
    expect(await reserved()).toBe(0);
  });

  test('keeps the count when the limit is edited, and never serves above the new one', async () => {
    expect(await countMany(total(1000), 100)).toBe(100);
    // Units that are still in memory were reserved under the old limit.
    expect(await countMany(total(110), 500)).toBe(10);
    expect(await countMany(total(50), 10)).toBe(0);
    expect(await countMany(total(150), 500)).toBe(40);
    expect(await reserved()).toBe(150);
  });

  test('a refusal is remembered for a moment, and not longer', async () => {
    const other = another();
    expect(await countMany(total(10), 1)).toBe(1);
    for (let call = 0; call < 9; call += 1) await other.spend(bucket, total(10), 1);
    expect(await countMany(total(10), 20)).toBe(0);
    expect(quotas.spend(bucket, total(10), 1)).toMatchObject({ allowed: false });
    clock.advance(1000);
    const asked = quotas.spend(bucket, total(10), 1);
    expect(asked).toBeInstanceOf(Promise);
    expect(await asked).toMatchObject({ allowed: false });
  });

  test.each([
    ['hour', Date.UTC(2030, 0, 31, 23)],
    ['day', Date.UTC(2030, 1, 1)],
    ['month', Date.UTC(2030, 1, 1)],
  ] as [QuotaPeriod, number][])('a new %s starts afresh, and the old one stays counted', async (period, endMs) => {
    const quota: Quota = { limit: 60, period };
    const answers = await spendMany(quota, 100);
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(60);
    expect(new Set(answers.map(({ resetAtMs }) => resetAtMs))).toEqual(new Set([endMs]));
    clock.set(endMs - 1);
    expect(await countMany(quota, 10)).toBe(0);
    clock.set(endMs);
    expect(await countMany(quota, 100)).toBe(60);
    // A clock that jumps back is neither free nor stuck.
    clock.set(START_MS);
    expect(await countMany(quota, 100)).toBe(0);
    clock.set(endMs + 1000);
    expect(await countMany(quota, 100)).toBe(0);
  });

  test('a clock set back by years neither blocks what is left nor adds to it', async () => {
    expect(await countMany(total(100), 30)).toBe(30);
    clock.set(Date.UTC(2020, 0, 1));
    expect(await countMany(total(100), 30)).toBe(30);
    await quotas.giveBackIdle();
    clock.set(START_MS);
    expect(await countMany(total(100), 300)).toBe(40);
  });

  test('units of an idle block go back after seconds, for another process to serve', async () => {
    const other = another();
    expect(await countMany(total(1000), 1)).toBe(1);
    const holds = (await reserved()) - 1;
    expect(holds).toBeGreaterThan(0);
    await quotas.giveBackIdle();
    expect(await reserved()).toBe(1 + holds);
    clock.advance(3000);
    await quotas.giveBackIdle();
    expect(await reserved()).toBe(1);
    const answers = await Promise.all(Array.from({ length: 2000 }, () => other.spend(bucket, total(1000), 1)));
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(999);
  });

  test('a graceful stop gives everything back, also what was being reserved', async () => {
    const buckets = Array.from({ length: 250 }, newBucket);
    const calls = buckets.map((one) => quotas.spend(one, total(1000), 1));
    await quotas.release();
    await Promise.all(calls);
    const rows = await database.read.selectFrom('quota_usage').selectAll().execute();
    expect(rows).toHaveLength(250);
    expect(new Set(rows.map((row) => row.reserved))).toEqual(new Set([1]));
  });

  test('a reservation does not join the transaction of the request that caused it', async () => {
    const hooked: unknown[] = [];
    const run = async () => {
      await quotas.spend(bucket, total(10), 1);
      return database.write(async () => 'the work');
    };
    await database.withCommitHook(async (_tx, result) => void hooked.push(result), run);
    expect(hooked).toEqual(['the work']);
  });

  test('rejects while the database is lost, and serves on what it holds', async () => {
    expect(await countMany(total(1000), 1)).toBe(1);
    const holds = (await reserved()) - 1;
    await database.close();
    expect(await countMany(total(1000), holds)).toBe(holds);
    await expect(Promise.all([quotas.spend(bucket, total(1000), 1)])).rejects.toThrow();
    await expect(Promise.all([quotas.spend(newBucket(), total(1000), 1)])).rejects.toThrow();
  });

  test('prunes periods that are long over, and no total', async () => {
    for (const period of ['hour', 'day', 'month', 'total'] as const) await countMany({ limit: 5, period }, 1);
    const periods = async () => {
      const rows = await database.read.selectFrom('quota_usage').select('period').orderBy('period').execute();
      return rows.map(({ period }) => period);
    };
    clock.advance(7 * 24 * HOUR_MS);
    await quotas.prune();
    expect(await periods()).toEqual(['day', 'hour', 'month', 'total']);
    clock.advance(HOUR_MS);
    await quotas.prune();
    expect(await periods()).toEqual(['day', 'month', 'total']);
    clock.advance(40 * 24 * HOUR_MS);
    await quotas.prune();
    expect(await periods()).toEqual(['total']);
  });

  test('kill -9 under load loses at most one block, and serves nothing twice', async () => {
    const limit = 5000;
    const atOnce = 20;
    const folder = temporaryFolder();
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const servedFile = join(folder, 'served');
    const work: QuotaWork = { place: where.place, servedFile, bucket, limit, atOnce };
    const script = fileURLToPath(new URL('./quota-worker.ts', import.meta.url));
    const start = () =>
      spawn(process.execPath, ['--conditions=latchkey-source', script, JSON.stringify(work)], { stdio: 'inherit' });
    const served = () => (existsSync(servedFile) ? statSync(servedFile).size : 0);
    const first = start();
    const ended = once(first, 'exit');
    await vi.waitFor(() => expect(served()).toBeGreaterThan(limit / 10), { timeout: 20_000, interval: 1 });
    first.kill('SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
    const servedBefore = served();
    expect(servedBefore).toBeLessThan(limit);
    expect(await once(start(), 'exit')).toEqual([0, null]);
    expect(served()).toBeLessThanOrEqual(limit);
    expect(served()).toBeGreaterThanOrEqual(limit - (atOnce + limit / 50));
  });
});
