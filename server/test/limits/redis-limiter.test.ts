import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createRedisLimiter, type Limits, type RedisLimiter } from '../../src/limits/index.ts';
import { freePort } from '../services/free-port.ts';
import { startRedis } from '../services/redis.ts';
import type { Service } from '../services/service.ts';
import { askRedis, newBucket } from './stores.ts';

const tenAnHour: Limits = { perHour: 10, perSecond: null };

let redis: Service;
const limiters: RedisLimiter[] = [];
beforeAll(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  for (const limiter of limiters.splice(0)) await limiter.close();
});
afterAll(() => redis.stop());

async function open(url = redis.url): Promise<RedisLimiter> {
  const limiter = await createRedisLimiter({ url });
  limiters.push(limiter);
  return limiter;
}

describe('the limiter on Redis', () => {
  test('counts one bucket for all that share the Redis, by its clock', async () => {
    const [a, b] = [await open(), await open()];
    const bucket = newBucket();
    const calls = Array.from({ length: 100 }, (_, index) => (index % 2 ? a : b).spend(bucket, tenAnHour, 1));
    const answers = await Promise.all(calls);
    expect(answers.filter(({ allowed }) => allowed)).toHaveLength(10);
    expect(new Set(answers.map(({ hourResetAtMs }) => hourResetAtMs)).size).toBe(1);
  });

  test('works again when Redis has forgotten the script', async () => {
    const limiter = await open();
    const bucket = newBucket();
    await limiter.spend(bucket, tenAnHour, 1);
    await askRedis(redis.url, 'SCRIPT', 'FLUSH');
    expect(await limiter.spend(bucket, tenAnHour, 1)).toMatchObject({ allowed: true, hourRemaining: 8 });
  });

  test('leaves a key that ends with its window, and none for looks and refusals', async () => {
    const limiter = await open();
    const bucket = newBucket();
    const key = `latchkey:limit:${bucket}`;
    await limiter.spend(bucket, tenAnHour, 0);
    await limiter.spend(bucket, tenAnHour, 11);
    expect(await askRedis(redis.url, 'EXISTS', key)).toBe('0');
    const { hourResetAtMs } = await limiter.spend(bucket, tenAnHour, 1);
    expect(Number(await askRedis(redis.url, 'PEXPIRETIME', key))).toBeGreaterThanOrEqual(hourResetAtMs);
    expect(Number(await askRedis(redis.url, 'PTTL', key))).toBeLessThanOrEqual(3_600_000);
  });

  test('says why a key that holds something else cannot be counted, and goes on with others', async () => {
    const limiter = await open();
    const bucket = newBucket();
    await askRedis(redis.url, 'LPUSH', `latchkey:limit:${bucket}`, 'x');
    await expect(limiter.spend(bucket, tenAnHour, 1)).rejects.toThrow('WRONGTYPE');
    expect(await limiter.spend(newBucket(), tenAnHour, 1)).toMatchObject({ allowed: true });
  });

  test('opens without a Redis, and refuses to count', async () => {
    const port = await freePort();
    const limiter = await open(`redis://127.0.0.1:${port}`);
    await expect(limiter.spend(newBucket(), tenAnHour, 1)).rejects.toThrow();
    await expect(limiter.ping()).rejects.toThrow();
  });

  test('settles every call to a peer that accepts and never answers', async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => void sockets.push(socket.on('error', () => {})));
    await once(silent.listen(0, '127.0.0.1'), 'listening');
    const { port } = silent.address() as { port: number };
    try {
      const limiter = await open(`redis://127.0.0.1:${port}`);
      const outcomes = await Promise.allSettled([limiter.spend(newBucket(), tenAnHour, 1), limiter.ping()]);
      expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      // The dead connection is given up for a new one.
      await vi.waitFor(() => expect(sockets.length).toBeGreaterThan(1), { timeout: 10_000 });
    } finally {
      for (const socket of sockets) socket.destroy();
      silent.close();
    }
  });
});
