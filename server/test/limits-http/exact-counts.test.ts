import { mintSecret } from '@latchkey/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { type MadeKey, makeKey } from '../domains/installation.ts';
import { freshPostgres, manualClock, startServer, stopServers, type TestReply, type TestServer } from '../harness.ts';
import { startRedis } from '../services/redis.ts';
import type { Service } from '../services/service.ts';
import { statuses, tally } from './told.ts';

const random = pooledRandom();
const N = 30;

let redis: Service;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(async () => {
  await stopServers();
  await redis.stop();
});

/** Makes so many calls at the same time, by turns on each of the servers. */
function atOnce(servers: readonly TestServer[], calls: number, call: (server: TestServer) => Promise<TestReply>) {
  return Promise.all(Array.from({ length: calls }, (_, index) => call(servers[index % servers.length] as TestServer)));
}

const use = ({ key }: MadeKey) => {
  return (server: TestServer) => server.call('/v1/gate', { key });
};
const verify = ({ key }: MadeKey, cost = 1) => {
  return (server: TestServer) => server.call('/v1/api-keys/verify', { key: server.rootKey, json: { key, cost } });
};
const codes = (replies: readonly TestReply[]) => tally(replies.map(({ json }) => json.code));

/** What two servers share: the operator's secrets and the database. */
async function sharedEnv(): Promise<Record<string, string>> {
  return {
    LATCHKEY_ROOT_KEY: mintSecret('root', random),
    LATCHKEY_ENCRYPTION_KEYS: `k1:${Buffer.from(random(32)).toString('base64')}`,
    LATCHKEY_DATABASE_URL: await freshPostgres(),
  };
}

/** The servers of one installation. Their clocks stand still where they count by them; Redis has a clock of its own. */
async function start(kind: 'one, SQLite' | 'two, PostgreSQL' | 'two, Redis'): Promise<TestServer[]> {
  const standing = { clock: manualClock(Date.now()), limits: 'real' } as const;
  if (kind === 'one, SQLite') return [await startServer(standing)];
  const env = await sharedEnv();
  if (kind === 'two, Redis') env.LATCHKEY_REDIS_URL = redis.url;
  const options = kind === 'two, Redis' ? ({ limits: 'real', env } as const) : { ...standing, env };
  return [await startServer(options), await startServer(options)];
}

describe.each(['one, SQLite', 'two, PostgreSQL', 'two, Redis'] as const)('servers: %s', (kind) => {
  let servers: TestServer[];
  let first: TestServer;
  beforeAll(async () => {
    servers = await start(kind);
    first = servers[0] as TestServer;
  });

  test('of 10 N calls at once, exactly N pass an hour of N (M1)', async () => {
    const key = await makeKey(first, { limits: { per_hour: N } });
    expect(statuses(await atOnce(servers, 10 * N, use(key)))).toEqual({ 200: N, 429: 9 * N });
    expect(statuses(await atOnce(servers, 4, use(key)))).toEqual({ 429: 4 });
  });

  test('of 10 N calls at once, exactly N pass a quota of N', async () => {
    const key = await makeKey(first, { limits: {}, quota: { limit: N, period: 'total' } });
    expect(statuses(await atOnce(servers, 10 * N, use(key)))).toEqual({ 200: N, 429: 9 * N });
    expect(statuses(await atOnce(servers, 4, use(key)))).toEqual({ 429: 4 });
  });

  test('of 10 N verifications at once, exactly N are valid, by hour and by quota', async () => {
    const hourly = await makeKey(first, { limits: { per_hour: N } });
    expect(codes(await atOnce(servers, 10 * N, verify(hourly)))).toEqual({ valid: N, rate_limit_exceeded: 9 * N });
    const quoted = await makeKey(first, { limits: {}, quota: { limit: N, period: 'total' } });
    expect(codes(await atOnce(servers, 10 * N, verify(quoted)))).toEqual({ valid: N, quota_exceeded: 9 * N });
  });

  test('the last one is given once, to 100 verifications and calls at once (J8)', async () => {
    const limits = { per_hour: 5 };
    const [hourly, quoted] = [
      await makeKey(first, { limits }),
      await makeKey(first, { limits: {}, quota: { limit: 5, period: 'month' } }),
    ];
    for (const key of [hourly, quoted]) {
      await atOnce(servers, 4, use(key));
      const [checks, calls] = await Promise.all([atOnce(servers, 50, verify(key)), atOnce(servers, 50, use(key))]);
      const passed = (codes(checks).valid ?? 0) + (statuses(calls)[200] ?? 0);
      expect(passed).toBe(1);
    }
  });

  test('a cost passes whole or not at all, however many ask', async () => {
    const key = await makeKey(first, { limits: { per_hour: 50 }, quota: { limit: 1000, period: 'total' } });
    expect(codes(await atOnce(servers, 40, verify(key, 7)))).toEqual({ valid: 7, rate_limit_exceeded: 33 });
    const { limit } = (await verify(key, 0)(first)).json;
    expect(limit.remaining).toBe(1);
    expect(codes(await atOnce(servers, 4, verify(key)))).toEqual({ valid: 1, rate_limit_exceeded: 3 });
  });

  test('the two policies are spent together or not at all, however many ask', async () => {
    const key = await makeKey(first, { limits: { per_hour: 1000, per_second: 1 } });
    const replies = await atOnce(servers, 40, use(key));
    const passed = statuses(replies)[200] ?? 0;
    expect(passed).toBeGreaterThanOrEqual(1);
    if (kind !== 'two, Redis') expect(passed).toBe(1);
    expect((await verify(key, 0)(first)).json.limit.remaining).toBe(1000 - passed);
  });

  test('a key and its successor spend from one bucket', async () => {
    const key = await makeKey(first, { limits: { per_hour: N } });
    const json = { overlap: '1h', workspace_id: key.workspace_id };
    const next = (await first.call(`/v1/api-keys/${key.id}/rotate`, { key: first.rootKey, json })).json;
    const both = await Promise.all([atOnce(servers, 3 * N, use(key)), atOnce(servers, 3 * N, use(next))]);
    expect(statuses(both.flat())).toEqual({ 200: N, 429: 5 * N });
  });
});

test('an address without a credential has one count on both servers of a PostgreSQL', async () => {
  const servers = await start('two, PostgreSQL');
  const nobody = (server: TestServer) => server.call('/v1/projects', { key: null });
  expect(statuses(await atOnce(servers, 40, nobody))).toEqual({ 401: 5, 429: 35 });
});
