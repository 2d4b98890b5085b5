import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MadeKey, makeKey } from '../domains/installation.ts';
import { startServer, stopServers, type TestServer } from '../harness.ts';
import { request, sendRaw, type WireReply } from '../http/raw.ts';

let server: TestServer;
let made: MadeKey;

beforeAll(async () => {
  server = await startServer();
  made = await makeKey(server, { scopes: ['read', 'write:orders'], owner: 'billing team' });
});
afterAll(stopServers);

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const IDENTITY = [
  'method',
  'user-id',
  'subject',
  'workspace-id',
  'client-id',
  'credential-id',
  'environment',
  'scopes',
  'request-id',
].map((name) => `x-latchkey-${name}`);

async function ask(line: string, headers: readonly string[] = [], body: string | Buffer = ''): Promise<WireReply> {
  const replies = await sendRaw(server, request(line, [`Authorization: Bearer ${made.key}`, ...headers], body));
  expect(replies).toHaveLength(1);
  return replies[0] as WireReply;
}

/** Every X-Latchkey-* header of a reply, by its name. */
const latchkeyHeaders = ({ headers }: { headers: Headers }) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('x-latchkey') || name.includes('_')));

/** As a proxy's upstream would read it. */
const decoded = (reply: { headers: Headers }, name: string) =>
  decodeURIComponent(reply.headers.get(`x-latchkey-${name}`) ?? 'absent');

describe.each(['/v1/gate', '/v2/gate'])('a valid key at %s', (path) => {
  test.each(METHODS)('passes with %s, and its identity stands in headers', async (method) => {
    const reply = await ask(`${method} ${path}`);
    expect([reply.status, reply.text]).toEqual([200, '']);
    expect(latchkeyHeaders(reply)).toEqual({
      'x-latchkey-method': 'api_key',
      'x-latchkey-user-id': 'billing%20team',
      'x-latchkey-subject': made.id,
      'x-latchkey-workspace-id': server.workspaceId,
      'x-latchkey-client-id': '',
      'x-latchkey-credential-id': made.id,
      'x-latchkey-environment': 'test',
      'x-latchkey-scopes': 'read write:orders',
      'x-latchkey-request-id': reply.headers.get('x-request-id'),
    });
    expect(reply.headers.get('cache-control')).toBe('no-store');
    expect(reply.headers.getSetCookie()).toEqual([]);
  });

  test('passes as X-API-Key too', async () => {
    const reply = await server.call(path, { key: null, headers: { 'x-api-key': made.key } });
    expect([reply.status, reply.headers.get('x-latchkey-credential-id')]).toEqual([200, made.id]);
  });
});

describe('the body', () => {
  const types = [
    'application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/plain; charset=latin1',
    'application/grpc',
    'image/png',
    'nonsense',
    '',
    ';;;',
    'application/json, text/plain',
  ];

  test.each(types)('of type %j is not looked at', async (type) => {
    for (const method of METHODS) {
      const reply = await ask(`${method} /v1/gate`, [`Content-Type: ${type}`], Buffer.from('{"broken\0\xff', 'latin1'));
      expect([method, reply.status]).toEqual([method, 200]);
    }
  });

  test('without a type, or compressed, or in chunks, is not looked at', async () => {
    for (const headers of [[], ['Content-Encoding: gzip'], ['Content-Encoding: nonsense']]) {
      expect((await ask('POST /v1/gate', headers, 'not what it says')).status).toBe(200);
    }
    const chunked = ['Transfer-Encoding: chunked', 'Content-Type: application/json'];
    expect((await ask('POST /v1/gate', chunked, '3\r\nabc\r\n0\r\n\r\n')).status).toBe(200);
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'GET', 'OPTIONS'])('of %s is not waited for', async (method) => {
    const bytes = request(`${method} /v1/gate`, [
      `Authorization: Bearer ${made.key}`,
      'Content-Type: application/json',
      'Content-Length: 1000000000',
    ]);
    const [reply] = await sendRaw(server, bytes);
    expect([reply?.status, reply?.headers.get('x-latchkey-credential-id')]).toEqual([200, made.id]);
  });
});

describe('identity in headers', () => {
  test('of a key without owner and scopes is all there, and empty where there is nothing', async () => {
    const plain = await makeKey(server, { environment: 'live' });
    const reply = await server.call('/v1/gate', { key: plain.key });
    expect(Object.keys(latchkeyHeaders(reply)).sort()).toEqual([...IDENTITY].sort());
    expect(latchkeyHeaders(reply)).toMatchObject({
      'x-latchkey-user-id': '',
      'x-latchkey-client-id': '',
      'x-latchkey-scopes': '',
      'x-latchkey-environment': 'live',
    });
  });

  test('names the member that owns a key', async () => {
    const reply = await server.call('/v1/gate');
    expect(reply.headers.get('x-latchkey-user-id')).toMatch(/^usr_[0-9A-Za-z]{24}$/);
  });

  test.each([
    'Ann & Bob',
    '100% sure',
    '%41%0d%0a',
    'a\r\nX-Latchkey-Scopes: admin',
    'line\nbreak',
    '\ttab',
    ' spaces at the ends ',
    'Zoë Ångström',
    '日本語',
    '👩‍🚀 astronaut',
    '\u202emirrored',
    '\u0001control\u007f',
    '"quoted", comma; semicolon',
    '=?utf-8?q?x?=',
  ])('an owner called %j cannot break them, and is read back by one decoding', async (owner) => {
    const { key, id } = await makeKey(server, { owner, scopes: ['read'] });
    const reply = await server.call('/v1/gate', { key });
    expect(reply.status).toBe(200);
    expect(decoded(reply, 'user-id')).toBe(owner);
    expect(reply.headers.get('x-latchkey-user-id')).toMatch(/^[\x21-\x7e]*$/);
    expect([reply.headers.get('x-latchkey-scopes'), decoded(reply, 'credential-id')]).toEqual(['read', id]);
  });

  test('whatever the owner is called, it is read back', async () => {
    const owner = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 40 })
      .filter((text) => text.isWellFormed() && !text.includes('\0'));
    const key = await makeKey(server, {});
    const path = `/v1/api-keys/${key.id}`;
    await fc.assert(
      fc.asyncProperty(owner, async (text) => {
        const json = { workspace_id: server.workspaceId, owner: text };
        expect((await server.call(path, { key: server.rootKey, method: 'PATCH', json })).status).toBe(200);
        const reply = await server.call('/v1/gate', { key: key.key });
        expect(reply.status).toBe(200);
        expect(decoded(reply, 'user-id')).toBe(text);
      }),
      { numRuns: 40 },
    );
  });

  test('keeps the request id of the proxy, when it is one', async () => {
    const kept = await ask('GET /v1/gate', ['X-Request-ID: from-the.proxy_1']);
    expect(kept.headers.get('x-latchkey-request-id')).toBe('from-the.proxy_1');
    const made = await ask('GET /v1/gate', ['X-Request-ID: not one', 'X-Latchkey-Request-Id: forged']);
    expect(made.headers.get('x-latchkey-request-id')).toMatch(/^req_/);
    expect(made.headers.get('x-latchkey-request-id')).toBe(made.headers.get('x-request-id'));
  });

  test('that a caller sends is never repeated, in whatever spelling (I8)', async () => {
    const forged = IDENTITY.flatMap((name) => {
      const shouted = name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase());
      return [`${shouted}: forged`, `${shouted.replaceAll('-', '_')}: forged`, `${name}: forged`];
    });
    const plain = latchkeyHeaders(await ask('GET /v1/gate', ['X-Request-ID: same']));
    const named = `Connection: close, ${IDENTITY.join(', ')}`;
    for (const headers of [forged, ['X-Latchkey-Admin: forged', 'X-Latchkey-Error: forged', named]]) {
      const reply = await ask('GET /v1/gate', ['X-Request-ID: same', ...headers]);
      expect(reply.status).toBe(200);
      expect(latchkeyHeaders(reply)).toEqual(plain);
      expect(JSON.stringify([...reply.headers])).not.toContain('forged');
    }
    const [refused] = await sendRaw(server, request('GET /v1/gate', forged));
    expect(refused?.status).toBe(401);
    expect(JSON.stringify([...(refused?.headers ?? [])])).not.toContain('forged');
    expect(Object.keys(latchkeyHeaders(refused as WireReply))).toEqual(['x-latchkey-error']);
  });
});

describe('what the operator asks for', () => {
  const gate = async (query: string, key = made.key) => {
    const reply = await server.call(`/v1/gate${query}`, { key });
    return [reply.status, reply.json?.error];
  };
  const passes = [200, undefined];
  const lacks = [403, 'insufficient_scope'];
  const wrong = [403, 'wrong_environment'];

  test.each([
    ['', passes],
    ['?resource=https://api.example/v1', passes],
    ['?resource=https://api.example/v1&scope=read', passes],
    ['?resource=https://api.example/v1&scope=admin', lacks],
    ['?scope=', passes],
    ['?scope=read', passes],
    ['?scope=projects:read', passes],
    ['?scope=write:orders', passes],
    ['?scope=orders:write', passes],
    ['?scope=read%20orders:write', passes],
    ['?scope=read+orders:write', passes],
    ['?scope=read,orders:write', passes],
    ['?scope=write', lacks],
    ['?scope=projects:write', lacks],
    ['?scope=read%20write', lacks],
    ['?scope=read,admin', lacks],
    ['?scope=never:was', lacks],
    ['?scope=read%20never:was', lacks],
    ['?scope=READ', lacks],
    ['?scope=__proto__', lacks],
    ['?scope=rea', lacks],
    ['?scope=r%C3%A9ad', lacks],
  ] as const)('by scope: %s', async (query, expected) => {
    expect(await gate(query)).toEqual(expected);
  });

  test('by scope, which the refusal names beside those held', async () => {
    const { json, headers } = await server.call('/v1/gate?scope=orders:write,projects:write', { key: made.key });
    for (const scope of ['projects:write', 'read', 'write:orders']) expect(json.message).toContain(scope);
    expect(headers.get('www-authenticate')).toMatch(/^Bearer error="insufficient_scope", .*scope="orders:write proj/);
  });

  test('by environment', async () => {
    const live = await makeKey(server, { environment: 'live', scopes: ['read'] });
    for (const [query, forTest, forLive] of [
      ['?environment=test', passes, wrong],
      ['?environment=live', wrong, passes],
      ['?environment=any', passes, passes],
      ['?environment=live&scope=read', wrong, passes],
      ['?environment=test&scope=admin', lacks, wrong],
      ['', passes, passes],
    ] as const) {
      expect([query, await gate(query), await gate(query, live.key)]).toEqual([query, forTest, forLive]);
    }
  });

  test('in a way that cannot be read lets nobody pass', async () => {
    for (const query of [
      '?environment=production',
      '?environment=',
      '?environment=LIVE',
      '?environment=test&environment=live',
      '?scope=read&scope=read',
      '?scopes=read',
      '?Scope=read',
      '?scope[]=read',
      '?scope=read&enviroment=live',
      '?__proto__=x',
      '?resource=orders',
      '?resource=',
      '?resource=https://a.example/%23b',
      '?resource=https://a.example&resource=https://b.example',
    ]) {
      for (const key of [made.key, null]) {
        const reply = await server.call(`/v1/gate${query}`, { key });
        expect([query, reply.status, reply.json.error]).toEqual([query, 403, 'forbidden']);
        const parameter = decodeURIComponent(query.slice(query.lastIndexOf('&') + 1 || 1, query.lastIndexOf('=')));
        expect(reply.json.message).toContain(parameter);
        expect(JSON.parse(reply.headers.get('x-latchkey-error') ?? '')).toEqual(reply.json);
      }
    }
  });

  test('is not loosened by what a proxy appends from the caller’s own URL (I10)', async () => {
    for (const appended of [
      '&path=/x?scope=read',
      '&path=/x?&scope=read',
      '&path=/x&scope=',
      '&path=/x?y&scope=read&scope=read',
      '&scope[]=read',
      '&Scope=read',
      '&scope%00=read',
      '&resource=public',
      '&path=/healthz',
      '&path=/../../healthz',
    ]) {
      expect((await server.call(`/v1/gate?scope=admin${appended}`, { key: made.key })).status).toBeGreaterThan(400);
      const live = await server.call(`/v1/gate?environment=live${appended}&environment=any`, { key: made.key });
      expect(live.status).toBeGreaterThan(400);
    }
  });
});
