import { mintSecret } from '@latchkey/protocol';
import fc from 'fast-check';
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
import { request, sendRaw, type WireReply } from '../http/raw.ts';
import { expectUnlimited, toldIn } from '../limits-http/told.ts';

const random = pooledRandom();
const clock = manualClock(START_MS);
let server: TestServer;

beforeAll(async () => {
  server = await startServer({ clock });
});
afterAll(stopServers);

type Reply = Pick<TestReply, 'status' | 'headers' | 'json' | 'text'>;

/** The body of a refusal as a proxy that drops bodies finds it: in a header, in plain ASCII. */
function expectErrorHeader({ headers, json }: Reply): void {
  const text = headers.get('x-latchkey-error') ?? '';
  expect(text).toMatch(/^[\x20-\x7e]+$/);
  expect(JSON.parse(text)).toEqual(json);
}

/** A refusal at the gate, and at a route of the API that asks the same; both of one version. */
async function twins(gate: string, api: string, options: CallOptions): Promise<[TestReply, TestReply]> {
  const headers = { 'x-request-id': 'twins', ...options.headers };
  return [await server.call(gate, { ...options, headers }), await server.call(api, { ...options, headers })];
}

/** Asserts that the gate says just what the API says, and repeats it in a header. */
function expectTwins([atGate, atApi]: [TestReply, TestReply], status: number, code: string): void {
  expect([atGate.status, atGate.json.error?.reason ?? atGate.json.error]).toEqual([status, code]);
  expect(atGate.json).toEqual(atApi.json);
  expectErrorHeader(atGate);
  const kept = (reply: TestReply) =>
    [...reply.headers].filter(([name]) => !['date', 'x-latchkey-error', 'content-length'].includes(name));
  expect(kept(atGate)).toEqual(kept(atApi));
}

const PLACES = [
  ['/v1/gate', '/v1/auth/verify', '/v1/projects'],
  ['/v2/gate', '/v2/auth/test', '/v2/projects'],
] as const;

describe.each(PLACES)('%s refuses as the API does', (gate, who, projects) => {
  test('nobody', async () => {
    const pair = await twins(gate, who, { key: null });
    expectTwins(pair, 401, 'missing_token');
    expect(pair[0].headers.get('www-authenticate')).toMatch(/^Bearer resource_metadata="[^"]+\/v1"$/);
  });

  test('a key that never was, was revoked, rotated away, disabled, or has expired', async () => {
    const unknown = mintSecret('secret_live', random);
    expectTwins(await twins(gate, who, { key: unknown }), 401, 'invalid_token');
    const manage = (id: string, method: string, path: string, json: object) =>
      server.call(`/v1/api-keys/${id}${path}`, {
        key: server.rootKey,
        method,
        json: { workspace_id: server.workspaceId, ...json },
      });
    const [revoked, rotated, disabled] = [
      await makeKey(server, {}),
      await makeKey(server, {}),
      await makeKey(server, {}),
    ];
    const expired = await makeKey(server, { expires_in: '1m' });
    await manage(revoked.id, 'POST', '/revoke', {});
    await manage(rotated.id, 'POST', '/rotate', { overlap: '0s' });
    await manage(disabled.id, 'PATCH', '', { state: 'disabled' });
    clock.advance(60_000);
    expectTwins(await twins(gate, who, { key: revoked.key }), 401, 'token_revoked');
    expectTwins(await twins(gate, who, { key: rotated.key }), 401, 'token_revoked');
    expectTwins(await twins(gate, who, { key: disabled.key }), 401, 'invalid_token');
    expectTwins(await twins(gate, who, { key: expired.key }), 401, 'token_expired');
  });

  test('a key of a workspace that is suspended', async () => {
    const { json } = await server.call('/v1/workspaces', { key: server.rootKey, json: { name: 'Tenant' } });
    const { key } = await makeKey(server, { workspace_id: json.id });
    expect((await server.call(gate, { key })).status).toBe(200);
    const patch = { key: server.rootKey, method: 'PATCH', json: { state: 'suspended' } };
    expect((await server.call(`/v1/workspaces/${json.id}`, patch)).status).toBe(200);
    expectTwins(await twins(gate, who, { key }), 401, 'invalid_token');
  });

  test('a key without the scope, from another address, or that is spent', async () => {
    const { key } = await makeKey(server, { scopes: ['orders:read', 'projects:write'] });
    expectTwins(await twins(`${gate}?scope=projects:read`, projects, { key }), 403, 'insufficient_scope');
    const elsewhere = await makeKey(server, { ip_allowlist: ['203.0.113.0/24'] });
    expectTwins(await twins(gate, who, { key: elsewhere.key }), 403, 'ip_not_allowed');
    const hourly = await makeKey(server, { limits: { per_hour: 1, per_second: 9 } });
    expect((await server.call(gate, { key: hourly.key })).status).toBe(200);
    const spent = await twins(gate, who, { key: hourly.key });
    expectTwins(spent, 429, 'rate_limit_exceeded');
    expect(toldIn(spent[0]).retryAfter).toBe(3600);
    const quoted = await makeKey(server, { quota: { limit: 1, period: 'hour' } });
    expect((await server.call(gate, { key: quoted.key })).status).toBe(200);
    expectTwins(await twins(gate, who, { key: quoted.key }), 429, 'quota_exceeded');
  });

  test('the root key, which opens nothing that is behind it', async () => {
    expectTwins(await twins(gate, projects, { key: server.rootKey }), 403, 'forbidden');
    expect((await server.call(`${gate}?scope=read`, { key: server.rootKey })).status).toBe(403);
  });

  test('as a problem, where that is asked for', async () => {
    const headers = { accept: 'application/problem+json' };
    const [atGate, atApi] = await twins(gate, who, { key: null, headers });
    expect([atGate.status, atGate.json]).toEqual([401, atApi.json]);
    expect(atGate.headers.get('content-type')).toBe(atApi.headers.get('content-type'));
    expectErrorHeader(atGate);
  });
});

describe('401 instead of 400, which proxies would turn into 500', () => {
  const other = mintSecret('secret_test', random);
  const ambiguous: [string, () => string[]][] = [
    ['two Authorization lines', () => [`Authorization: Bearer ${server.key}`, `Authorization: Bearer ${server.key}`]],
    ['two X-API-Key lines', () => [`X-API-Key: ${server.key}`, `X-API-Key: ${server.key}`]],
    ['two that differ', () => [`Authorization: Bearer ${server.key}`, `X-API-Key: ${other}`]],
    ['root beside a key', () => [`Authorization: Bearer ${server.rootKey}`, `X-API-Key: ${server.key}`]],
  ];

  test.each(ambiguous)('for ambiguous credentials: %s (I2, I16)', async (_, headers) => {
    const [atGate] = await sendRaw(server, request('GET /v1/gate', headers()));
    const [atApi] = await sendRaw(server, request('GET /v1/auth/verify', headers()));
    expect([atApi?.status, atApi?.json.error]).toEqual([400, 'ambiguous_credentials']);
    expect([atGate?.status, atGate?.json.error, atGate?.json.code]).toEqual([401, 'ambiguous_credentials', 400]);
    expect(atGate?.headers.get('www-authenticate')).toBe('Bearer error="invalid_request"');
    expectErrorHeader(atGate as WireReply);
  });

  test('for a credential in the URL (I2)', async () => {
    for (const query of [
      'access_token=x',
      'api_key=x',
      `x=${server.key}`,
      `scope=read&path=/x?API_KEY=${server.key}`,
    ]) {
      const reply = await server.call(`/v1/gate?${query}`);
      expect([query, reply.status, reply.json.error]).toEqual([query, 401, 'invalid_request']);
      expectErrorHeader(reply);
      expect(reply.text).not.toContain(server.key);
    }
  });

  test('for a request that names two hosts', async () => {
    const [reply] = await sendRaw(server, request('GET /v1/gate', ['Host: other', `X-API-Key: ${server.key}`]));
    expect([reply?.status, reply?.json.error]).toEqual([401, 'invalid_request']);
  });
});

describe('what cannot be read is nobody (I7)', () => {
  const noIdentity = ({ headers }: { headers: Headers }) =>
    [...headers].filter(([name]) => name.startsWith('x-latchkey-') && name !== 'x-latchkey-error');

  test.each([
    'Bearer',
    'Bearer ',
    'Bearer null',
    'Bearer undefined',
    'Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.',
    'Bearer eyJhbGciOiJIUzI1NiJ9.e30.',
    'Bearer ..',
    'Bearer sk_test_',
    'Bearer {}',
    'Basic YWRtaW46YWRtaW4=',
    'Digest username="admin"',
    'Negotiate',
    'Bearer a b c',
    ', Bearer x',
    '=',
    '\u00ff\u00fe',
  ])('Authorization: %s', async (authorization) => {
    for (const path of ['/v1/gate', '/v2/gate?scope=read', '/v1/gate?environment=any']) {
      for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
        const [reply] = await sendRaw(server, request(`${method} ${path}`, [`Authorization: ${authorization}`]));
        expect([method, path, reply?.status, noIdentity(reply as WireReply)]).toEqual([method, path, 401, []]);
        expect(reply?.headers.get('www-authenticate')).toMatch(/^Bearer/);
      }
    }
  });

  test.each([
    'session=x',
    '__Host-session=x; __Host-session=y',
    'access_token=x',
    '=; ;;; =',
    '%',
    '__proto__=1',
    `session=${'A'.repeat(4000)}`,
    'latchkey=\u00ff',
  ])('Cookie: %s', async (cookie) => {
    const [reply] = await sendRaw(server, request('GET /v1/gate', [`Cookie: ${cookie}`]));
    expect([reply?.status, noIdentity(reply as WireReply)]).toEqual([401, []]);
    const [withKey] = await sendRaw(server, request('GET /v1/gate', [`Cookie: ${cookie}`, `X-API-Key: ${server.key}`]));
    expect(withKey?.status).toBe(200);
  });

  test('whatever the headers say, it is 401 and names nobody', async () => {
    const text = fc
      .oneof(
        fc.string({ unit: 'binary-ascii', maxLength: 60 }),
        fc.stringMatching(/^(?:Bearer|bearer|Basic|DPoP) (?:[sr]k_(?:test|live)|lk_[a-z]{2,4})_[0-9A-Za-z]{40,50}$/),
      )
      .filter((value) => /^[\x20-\x7e]*$/.test(value));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('authorization', 'x-api-key', 'cookie', 'proxy-authorization', 'x-forwarded-user', 'x-user'),
        text,
        async (name, value) => {
          const reply = await server.call('/v1/gate', { key: null, headers: { [name]: value } });
          expect([reply.status, noIdentity(reply)]).toEqual([401, []]);
          expectErrorHeader(reply);
        },
      ),
      { numRuns: 80 },
    );
  });

  test('a secret of another kind calls nothing', async () => {
    for (const kind of ['client_secret', 'refresh_token', 'registration_token', 'access_token'] as const) {
      const reply = await server.call('/v1/gate', { key: mintSecret(kind, random) });
      expect([kind, reply.status, noIdentity(reply)]).toEqual([kind, 401, []]);
    }
  });
});

test('a refusal in another script is plain ASCII in its header', async () => {
  const { key } = await makeKey(server, { scopes: ['read'] });
  for (const scope of ['réad', '日本', '👩‍🚀', 'a"b\\c', '\u0085\u2028', '\u007f', '%']) {
    const reply = await server.call(`/v1/gate?scope=${encodeURIComponent(scope)}`, { key });
    expect(reply.status).toBe(403);
    expect(reply.json.message).toContain(scope);
    expectErrorHeader(reply);
    expect(reply.headers.get('www-authenticate')).toMatch(/^[\x20-\x7e]+$/);
  }
});

test('a call that is let through tells of its limits, and counts with those of the API', async () => {
  const { key } = await makeKey(server, { limits: { per_hour: 4, per_second: 50 } });
  const paths = ['/v1/gate', '/v1/auth/verify', '/v2/gate?scope='];
  for (const [index, path] of paths.entries()) {
    const told = toldIn(await server.call(path, { key, method: index === 2 ? 'POST' : 'GET' }));
    expect(told.policies).toEqual({ hour: { q: 4, w: 3600 }, second: { q: 50, w: 1 } });
    expect(told.hour?.remaining).toBe(3 - index);
  }
  expect((await server.call('/v1/gate?scope=read', { key })).status).toBe(403);
  expect(toldIn(await server.call('/v1/gate', { key, method: 'HEAD' })).hour?.remaining).toBe(0);
  expect((await server.call('/v1/gate', { key, method: 'DELETE' })).status).toBe(429);
  expectUnlimited(await server.call('/v1/gate'));
});

test('LATCHKEY_ERROR_DETAIL=general tells the gate’s callers no more than others', async () => {
  const general = await startServer({ clock, env: { LATCHKEY_ERROR_DETAIL: 'general' } });
  const spent = await makeKey(general, { limits: { per_hour: 1 } });
  await general.call('/v1/gate', { key: spent.key });
  const { key } = await makeKey(general, { ip_allowlist: ['203.0.113.9'] });
  for (const [options, status, code] of [
    [{ key: null }, 401, 'unauthorized'],
    [{ key }, 403, 'forbidden'],
    [{ key: spent.key }, 429, 'rate_limited'],
  ] as const) {
    const reply = await general.call('/v1/gate', options);
    expect([reply.status, reply.json.error]).toEqual([status, code]);
    expectErrorHeader(reply);
    expect(reply.headers.get('x-latchkey-error')).not.toMatch(/missing_token|ip_not_allowed|exceeded/);
  }
});
