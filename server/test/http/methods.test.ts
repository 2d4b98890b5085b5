import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, stopServers, type TestServer } from '../harness.ts';
import { request, sendRaw } from './raw.ts';

afterAll(stopServers);

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

describe('a path that is not there', () => {
  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'TRACE', 'QUERY'])(
    '%s is 404 in JSON',
    async (method) => {
      for (const path of ['/v1/nowhere', '/v2/nowhere', '/nowhere', '/v1', '/v2/', '/v3/projects']) {
        const [reply] = await sendRaw(server, request(`${method} ${path}`));
        expect([reply?.status, reply?.headers.get('content-type')]).toEqual([404, 'application/json; charset=utf-8']);
        const { error } = reply?.json ?? {};
        expect(error.reason ?? error).toBe('not_found');
      }
    },
  );

  test.each([
    ['{{{', 'application/json'],
    ['hello', 'text/plain'],
    ['x'.repeat(70_000), 'application/json'],
  ])('stays 404 whatever its body is (%#)', async (body, type) => {
    const reply = await server.call('/v1/nowhere', { body, headers: { 'content-type': type } });
    expect([reply.status, reply.json.error]).toEqual([404, 'not_found']);
  });
});

describe('a method that a path does not have', () => {
  const allow = async (method: string, path: string) => {
    const [reply] = await sendRaw(server, request(`${method} ${path}`));
    const { error } = reply?.json ?? {};
    return [reply?.status, error?.reason ?? error, reply?.headers.get('allow')];
  };

  test.each([
    ['POST', '/v1/auth/verify', 'GET, HEAD, OPTIONS'],
    ['DELETE', '/v2/auth/test', 'GET, HEAD, OPTIONS'],
    ['PUT', '/v1/api-keys', 'GET, HEAD, OPTIONS, POST'],
    ['PUT', '/api-keys', 'GET, HEAD, OPTIONS, POST'],
    ['POST', '/v1/projects/prj_000000000000000000000000', 'DELETE, GET, HEAD, OPTIONS, PATCH'],
    ['GET', '/v1/api-keys/key_000000000000000000000000/revoke', 'OPTIONS, POST'],
    ['PROPFIND', '/healthz', 'GET, HEAD, OPTIONS'],
    ['QUERY', '/v1/projects', 'GET, HEAD, OPTIONS, POST'],
    ['TRACE', '/v1/projects', 'GET, HEAD, OPTIONS, POST'],
    ['POST', '/openapi.json', 'GET, HEAD, OPTIONS'],
  ])('%s %s is 405 and names those it has', async (method, path, methods) => {
    expect(await allow(method, path)).toEqual([405, 'method_not_allowed', methods]);
  });

  test('HEAD of a path without GET', async () => {
    const reply = await server.call('/v1/api-keys/key_000000000000000000000000/revoke', { method: 'HEAD' });
    expect([reply.status, reply.headers.get('allow'), reply.text]).toEqual([405, 'OPTIONS, POST', '']);
  });

  test('no header overrides the method', async () => {
    const { id } = (await server.call('/v1/projects', { json: { name: 'stays' } })).json;
    for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
      expect((await server.call(`/v1/projects/${id}`, { headers: { [name]: 'DELETE' } })).status).toBe(200);
    }
    expect((await server.call(`/v1/projects/${id}?_method=DELETE`)).json).toEqual({ id, name: 'stays' });
  });
});

describe('HEAD', () => {
  test('answers wherever GET does, the same without the body', async () => {
    await server.call('/v1/orders', { json: { item: 'x' } });
    const { paths } = (await server.call('/openapi.json')).json as { paths: Record<string, object> };
    const readable = Object.keys(paths).filter((path) => 'get' in (paths[path] ?? {}));
    const answered: string[] = [];
    for (const template of readable) {
      const [list = '', rest] = template.split(/(?=\/\{)/);
      const some = rest === undefined ? undefined : (await server.call(list)).json.data?.[0];
      const path = template.replace(/\{\w+\}/, some?.id ?? some?.name ?? 'none');
      const credential = template === '/metrics' ? server.rootKey : server.key;
      const got = await server.call(path, { key: credential });
      const head = await server.call(path, { key: credential, method: 'HEAD' });
      expect([path, head.status, head.text]).toEqual([path, got.status, '']);
      expect(head.headers.get('content-type')).toBe(got.headers.get('content-type'));
      expect(head.headers.has('content-length')).toBe(got.headers.has('content-length'));
      if (got.status === 200) answered.push(template);
    }
    expect(answered).toEqual(
      expect.arrayContaining(['/healthz', '/docs/errors', '/v1/auth/verify', '/v2/api-keys/{id}', '/v1/orders/{id}']),
    );
    expect(answered.length).toBeGreaterThan(20);
  });

  test('is guarded like GET', async () => {
    expect((await server.call('/v1/projects', { method: 'HEAD', key: null })).status).toBe(401);
    const { key } = (await server.call('/v1/api-keys', { json: { name: 'x', scopes: [] } })).json;
    expect((await server.call('/v1/projects', { method: 'HEAD', key })).status).toBe(403);
  });
});

test.each([
  '//v1/auth/verify',
  '/v1//auth/verify',
  '/v1/auth/verify/',
  '/v1/auth/verify;x',
  '/v1/auth/verify;/healthz',
  '/healthz/../v1/auth/verify',
  '/healthz/%2e%2e/v1/auth/verify',
  '/V1/AUTH/VERIFY',
  '/%761/auth/verify',
  '/v1/auth%2Fverify',
  '/v1/auth/verify%00',
  '/v1/auth/verify?x=/healthz',
  '/v1/auth/verify#/healthz',
  '/v1/auth/verify%3f/healthz',
  '\\v1\\auth\\verify',
  '/v1/auth/./verify',
  'http://localhost/v1/auth/verify',
])('%s does not go around the door', async (target) => {
  const [reply] = await sendRaw(server, request(`GET ${target}`));
  expect(reply?.status).toBeGreaterThanOrEqual(400);
  expect(reply?.status).toBeLessThan(500);
  expect(reply?.text).not.toContain('authenticated":true');
});

describe('CORS', () => {
  const corsHeaders = (headers: Headers) => [...headers.keys()].filter((name) => name.startsWith('access-control-'));
  const preflight = (path: string, origin: string) =>
    server.call(path, {
      method: 'OPTIONS',
      key: null,
      headers: { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' },
    });

  test.each(['https://evil.example', 'null'])('a page of %s may read the OpenAPI documents', async (origin) => {
    for (const path of ['/openapi.json', '/openapi.yaml']) {
      const reply = await server.call(path, { key: null, headers: { origin } });
      expect([reply.status, reply.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
      expect(reply.headers.get('access-control-expose-headers')).toMatch(/WWW-Authenticate.*RateLimit/);
      const asked = await preflight(path, origin);
      expect([asked.status, asked.text]).toEqual([204, '']);
      expect(asked.headers.get('access-control-allow-origin')).toBe('*');
      expect(asked.headers.get('access-control-allow-methods')).toBe('GET, HEAD, OPTIONS');
      expect(asked.headers.get('access-control-allow-headers')).toContain('Authorization');
      for (const { headers } of [reply, asked]) expect(headers.has('access-control-allow-credentials')).toBe(false);
    }
  });

  test.each(['https://evil.example', 'null', 'http://localhost'])('a page of %s reads nothing else', async (origin) => {
    for (const path of [
      '/v1/auth/verify',
      '/v1/projects',
      '/v2/api-keys',
      '/api-keys',
      '/metrics',
      '/healthz',
      '/no',
    ]) {
      const replies = [
        await server.call(path, { headers: { origin } }),
        await server.call(path, { headers: { origin }, key: null }),
        await preflight(path, origin),
      ];
      for (const { headers } of replies) expect([path, corsHeaders(headers)]).toEqual([path, []]);
    }
  });

  test('OPTIONS asks nobody who they are', async () => {
    const reply = await preflight('/v1/api-keys', 'https://evil.example');
    expect([reply.status, reply.headers.get('allow'), reply.text]).toEqual([204, 'GET, HEAD, OPTIONS, POST', '']);
    expect((await preflight('/v1/nowhere', 'https://evil.example')).json.error).toBe('not_found');
  });
});

describe('headers of every reply', () => {
  const paths: [string, Parameters<TestServer['call']>[1]?][] = [
    ['/healthz'],
    ['/v1/auth/verify'],
    ['/v1/auth/verify', { key: null }],
    ['/v1/projects', { json: { name: 'x' } }],
    ['/v1/projects', { json: {} }],
    ['/v1/%zz'],
    ['/nowhere'],
    ['/openapi.json', { method: 'OPTIONS' }],
  ];

  test.each(paths)('%s %j: never stored, never sniffed, no cookie', async (path, options) => {
    const { headers } = await server.call(path, options);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    for (const name of ['set-cookie', 'server', 'x-powered-by', 'strict-transport-security']) {
      expect([name, headers.has(name)]).toEqual([name, false]);
    }
  });

  test('the page of errors runs no script and stands in no frame', async () => {
    const { headers, text } = await server.call('/docs/errors', { key: null });
    expect(text).not.toContain('<script');
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none';.*frame-ancestors 'none'; base-uri 'none'$/,
    );
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });

  test('with an https issuer, HSTS is in each of them', async () => {
    const secure = await startServer({ env: { LATCHKEY_ISSUER: 'https://auth.example.com' } });
    const wanted = 'max-age=31536000; includeSubDomains';
    for (const [path, options] of paths) {
      const { headers } = await secure.call(path, options);
      expect([path, headers.get('strict-transport-security')]).toEqual([path, wanted]);
    }
    const [refused] = await sendRaw(secure, 'NONSENSE\r\n\r\n');
    expect(refused?.headers.get('strict-transport-security')).toBe(wanted);
    const { json } = await secure.call('/v1/nowhere', { headers: { host: 'evil.example' } });
    expect(json.docs_url).toBe('https://auth.example.com/docs/errors#not_found');
  });
});
