import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type MadeKey, makeKey } from '../domains/installation.ts';
import { startServer, stopServers, type TestReply, type TestServer } from '../harness.ts';
import { startRedis } from '../services/redis.ts';
import type { Service } from '../services/service.ts';
import { codeOf, statuses, toldIn } from './told.ts';

const POLICIES = ['local', 'closed', 'open'] as const;
type Policy = (typeof POLICIES)[number];

let redis: Service;
const servers = {} as Record<Policy, TestServer>;

beforeAll(async () => {
  redis = await startRedis();
  const starts = POLICIES.map(async (policy) => {
    const env = { LATCHKEY_REDIS_URL: redis.url, LATCHKEY_LIMITS_ON_OUTAGE: policy };
    servers[policy] = await startServer({ limits: 'real', env });
  });
  await Promise.all(starts);
});
afterAll(async () => {
  await stopServers();
  await redis.stop();
});

const use = (server: TestServer, { key }: MadeKey) => server.call('/v1/gate', { key });
const manyUses = (server: TestServer, key: MadeKey, calls: number) =>
  Promise.all(Array.from({ length: calls }, () => use(server, key)));

async function lookAt(server: TestServer, { key }: MadeKey) {
  const reply = await server.call('/v1/api-keys/verify', { key: server.rootKey, json: { key, cost: 0 } });
  return reply.json.limit;
}

const WELL = ['ok', false, '0'];
const LOST = ['down', true, '1'];

/** What a server says of Redis and of its counters: by /readyz, and by its metric. */
async function stateOf(server: TestServer) {
  const ready = await server.call('/readyz', { key: null });
  expect([ready.status, ready.json.status, ready.json.checks.database]).toEqual([200, 'ready', 'ok']);
  const { text } = await server.call('/metrics', { key: server.rootKey });
  return [ready.json.checks.redis, ready.json.degraded, /^latchkey_limiter_degraded (\d)$/m.exec(text)?.[1]];
}

/** Calls without pause, by eight at a time, until told to stop. */
function startLoad(server: TestServer, key: MadeKey) {
  const replies: TestReply[] = [];
  let isOver = false;
  const callers = Array.from({ length: 8 }, async () => {
    while (!isOver) replies.push(await use(server, key));
  });
  return {
    replies,
    stop: async () => {
      isOver = true;
      await Promise.all(callers);
    },
  };
}

test('Redis killed under load: each policy holds, the loss is told, and it ends by itself', async ({ skip }) => {
  if (!redis.own) skip('the environment names the Redis');
  const { local, closed, open } = servers;
  const busy = await makeKey(local, { limits: { per_hour: 1_000_000 } });
  const five = { per_hour: 5 };
  const own = await makeKey(local, { limits: five });
  const refused = await makeKey(closed, { limits: five, quota: { limit: 100, period: 'total' } });
  const passing = await makeKey(open, { limits: five });
  for (const server of Object.values(servers)) expect(await stateOf(server)).toEqual(WELL);
  for (const [server, key] of [
    [closed, refused],
    [open, passing],
  ] as const) {
    expect(statuses(await manyUses(server, key, 2))).toEqual({ 200: 2 });
  }

  const load = startLoad(local, busy);
  await vi.waitFor(() => expect(load.replies.length).toBeGreaterThan(50), { timeout: 10_000 });
  await redis.kill9();
  const before = load.replies.length;
  await vi.waitFor(() => expect(load.replies.length).toBeGreaterThan(before + 100), { timeout: 10_000 });

  expect(await stateOf(local)).toEqual(LOST);
  expect(statuses(await manyUses(local, own, 25))).toEqual({ 200: 5, 429: 20 });

  const replies = await manyUses(closed, refused, 10);
  expect(statuses(replies)).toEqual({ 503: 10 });
  for (const reply of replies) {
    expect([codeOf(reply), toldIn(reply).retryAfter]).toEqual(['unavailable', 1]);
    expect(JSON.parse(reply.headers.get('x-latchkey-error') ?? '')).toEqual(reply.json);
  }
  expect((await closed.call('/v1/projects', { key: null })).status).toBe(503);
  expect((await closed.call('/v1/plans', { key: closed.rootKey })).status).toBe(200);
  expect(await stateOf(closed)).toEqual(LOST);

  expect(statuses(await manyUses(open, passing, 25))).toEqual({ 200: 25 });
  expect(await stateOf(open)).toEqual(LOST);

  await redis.restart();
  await vi.waitFor(
    async () => {
      for (const server of Object.values(servers)) expect(await stateOf(server)).toEqual(WELL);
    },
    { timeout: 15_000 },
  );
  const back = load.replies.length;
  await vi.waitFor(() => expect(load.replies.length).toBeGreaterThan(back + 20), { timeout: 10_000 });
  await load.stop();
  expect(Object.keys(statuses(load.replies))).toEqual(['200']);
  expect((await lookAt(closed, refused)).quota.remaining).toBe(98);
  expect(statuses(await manyUses(closed, refused, 25))).toEqual({ 200: 5, 429: 20 });
});
