import { mintSecret } from '@latchkey/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { makeKey, START_MS } from '../domains/installation.ts';
import {
  type CallOptions,
  manualClock,
  startServer,
  stopServers,
  type TestReply,
  type TestServer,
} from '../harness.ts';
import { request, sendRaw } from '../http/raw.ts';
import { codeOf, expectUnlimited, statuses, toldIn } from './told.ts';

const random = pooledRandom();
const clock = manualClock(START_MS);
const HOUR_S = 3600;
/** Behind one proxy; the test is that proxy. */
let server: TestServer;

beforeAll(async () => {
  server = await startServer({ limits: 'real', clock, env: { LATCHKEY_TRUST_PROXY: '1' } });
});
afterAll(stopServers);

let addresses = 0;
/** An IPv4 address that no other test has used. */
function newAddress(): string {
  addresses += 1;
  return `198.18.${addresses >> 8}.${addresses & 255}`;
}

/** A call from that address, with that credential or none. */
const from = (address: string, path = '/v1/projects', options: CallOptions = {}) =>
  server.call(path, { key: null, ...options, headers: { 'x-forwarded-for': address, ...options.headers } });

/** Spends everything that an address has for this second. */
async function exhaust(address: string): Promise<TestReply> {
  for (let call = 0; call < 5; call += 1) expect((await from(address)).status).toBe(401);
  const refused = await from(address);
  expect([refused.status, codeOf(refused)]).toEqual([429, 'rate_limit_exceeded']);
  return refused;
}

describe('an address without a valid credential', () => {
  test('gets 5 in a second and 100 in an hour, then 429 instead of 401', async () => {
    const address = newAddress();
    const first = await from(address);
    expect([first.status, codeOf(first)]).toEqual([401, 'missing_token']);
    expect(toldIn(first)).toMatchObject({
      policies: { hour: { q: 100, w: HOUR_S }, second: { q: 5, w: 1 } },
      states: { hour: { r: 99 }, second: { r: 4 } },
    });
    for (let second = 0; second < 20; second += 1) {
      const replies: TestReply[] = [];
      for (let call = second === 0 ? 1 : 0; call < 6; call += 1) replies.push(await from(address));
      expect(replies.at(-2)?.status).toBe(401);
      const refused = replies.at(-1) as TestReply;
      expect([refused.status, toldIn(refused).states.hour?.r]).toEqual([429, 95 - 5 * second]);
      expect(toldIn(refused).retryAfter).toBe(second < 19 ? 1 : HOUR_S - second);
      clock.advance(1000);
    }
    const spent = await from(address);
    expect([spent.status, spent.json.message]).toEqual([429, 'The limit of 100 requests an hour is reached.']);
    expect(toldIn(spent).states.hour).toEqual({ r: 0, t: HOUR_S - 20 });
    clock.advance(Number(toldIn(spent).retryAfter) * 1000);
    expect((await from(address)).status).toBe(401);
  });

  test('hears so by whatever it presents, and in the rendering that it asked for', async () => {
    const address = newAddress();
    const key = mintSecret('secret_test', random);
    const gone = await makeKey(server, { expires_in: '1s' });
    clock.advance(2000);
    const presented: Record<string, string>[] = [
      {},
      { authorization: `Bearer ${key}` },
      { 'x-api-key': 'nonsense' },
      { authorization: 'Basic dTpw' },
      { authorization: `Bearer ${gone.key}` },
    ];
    for (const [index, headers] of presented.entries()) {
      const reply = await from(address, '/v1/projects', { headers });
      expect([reply.status, toldIn(reply).states.second?.r]).toEqual([401, 4 - index]);
      expect(reply.headers.get('www-authenticate')).toMatch(/^Bearer/);
    }
    for (const headers of presented) {
      const v1 = await from(address, '/v1/orders', { headers });
      expect([v1.status, v1.json.error, v1.json.code]).toEqual([429, 'rate_limit_exceeded', 429]);
      expect(toldIn(v1).retryAfter).toBe(1);
      expect(v1.headers.get('www-authenticate')).toBeNull();
    }
    expect((await from(address, '/v2/orders')).json.error).toMatchObject({ code: 'RATE_LIMITED' });
    const problem = await from(address, '/api-keys', { headers: { accept: 'application/problem+json' } });
    expect(problem.json).toMatchObject({ title: 'rate_limit_exceeded', status: 429 });
    expect((await from(address, '/v1/data', { method: 'HEAD' })).status).toBe(429);
  });

  test('is refused alone: no valid credential behind it, nor root', async () => {
    const address = newAddress();
    const valid = await makeKey(server, { scopes: ['read'], limits: { per_hour: 50 } });
    await exhaust(address);
    for (let call = 0; call < 10; call += 1) {
      const reply = await from(address, '/v1/projects', { key: valid.key });
      expect([reply.status, toldIn(reply).hour?.remaining]).toEqual([200, 49 - call]);
      expect((await from(address, '/v1/plans', { key: server.rootKey })).status).toBe(200);
      expect((await from(address)).status).toBe(429);
    }
    const other = await makeKey(server, { limits: { per_hour: 50 } });
    expect((await from(address, '/v1/auth/verify', { key: other.key })).status).toBe(200);
    expect(codeOf(await from(address, '/v1/projects', { key: other.key }))).toBe('insufficient_scope');
  });

  test('pays with one bucket for every spelling of a path and every method (M4)', async () => {
    const address = newAddress();
    const forwarded = `X-Forwarded-For: ${address}`;
    const spellings = [
      'GET /v1/projects',
      'GET /v1/projects?a=1',
      'POST /v1/%70rojects',
      'HEAD /v1/projects',
      'GET http://localhost/v1/projects',
      'DELETE /v1/projects/prj_000000000000000000000000',
      'PUT /v2/gate?scope=read',
      'GET /v1/projects/',
    ];
    const statuses: (number | undefined)[] = [];
    for (const line of spellings) statuses.push((await sendRaw(server, request(line, [forwarded])))[0]?.status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429, 429, 429]);
    for (const line of ['GET //v1/projects', 'GET /v1//projects', 'GET /V1/projects', 'GET /v1/projects;x']) {
      const [reply] = await sendRaw(server, request(line, [forwarded]));
      expect([line, reply?.status]).toEqual([line, 404]);
    }
  });

  test('does not spend what belongs to a key that it names (M7)', async () => {
    const victim = await makeKey(server, { limits: { per_hour: 5 }, quota: { limit: 5, period: 'day' } });
    const lastLetter = victim.key.endsWith('0') ? '1' : '0';
    const guesses = [
      victim.id,
      victim.hint,
      `${victim.key.slice(0, -1)}${lastLetter}`,
      `${victim.key}0`,
      victim.key.toUpperCase(),
      mintSecret('secret_test', random),
      `key:${victim.id}`,
    ].map((text) => text.replace(/[^\x21-\x7e]/g, '.'));
    for (const guess of guesses) {
      const address = newAddress();
      for (let call = 0; call < 5; call += 1) {
        expect((await from(address, '/v1/auth/verify', { key: guess })).status).toBe(401);
        expect((await from(newAddress(), '/v1/gate', { headers: { 'x-api-key': guess } })).status).toBe(401);
      }
    }
    const stranger = await server.call('/v1/workspaces', { key: server.rootKey, json: { name: 'Stranger' } });
    const asker = await makeKey(server, { workspace_id: stranger.json.id, scopes: ['api_keys:verify'] });
    for (const text of [...guesses, victim.key]) {
      const asked = await server.call('/v1/api-keys/verify', { key: asker.key, json: { key: text } });
      expect(['malformed', 'not_found']).toContain(asked.json.code);
    }
    const json = { key: victim.key, cost: 0 };
    const { limit } = (await server.call('/v1/api-keys/verify', { key: server.rootKey, json })).json;
    expect(limit).toMatchObject({ remaining: 5, quota: { remaining: 5 } });
  });
});

describe('what counts as one address', () => {
  test.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:3::1'],
    ['2001:db8:a::1', '2001:DB8:A:0:1::', '2001:db8:a:1::1'],
    ['fd00::1', 'fd00:0:0:0:8::', 'fd00:0:0:1::'],
    ['[2001:db8:b::1]:4711', '2001:db8:b::2', '2001:db8:b:1::'],
  ])('of IPv6 is a /64: %s and %s, but not %s', async (one, same, other) => {
    await exhaust(one);
    expect((await from(same)).status).toBe(429);
    expect((await from(other)).status).toBe(401);
  });

  test('of IPv4 is each by itself, however it is written', async () => {
    await exhaust('192.0.2.1');
    for (const same of ['::ffff:192.0.2.1', '192.0.2.1:4711', '::FFFF:C000:201', '6.6.6.6, 192.0.2.1']) {
      expect([same, (await from(same)).status]).toEqual([same, 429]);
    }
    expect((await from('192.0.2.2')).status).toBe(401);
    expect((await from('192.0.2.1, 192.0.2.3')).status).toBe(401);
  });

  test('is the proxy’s own where it names none: odd headers share a bucket and open no new one (M3)', async () => {
    for (let call = 0; call < 5; call += 1) expect((await from(`unknown-${call}`)).status).toBe(401);
    for (const odd of ['', 'unknown', '_hidden', '999.1.1.1', '1.2.3', '<script>']) {
      expect([odd, (await from(odd)).status]).toEqual([odd, 429]);
    }
    expect((await server.call('/v1/projects', { key: null })).status).toBe(429);
    expect((await from(newAddress())).status).toBe(401);
  });

  test('is the peer’s own where no proxy is trusted, whatever is forwarded (M3)', async () => {
    const direct = await startServer({ limits: 'real', clock });
    const statuses: number[] = [];
    for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'x-client-ip', 'cf-connecting-ip', 'via']) {
      const value = name === 'forwarded' ? 'for=203.0.113.7' : '203.0.113.7';
      statuses.push((await direct.call('/v1/projects', { key: null, headers: { [name]: value } })).status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
    expect((await direct.call('/v1/projects')).status).toBe(200);
  });
});

test('what is public has no limit, also for an address that has none left', async () => {
  const address = newAddress();
  await exhaust(address);
  const paths = ['/healthz', '/readyz', '/openapi.json', '/openapi.yaml', '/docs/errors'];
  for (let round = 0; round < 10; round += 1) {
    for (const path of paths) {
      const reply = await from(address, path);
      expect([path, reply.status]).toEqual([path, 200]);
      expectUnlimited(reply);
    }
  }
  for (const path of ['/nowhere', '/v1/nowhere', '/.well-known/anything', '/favicon.ico']) {
    const reply = await from(address, path);
    expect([path, reply.status]).toEqual([path, 404]);
    expectUnlimited(reply);
  }
  expect((await from(address)).status).toBe(429);
});

test('a flood of addresses leaves every one its own count (M5)', async () => {
  const counted = newAddress();
  await exhaust(counted);
  const flood = Array.from({ length: 400 }, (_, index) => `2001:db8:${(index + 16).toString(16)}::1`);
  const replies = await Promise.all(flood.map((address) => from(address, '/v1/gate')));
  expect(statuses(replies)).toEqual({ 401: flood.length });
  expect((await from(counted)).status).toBe(429);
});

test('the standard plan says how much nobody gets, at once', async () => {
  const address = newAddress();
  const edit = async (nobody: object) => {
    const reply = await server.call('/v1/plans/standard', { key: server.rootKey, method: 'PATCH', json: { nobody } });
    expect(reply.status).toBe(200);
  };
  await exhaust(address);
  await edit({ per_hour: 7 });
  expect(toldIn(await from(address)).hour).toMatchObject({ limit: 7, remaining: 1 });
  expect((await from(address)).status).toBe(401);
  expect((await from(address)).status).toBe(429);
  await edit({ per_hour: 100, per_second: 5 });
});
