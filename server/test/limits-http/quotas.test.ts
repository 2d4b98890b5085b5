import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MadeKey, makeKey, START_MS } from '../domains/installation.ts';
import {
  DATABASES,
  freshPostgres,
  manualClock,
  startServer,
  stopServers,
  type TestServer,
  temporaryFolder,
} from '../harness.ts';
import { codeOf, toldIn } from './told.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const use = (server: TestServer, { key }: MadeKey) => server.call('/v1/auth/verify', { key });
const quotaKey = (server: TestServer, limit: number, period: string, fields: object = {}) =>
  makeKey(server, { quota: { limit, period }, limits: { per_hour: 1000 }, ...fields });

/** Looks at a key without spending. */
async function look(server: TestServer, { key }: MadeKey) {
  const reply = await server.call('/v1/api-keys/verify', { key: server.rootKey, json: { key, cost: 0 } });
  return reply.json;
}

describe('a quota', () => {
  const clock = manualClock(START_MS);
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ limits: 'real', clock });
  });
  afterAll(stopServers);

  test.each([
    ['hour', Date.UTC(2030, 4, 5, 10, 59, 30), 30, Date.UTC(2030, 4, 5, 11)],
    ['day', Date.UTC(2030, 5, 5, 10), 14 * 3600, Date.UTC(2030, 5, 6)],
    ['month', Date.UTC(2032, 1, 28, 0, 0, 1), 2 * 86_400 - 1, Date.UTC(2032, 2, 1)],
  ])('of a calendar %s is full again when that begins, and Retry-After says when', async (period, now, wait, reset) => {
    clock.set(now);
    const key = await quotaKey(server, 3, period);
    for (let call = 0; call < 3; call += 1) expect((await use(server, key)).status).toBe(200);
    const refused = await use(server, key);
    expect([refused.status, codeOf(refused)]).toEqual([429, 'quota_exceeded']);
    expect(refused.json.message).toBe('The quota of 3 is used up.');
    expect(toldIn(refused).retryAfter).toBe(wait);
    const seen = await look(server, key);
    expect(seen.limit.quota).toEqual({ limit: 3, remaining: 0, reset_at: new Date(reset).toISOString() });
    clock.advance(wait * 1000 - 1);
    expect((await use(server, key)).status).toBe(429);
    clock.advance(1);
    expect((await use(server, key)).status).toBe(200);
  });

  test('of a whole life never is, and still says when to ask again', async () => {
    const key = await quotaKey(server, 2, 'total');
    for (let call = 0; call < 2; call += 1) expect((await use(server, key)).status).toBe(200);
    clock.advance(400 * DAY_MS);
    const refused = await use(server, key);
    expect(codeOf(refused)).toBe('quota_exceeded');
    expect(toldIn(refused).retryAfter).toBe(3600);
    expect((await look(server, key)).limit.quota).toEqual({ limit: 2, remaining: 0, reset_at: null });
  });

  test('that refuses tells of the limits too, and leaves them alone', async () => {
    clock.set(Date.UTC(2031, 7, 8));
    const key = await quotaKey(server, 1, 'day', { limits: { per_hour: 10, per_second: 5 } });
    await use(server, key);
    for (let call = 0; call < 3; call += 1) {
      expect(toldIn(await use(server, key)).states).toMatchObject({ hour: { r: 9 }, second: { r: 4 } });
    }
    const asked = await server.call('/v1/api-keys/verify', { key: server.rootKey, json: { key: key.key } });
    expect(asked.json).toMatchObject({
      valid: false,
      code: 'quota_exceeded',
      limit: { per_hour: 10, remaining: 9, retry_after_seconds: 86_400, quota: { remaining: 0 } },
    });
  });

  test('gets back what the rate limit refused', async () => {
    const key = await quotaKey(server, 10, 'day', { limits: { per_second: 2 } });
    for (let call = 0; call < 7; call += 1) await use(server, key);
    expect((await look(server, key)).limit.quota.remaining).toBe(8);
    clock.advance(1000);
    expect((await use(server, key)).status).toBe(200);
    expect((await look(server, key)).limit.quota.remaining).toBe(7);
    const verify = { key: server.rootKey, json: { key: key.key, cost: 2 } };
    expect((await server.call('/v1/api-keys/verify', verify)).json.code).toBe('rate_limit_exceeded');
    expect((await look(server, key)).limit.quota.remaining).toBe(7);
  });

  test('keeps its count when it is edited, and belongs to the whole rotation chain', async () => {
    const key = await quotaKey(server, 10, 'total');
    for (let call = 0; call < 4; call += 1) await use(server, key);
    const edit = async (quota: object | null) => {
      const json = { workspace_id: key.workspace_id, quota };
      const path = `/v1/api-keys/${key.id}`;
      expect((await server.call(path, { key: server.rootKey, method: 'PATCH', json })).status).toBe(200);
    };
    await edit({ limit: 4, period: 'total' });
    expect(codeOf(await use(server, key))).toBe('quota_exceeded');
    await edit({ limit: 6, period: 'total' });
    expect((await use(server, key)).status).toBe(200);
    const json = { overlap: '1h', workspace_id: key.workspace_id };
    const rotated = await server.call(`/v1/api-keys/${key.id}/rotate`, { key: server.rootKey, json });
    expect((await use(server, rotated.json)).status).toBe(200);
    for (const each of [key, rotated.json]) expect(codeOf(await use(server, each))).toBe('quota_exceeded');
  });

  test('is spent by cost, all of it or nothing', async () => {
    const key = await quotaKey(server, 10, 'day');
    const verify = async (cost: number) =>
      (await server.call('/v1/api-keys/verify', { key: server.rootKey, json: { key: key.key, cost } })).json;
    expect(await verify(7)).toMatchObject({ valid: true, limit: { quota: { remaining: 3 } } });
    expect(await verify(4)).toMatchObject({ valid: false, code: 'quota_exceeded', limit: { quota: { remaining: 3 } } });
    expect(await verify(3)).toMatchObject({ valid: true, limit: { quota: { remaining: 0 } } });
    expect(await verify(0)).toMatchObject({ valid: true });
    expect((await verify(1)).code).toBe('quota_exceeded');
  });

  test('follows the calendar when the clock jumps, and gives nothing twice (M6)', async () => {
    const noon = Date.UTC(2033, 2, 3, 12);
    clock.set(noon);
    const key = await quotaKey(server, 2, 'day');
    const statuses = async () => [(await use(server, key)).status, (await use(server, key)).status];
    expect(await statuses()).toEqual([200, 200]);
    for (const jump of [-HOUR_MS, HOUR_MS, -11 * HOUR_MS, 11 * HOUR_MS]) {
      clock.set(noon + jump);
      expect(await statuses()).toEqual([429, 429]);
    }
    clock.set(noon + DAY_MS);
    expect(await statuses()).toEqual([200, 200]);
    clock.set(noon);
    expect(await statuses()).toEqual([429, 429]);
    clock.set(noon + 2 * DAY_MS);
    expect(await statuses()).toEqual([200, 200]);
  });

  test('and an hour’s window neither opens at every call nor stays for ever when the clock jumps (M6)', async () => {
    const start = clock.nowMs();
    const key = await makeKey(server, { limits: { per_hour: 2 } });
    const statuses = async () => [(await use(server, key)).status, (await use(server, key)).status];
    expect(await statuses()).toEqual([200, 200]);
    for (const jump of [-60_000, -HOUR_MS / 2, HOUR_MS / 2, -1, HOUR_MS - 1]) {
      clock.set(start + jump);
      expect(await statuses()).toEqual([429, 429]);
    }
    clock.set(start - 30 * DAY_MS);
    expect(await statuses()).toEqual([200, 200]);
    expect(await statuses()).toEqual([429, 429]);
    expect(toldIn(await use(server, key)).retryAfter).toBe(3600);
  });
});

test.each(DATABASES)(
  'a quota on %s survives a restart: what was spent is spent, what was left is left',
  async (name) => {
    const clock = manualClock(START_MS);
    const dataDir = temporaryFolder();
    const env: Record<string, string> = name === 'postgres' ? { LATCHKEY_DATABASE_URL: await freshPostgres() } : {};
    const start = () => startServer({ limits: 'real', clock, dataDir, env });
    try {
      const first = await start();
      const [part, all] = [await quotaKey(first, 500, 'month'), await quotaKey(first, 2, 'total')];
      for (let call = 0; call < 3; call += 1) await use(first, part);
      for (let call = 0; call < 2; call += 1) await use(first, all);
      await first.stop();
      clock.advance(HOUR_MS);
      const second = await start();
      expect((await look(second, part)).limit.quota.remaining).toBe(497);
      expect(codeOf(await use(second, all))).toBe('quota_exceeded');
      clock.advance(31 * DAY_MS);
      await use(second, part);
      expect((await look(second, part)).limit.quota.remaining).toBe(499);
      expect(codeOf(await use(second, all))).toBe('quota_exceeded');
    } finally {
      await stopServers();
      rmSync(dataDir, { recursive: true, force: true });
    }
  },
);
