import { mintSecret } from '@latchkey/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { request, sendRaw } from './raw.ts';

afterAll(stopServers);

const randomBytes = (count: number) => crypto.getRandomValues(new Uint8Array(count));
let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

/** The exposition as it is meant to be read: sample name with its labels -> value. */
async function samples(target = server): Promise<Map<string, number>> {
  const { text } = await target.call('/metrics', { key: target.rootKey });
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

const decisions = (method: string, outcome: string, code: string) =>
  `latchkey_auth_decisions_total{method="${method}",outcome="${outcome}",code="${code}"}`;

/** How far a series moves while something happens. */
async function moved(name: string, run: () => Promise<unknown>): Promise<number> {
  const before = (await samples()).get(name) ?? 0;
  await run();
  return ((await samples()).get(name) ?? 0) - before;
}

describe('who may read them', () => {
  const status = async (target: TestServer, key: string | null, headers: Record<string, string> = {}) =>
    (await target.call('/metrics', { key, headers })).status;

  test('in development: a peer on this machine that speaks for nobody else', async () => {
    expect(await status(server, null)).toBe(200);
    expect(await status(server, null, { 'x-forwarded-for': '203.0.113.9' })).toBe(401);
    expect(await status(server, null, { 'x-forwarded-for': '127.0.0.1' })).toBe(401);
    expect(await status(server, null, { forwarded: 'for=127.0.0.1' })).toBe(401);
    expect(await status(server, null, { 'x-forwarded-for': '' })).toBe(401);
  });

  test('root, and no key of one workspace', async () => {
    expect(await status(server, server.rootKey)).toBe(200);
    expect(await status(server, server.rootKey, { 'x-forwarded-for': '203.0.113.9' })).toBe(200);
    expect(await status(server, null, { 'x-api-key': server.rootKey })).toBe(200);
    const refused = await server.call('/metrics');
    expect([refused.status, refused.json.error.reason]).toEqual([403, 'insufficient_scope']);
    expect(refused.text).not.toContain('latchkey_');
  });

  test('a wrong credential is worse than none', async () => {
    expect(await status(server, mintSecret('root', randomBytes))).toBe(401);
    expect(await status(server, 'nonsense')).toBe(401);
    expect(await status(server, server.key, { 'x-api-key': 'other' })).toBe(400);
  });

  test('in production: root alone', async () => {
    const rootKey = mintSecret('root', randomBytes);
    const production = await startServer({
      env: {
        LATCHKEY_MODE: 'production',
        LATCHKEY_ISSUER: 'https://auth.example.com',
        LATCHKEY_ROOT_KEY: rootKey,
        LATCHKEY_ENCRYPTION_KEYS: `main:${Buffer.from(randomBytes(32)).toString('base64')}`,
      },
    });
    expect(production.firstStart).toBeNull();
    expect(await status(production, null)).toBe(401);
    expect(await status(production, null, { host: 'localhost' })).toBe(401);
    expect(await status(production, rootKey)).toBe(200);
    expect((await production.call('/metrics', { key: rootKey, method: 'HEAD' })).status).toBe(200);
    expect(
      (await production.call('/metrics', { key: rootKey })).headers.get('strict-transport-security'),
    ).not.toBeNull();
  });
});

describe('what they say', () => {
  test('in the text format, each series announced before its first sample', async () => {
    const fresh = await startServer();
    const reply = await fresh.call('/metrics', { key: null });
    expect(reply.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    for (const [name, type] of [
      ['latchkey_auth_decisions_total', 'counter'],
      ['latchkey_forbidden_total', 'counter'],
      ['latchkey_http_request_duration_seconds', 'histogram'],
    ]) {
      expect(reply.text).toMatch(new RegExp(`^# HELP ${name} \\S`, 'm'));
      expect(reply.text).toMatch(new RegExp(`^# TYPE ${name} ${type}$`, 'm'));
    }
    await fresh.call('/v1/auth/verify');
    for (const line of (await fresh.call('/metrics', { key: null })).text.split('\n')) {
      expect(line).toMatch(
        /^(?:|# (?:HELP|TYPE) .*|[a-z_]+(?:\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})? [0-9.e+-]+(?:Inf)?)$/,
      );
    }
  });

  test('decisions are counted by what was decided', async () => {
    const verify = (key: string | null) => () => server.call('/v1/auth/verify', { key });
    const count = (name: string, run: () => Promise<unknown>) => moved(name, run);
    expect(await count(decisions('api_key', 'allowed', 'ok'), verify(server.key))).toBe(1);
    expect(await count(decisions('none', 'denied', 'missing_token'), verify(null))).toBe(1);
    expect(
      await count(decisions('api_key', 'denied', 'invalid_token'), verify(mintSecret('secret_test', randomBytes))),
    ).toBe(1);
    expect(await count(decisions('root', 'denied', 'invalid_token'), verify(mintSecret('root', randomBytes)))).toBe(1);
    const { key, id } = (await server.call('/v1/api-keys', { json: { name: 'x', scopes: [] } })).json;
    const list = () => server.call('/v1/projects', { key });
    expect(await count(decisions('api_key', 'denied', 'insufficient_scope'), list)).toBe(1);
    await server.call(`/v1/api-keys/${id}/revoke`, { json: {} });
    expect(await count(decisions('api_key', 'denied', 'token_revoked'), verify(key))).toBe(1);
    const many = () => Promise.all(Array.from({ length: 40 }, verify(server.key)));
    expect(await count(decisions('api_key', 'allowed', 'ok'), many)).toBe(40);
  });

  test('an expired key is counted as that', async () => {
    const clock = manualClock();
    const aging = await startServer({ clock });
    const { key } = (await aging.call('/v1/api-keys', { json: { name: 'x', scopes: [], expires_in: '1s' } })).json;
    clock.advance(1000);
    await aging.call('/v1/auth/verify', { key });
    expect((await samples(aging)).get(decisions('api_key', 'denied', 'token_expired'))).toBe(1);
  });

  test('403 by the route, durations by method, route and class of status', async () => {
    const forbidden = () => server.call('/v1/projects', { key: server.rootKey });
    expect(await moved('latchkey_forbidden_total{route="/v1/projects"}', forbidden)).toBe(1);
    const count = (method: string, route: string, status: string) =>
      `latchkey_http_request_duration_seconds_count{method="${method}",route="${route}",status="${status}"}`;
    const missing = `/v1/projects/prj_${'0'.repeat(24)}`;
    expect(await moved(count('GET', '/v1/projects/:id', '4xx'), () => server.call(missing))).toBe(1);
    expect(
      await moved(count('POST', '/v1/projects', '2xx'), () => server.call('/v1/projects', { json: { name: 'x' } })),
    ).toBe(1);
    const all = await samples();
    const whole = [...all.keys()].filter((name) => name.includes('_bucket{') && name.includes('le="+Inf"'));
    expect(whole.length).toBeGreaterThan(3);
    for (const name of whole) {
      const total = name.replace('_bucket', '_count').replace(/,?le="\+Inf"/, '');
      expect([name, all.get(name)]).toEqual([name, all.get(total)]);
    }
  });
});

describe('labels', () => {
  test('do not grow with what callers invent', async () => {
    const noise = async (round: string) => {
      const ids = [`prj_${round.repeat(24).slice(0, 24)}`, `x${round}`, `%zz${round}`, '../..', `${round}`.repeat(200)];
      const paths = [
        ...ids.map((id) => `/v1/projects/${id}`),
        `/${round}`,
        `/v9/${round}`,
        `/v1/api-keys?limit=${round}`,
        `/?${round}`,
      ];
      for (const path of paths) {
        for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS', 'PROPFIND']) {
          const headers = ['x-client-version', 'x-api-version', 'user-agent', 'x-request-id'].map(
            (name) => `${name}: ${round}`,
          );
          await sendRaw(server, request(`${method} ${path}`, [`Authorization: Bearer ${round}`, ...headers]));
        }
      }
      await sendRaw(server, `${round} /x HTTP/1.1\r\n\r\n`);
    };
    await noise('alpha');
    const before = [...(await samples()).keys()].sort();
    for (const round of ['bravo', 'delta']) await noise(round);
    expect([...(await samples()).keys()].sort()).toEqual(before);
    expect(before.join('\n')).not.toMatch(/alpha|bravo|delta|prj_|Bearer/);
    expect(before.some((name) => name.includes('route="unknown"'))).toBe(true);
  });

  test('hold no id, no URL and no secret', async () => {
    const names = [...(await samples()).keys()].join('\n');
    expect(names).not.toMatch(/(?:key|ws|usr|prj|ord|req)_[0-9A-Za-z]{24}|[sr]k_(?:test|live)|lk_|\?|@/);
    const values = [...names.matchAll(/(\w+)="([^"]*)"/g)].filter(([, label]) => label === 'route');
    expect(values.length).toBeGreaterThan(10);
    for (const [, , route] of values) expect(route).toMatch(/^(?:unknown|\*|\/[a-z0-9/:._-]*)$/);
  });
});
