import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeKey, START_MS } from '../domains/installation.ts';
import {
  type CallOptions,
  manualClock,
  startServer,
  stopServers,
  type TestReply,
  type TestServer,
} from '../harness.ts';
import { codeOf, expectUnlimited, toldIn } from './told.ts';

const clock = manualClock(START_MS);
const HOUR_S = 3600;
let server: TestServer;

beforeAll(async () => {
  server = await startServer({ limits: 'real', clock });
});
afterAll(stopServers);

const limited = (limits: object, fields: object = {}) => makeKey(server, { scopes: ['read'], limits, ...fields });
const use = (key: string, path = '/v1/auth/verify', options: CallOptions = {}) =>
  server.call(path, { key, ...options });

async function useTimes(key: string, times: number): Promise<TestReply[]> {
  const replies: TestReply[] = [];
  for (let call = 0; call < times; call += 1) replies.push(await use(key));
  return replies;
}

const statusesOf = (replies: readonly TestReply[]) => replies.map(({ status }) => status);
const remainingOf = (reply: TestReply) => toldIn(reply).hour?.remaining;

describe('what a reply tells', () => {
  test('of the standard plan: 10,000 an hour and 100 a second', async () => {
    const { key } = await makeKey(server, {});
    const first = toldIn(await use(key));
    expect(first.policies).toEqual({ hour: { q: 10_000, w: HOUR_S }, second: { q: 100, w: 1 } });
    expect(first.states).toEqual({ hour: { r: 9999, t: HOUR_S }, second: { r: 99, t: 1 } });
    expect(first.hour).toEqual({ limit: 10_000, remaining: 9999, resetSeconds: clock.nowMs() / 1000 + HOUR_S });
    expect(first.retryAfter).toBeNull();
    expect(toldIn(await use(key)).states).toEqual({ hour: { r: 9998, t: HOUR_S }, second: { r: 98, t: 1 } });
  });

  test('of one policy alone when only that is set, and nothing when none is', async () => {
    const hourly = await limited({ per_hour: 10 });
    expect(toldIn(await use(hourly.key)).policies).toEqual({ hour: { q: 10, w: HOUR_S } });
    const secondly = await limited({ per_second: 10 });
    expect(toldIn(await use(secondly.key)).policies).toEqual({ second: { q: 10, w: 1 } });
    const free = await limited({});
    expectUnlimited(await use(free.key));
  });

  test('whatever the outcome is: a reply, an error of the route, a body that is refused', async () => {
    const { key } = await limited({ per_hour: 20 }, { scopes: ['read', 'write', 'delete'] });
    const replies = [
      await use(key),
      await use(key, '/v1/projects'),
      await use(key, '/v2/projects', { json: { name: 'Made' } }),
      await use(key, `/v1/projects/prj_${'0'.repeat(24)}`),
      await use(key, '/v1/projects', { json: { nonsense: true } }),
      await use(key, '/v1/projects', { body: '{"broken', headers: { 'content-type': 'application/json' } }),
      await use(key, '/v1/projects', { method: 'POST', body: 'x', headers: { 'content-type': 'text/plain' } }),
      await use(key, '/v1/projects', { method: 'HEAD' }),
    ];
    expect(statusesOf(replies)).toEqual([200, 200, 201, 404, 422, 400, 415, 200]);
    expect(replies.map(remainingOf)).toEqual([19, 18, 17, 16, 15, 14, 13, 12]);
  });
});

describe('the hour', () => {
  test('lets its number pass, and refuses until Retry-After has passed (M2)', async () => {
    const { key } = await limited({ per_hour: 3 });
    expect((await useTimes(key, 3)).map(remainingOf)).toEqual([2, 1, 0]);
    clock.advance(1000 * 1000 + 1);
    const refused = await use(key);
    expect([refused.status, codeOf(refused)]).toEqual([429, 'rate_limit_exceeded']);
    const { retryAfter, states, hour } = toldIn(refused);
    expect([retryAfter, states.hour]).toEqual([2600, { r: 0, t: 2600 }]);
    expect(hour?.resetSeconds).toBe(Math.ceil((clock.nowMs() + 2_599_999) / 1000));
    clock.advance((retryAfter ?? 0) * 1000 - 1000);
    expect((await use(key)).status).toBe(429);
    clock.advance(1000);
    expect((await useTimes(key, 4)).map(remainingOf)).toEqual([2, 1, 0, 0]);
  });

  test('has an end that does not move, used or refused', async () => {
    const { key } = await limited({ per_hour: 5 });
    const ends = new Set<number | undefined>();
    const startedAt = clock.nowMs();
    for (let minute = 0; minute < 60; minute += 6) {
      ends.add(toldIn(await use(key)).hour?.resetSeconds);
      clock.advance(6 * 60_000);
    }
    expect([...ends]).toEqual([Math.ceil(startedAt / 1000) + HOUR_S]);
    expect(remainingOf(await use(key))).toBe(4);
  });

  test('of 10 gives 10 in every window to traffic that never pauses', async () => {
    const { key } = await limited({ per_hour: 10 });
    const passed = new Map<number, number>();
    const windows = 5;
    for (let call = 0; call < 20 * windows; call += 1) {
      const reply = await use(key);
      const end = toldIn(reply).hour?.resetSeconds ?? 0;
      if (reply.status === 200) passed.set(end, (passed.get(end) ?? 0) + 1);
      clock.advance(3 * 60_000);
    }
    const ends = [...passed.keys()];
    expect([...passed.values()]).toEqual(Array(windows).fill(10));
    expect(ends.slice(1).map((end, index) => end - (ends[index] ?? 0))).toEqual(Array(windows - 1).fill(HOUR_S));
  });
});

describe('the second', () => {
  test('lets its burst pass, and one more after each share of a second', async () => {
    const { key } = await limited({ per_second: 5 });
    expect(statusesOf(await useTimes(key, 6))).toEqual([200, 200, 200, 200, 200, 429]);
    clock.advance(200);
    expect(statusesOf(await useTimes(key, 2))).toEqual([200, 429]);
    const refused = await use(key);
    expect(codeOf(refused)).toBe('rate_limit_exceeded');
    const { retryAfter, states, hour } = toldIn(refused);
    expect([retryAfter, states, hour]).toEqual([1, { second: { r: 0, t: 1 } }, null]);
    clock.advance(1000);
    expect(statusesOf(await useTimes(key, 6))).toEqual([200, 200, 200, 200, 200, 429]);
  });

  test('refusing, leaves the hour alone: both are spent, or neither', async () => {
    const { key } = await limited({ per_hour: 10, per_second: 2 });
    const replies = await useTimes(key, 7);
    expect(statusesOf(replies)).toEqual([200, 200, 429, 429, 429, 429, 429]);
    expect(replies.map(remainingOf)).toEqual([9, 8, 8, 8, 8, 8, 8]);
    expect(replies[6]?.json.message).toContain('2 requests a second');
    clock.advance(1000);
    expect((await useTimes(key, 3)).map(remainingOf)).toEqual([7, 6, 6]);
  });

  test('is not spent by what the hour refuses', async () => {
    const { key } = await limited({ per_hour: 1, per_second: 3 });
    const replies = await useTimes(key, 5);
    expect(statusesOf(replies)).toEqual([200, 429, 429, 429, 429]);
    expect(replies.map((reply) => toldIn(reply).states.second?.r)).toEqual([2, 2, 2, 2, 2]);
    expect(replies[4]?.json.message).toContain('1 requests an hour');
  });
});

describe('one request counts once', () => {
  test('whichever way it is made', async () => {
    const { key } = await limited({ per_hour: 100 }, { scopes: ['read', 'write', 'api_keys:read', 'api_keys:verify'] });
    const post = { json: { name: 'once' }, headers: { 'idempotency-key': 'count-once' } };
    const ways: Parameters<TestServer['call']>[] = [
      ['/v1/auth/verify'],
      ['/v2/auth/test'],
      ['/v1/auth/verify', { method: 'HEAD' }],
      ['/v1/auth/verify', { key: null, headers: { 'x-api-key': key } }],
      ['/v1/auth/verify', { headers: { 'x-api-key': key } }],
      ['/v1/projects', post],
      ['/v1/projects', post],
      ['/v1/api-keys'],
      ['/api-keys'],
      ['/v1/plans'],
      ['/v1/scopes'],
      ['/v1/gate'],
    ];
    const replies: TestReply[] = [];
    for (const [path, options] of ways) replies.push(await use(key, path, options));
    expect(replies[6]?.headers.get('idempotency-replayed')).toBe('true');
    expect(replies.map(remainingOf)).toEqual(ways.map((_, index) => 99 - index));
  });

  test('and OPTIONS, which asks nobody who calls, not at all', async () => {
    const { key } = await limited({ per_hour: 5 });
    for (let call = 0; call < 10; call += 1) expectUnlimited(await use(key, '/v1/projects', { method: 'OPTIONS' }));
    expect(remainingOf(await use(key))).toBe(4);
  });

  test('spellings of a path share one bucket (M4)', async () => {
    const { key } = await limited({ per_hour: 100 });
    const spellings = ['/v1/data', '/v1/data?a=1', '/v1/%64ata', '/v1/dat%61?%61=1', '/v1/data?x=//y', '/v2/data'];
    const replies: TestReply[] = [];
    for (const path of spellings) replies.push(await use(key, path));
    expect(replies.map(remainingOf)).toEqual(spellings.map((_, index) => 99 - index));
    for (const path of [
      '//v1/data',
      '/v1//data',
      '/v1/data/',
      '/v1/./data/x',
      '/V1/data',
      '/v1/data;x',
      '/v1/data%2f',
    ]) {
      const elsewhere = await use(key, path);
      expect([path, elsewhere.status]).toEqual([path, 404]);
    }
    expect(remainingOf(await use(key, '/v1/data'))).toBe(99 - spellings.length);
  });

  test('by the verify endpoint it is the key asked about that pays, never the caller', async () => {
    const caller = await limited({ per_hour: 1 }, { scopes: ['api_keys:verify'] });
    const asked = await limited({ per_hour: 100 });
    for (let call = 0; call < 4; call += 1) {
      const reply = await use(caller.key, '/v1/api-keys/verify', { json: { key: asked.key } });
      expectUnlimited(reply);
      expect(reply.json).toMatchObject({ valid: true, limit: { per_hour: 100, remaining: 99 - call } });
    }
    expect(remainingOf(await use(caller.key))).toBe(0);
    expect((await use(caller.key)).status).toBe(429);
    expect((await use(caller.key, '/v1/api-keys/verify', { json: { key: asked.key } })).json.valid).toBe(true);
    expect(remainingOf(await use(asked.key))).toBe(94);
  });

  test('root is not counted', async () => {
    const calls = Array.from({ length: 150 }, () => use(server.rootKey, '/v1/plans'));
    for (const reply of await Promise.all(calls)) expectUnlimited(reply);
  });

  test('a call that its credential may not make costs nobody anything', async () => {
    const { key } = await limited({ per_hour: 5 }, { scopes: [], ip_allowlist: ['203.0.113.0/24'] });
    const open = await limited({ per_hour: 5 }, { scopes: [] });
    for (let call = 0; call < 8; call += 1) {
      expect(codeOf(await use(key))).toBe('ip_not_allowed');
      expect(codeOf(await use(open.key, '/v1/projects'))).toBe('insufficient_scope');
    }
    expect(remainingOf(await use(open.key))).toBe(4);
  });
});

describe('a refusal is rendered', () => {
  const message = 'The limit of 1 requests an hour is reached.';
  const v1 = { error: 'rate_limit_exceeded', message, code: 429 };
  const v2 = { error: { code: 'RATE_LIMITED', reason: 'rate_limit_exceeded', message } };
  const problem = { title: 'rate_limit_exceeded', status: 429, detail: message };
  const asProblem = { accept: 'application/problem+json' };

  test.each([
    ['/v1', '/v1/projects', {}, v1],
    ['/v2', '/v2/projects', {}, v2],
    ['no version', '/api-keys', {}, v2],
    ['X-API-Version 1.0', '/api-keys', { 'x-api-version': '1.0' }, v1],
    ['X-API-Version 2.0', '/api-keys', { 'x-api-version': '2.0' }, v2],
    ['RFC 9457 at /v1', '/v1/projects', asProblem, problem],
    ['RFC 9457 at /v2', '/v2/projects', asProblem, problem],
  ])('as %s', async (_, path, headers, body) => {
    const { key } = await limited({ per_hour: 1, per_second: 50 }, { scopes: ['read', 'api_keys:read'] });
    expect((await use(key, path, { headers })).status).toBe(200);
    const refused = await use(key, path, { headers });
    expect([refused.status, refused.json]).toMatchObject([429, body]);
    const told = toldIn(refused);
    expect(told.states).toEqual({ hour: { r: 0, t: HOUR_S }, second: { r: 49, t: 1 } });
    expect(told.retryAfter).toBe(HOUR_S);
    expect(refused.headers.get('www-authenticate')).toBeNull();
    expect(refused.headers.get('cache-control')).toBe('no-store');
    const isProblem = 'accept' in headers;
    expect(refused.headers.get('content-type')).toMatch(
      isProblem ? /^application\/problem\+json/ : /^application\/json/,
    );
  });

  test('without a body to HEAD', async () => {
    const { key } = await limited({ per_hour: 1 });
    await use(key);
    const refused = await use(key, '/v1/data', { method: 'HEAD' });
    expect([refused.status, refused.text, toldIn(refused).retryAfter]).toEqual([429, '', HOUR_S]);
  });
});
