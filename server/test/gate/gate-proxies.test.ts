import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MadeKey, makeKey } from '../domains/installation.ts';
import { startServer, stopServers, type TestServer } from '../harness.ts';
import { request, sendRaw, type WireReply } from '../http/raw.ts';

let direct: TestServer;
let proxied: TestServer;
let listed: TestServer;

beforeAll(async () => {
  const start = (trust: string) => startServer({ env: { LATCHKEY_TRUST_PROXY: trust } });
  [direct, proxied, listed] = await Promise.all([startServer(), start('1'), start('127.0.0.0/8, 10.0.0.0/8')]);
});
afterAll(stopServers);

async function ask(server: TestServer, line: string, headers: readonly string[] = []): Promise<WireReply> {
  const [reply] = await sendRaw(server, request(line, headers));
  return reply as WireReply;
}

const outcome = ({ status, json }: WireReply) => (json?.error === undefined ? status : `${status} ${json.error}`);

describe('an address list', () => {
  const list = ['203.0.113.0/24', '2001:db8:1::/48', '::ffff:192.0.2.7'];
  const keys = new Map<TestServer, MadeKey>();
  beforeAll(async () => {
    for (const server of [direct, proxied, listed]) keys.set(server, await makeKey(server, { ip_allowlist: list }));
  });

  const from = async (server: TestServer, ...headers: string[]) => {
    const key = `X-API-Key: ${keys.get(server)?.key}`;
    return outcome(await ask(server, 'GET /v1/gate', [key, ...headers]));
  };
  const refused = '403 ip_not_allowed';

  test.each([
    ['203.0.113.9', 200],
    ['203.0.113.255', 200],
    ['::ffff:203.0.113.9', 200],
    ['::FFFF:CB00:7109', 200],
    ['0:0:0:0:0:ffff:203.0.113.9', 200],
    ['203.0.113.9:4711', 200],
    ['192.0.2.7', 200],
    ['2001:db8:1::9', 200],
    ['2001:0DB8:0001:0000::9', 200],
    ['[2001:db8:1:ffff::1]:4711', 200],
    ['203.0.114.1', refused],
    ['192.0.2.8', refused],
    ['2001:db8:2::9', refused],
    ['::ffff:203.0.114.9', refused],
    ['::203.0.113.9', refused],
    ['203.0.113', refused],
    ['0xcb.0.113.9', refused],
    ['3405803785', refused],
    ['unknown', refused],
    ['', refused],
  ])('sees the address behind a trusted proxy in one spelling: %j is %s (I12)', async (address, expected) => {
    for (const server of [proxied, listed]) {
      expect(await from(server, `X-Forwarded-For: ${address}`)).toBe(expected);
    }
  });

  test('is not fooled by what a caller puts before the proxy’s own word (J15)', async () => {
    expect(await from(proxied, 'X-Forwarded-For: 203.0.113.9, 198.51.100.1')).toBe(refused);
    expect(await from(proxied, 'X-Forwarded-For: 203.0.113.9', 'X-Forwarded-For: 198.51.100.1')).toBe(refused);
    expect(await from(listed, 'X-Forwarded-For: 203.0.113.9, 198.51.100.1, 10.0.0.1')).toBe(refused);
    expect(await from(listed, 'X-Forwarded-For: 198.51.100.1, 203.0.113.9, 10.0.0.1')).toBe(200);
    for (const header of ['Forwarded: for=203.0.113.9', 'X-Real-IP: 203.0.113.9', 'True-Client-IP: 203.0.113.9']) {
      expect([header, await from(proxied, header)]).toEqual([header, refused]);
    }
  });

  test('is not fooled by forwarding headers where no proxy is trusted (J15)', async () => {
    for (const header of [
      'X-Forwarded-For: 203.0.113.9',
      'X-Forwarded-For: 203.0.113.9, 127.0.0.1',
      'Forwarded: for=203.0.113.9',
      'X-Real-IP: 203.0.113.9',
      'X-Client-IP: 203.0.113.9',
      'X-Cluster-Client-IP: 203.0.113.9',
      'X-Original-Forwarded-For: 203.0.113.9',
      'CF-Connecting-IP: 203.0.113.9',
    ]) {
      expect([header, await from(direct, header)]).toEqual([header, refused]);
    }
  });
});

describe('what a proxy is said to have forwarded', () => {
  const forged = [
    'X-Forwarded-Uri: /healthz',
    'X-Forwarded-Uri: /v1/gate?scope=',
    'X-Forwarded-Method: OPTIONS',
    'X-Forwarded-Host: public.example',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Prefix: /public',
    'X-Forwarded-User: admin',
    'X-Forwarded-Groups: admin',
    'X-Auth-Request-User: admin',
    'X-Original-URL: /healthz',
    'X-Original-URI: /healthz',
    'X-Original-Method: OPTIONS',
    'X-Rewrite-URL: /healthz',
    'X-Envoy-Original-Path: /healthz',
    'X-HTTP-Method-Override: OPTIONS',
    'X-HTTP-Method: HEAD',
    'X-Method-Override: GET',
    'Forwarded: host=public.example;proto=https',
    'User-Agent: kube-probe/1.30',
    'User-Agent: GoogleHC/1.0',
    'Referer: http://localhost/healthz',
    'Origin: http://localhost',
    'Purpose: prefetch',
  ];

  test.each(forged)('%s opens nothing and names nobody (I9, I10, I11)', async (header) => {
    for (const server of [direct, proxied]) {
      const { key } = await makeKey(server, { scopes: ['read'] });
      const credential = `Authorization: Bearer ${key}`;
      for (const method of ['GET', 'POST', 'HEAD']) {
        expect((await ask(server, `${method} /v1/gate`, [header])).status).toBe(401);
        expect((await ask(server, `${method} /v1/gate?scope=admin`, [header, credential])).status).toBe(403);
        expect((await ask(server, `${method} /v1/gate?environment=live`, [header, credential])).status).toBe(403);
      }
      const passed = await ask(server, 'GET /v1/gate?scope=read', [header, credential]);
      expect([passed.status, passed.headers.get('x-latchkey-scopes')]).toEqual([200, 'read']);
      const refused = await ask(server, 'GET /v1/gate', [header]);
      expect(refused.json.docs_url).toBe(`${server.issuer}/docs/errors#missing_token`);
    }
  });
});

describe('the gate by another spelling', () => {
  const spellings = [
    '//v1/gate',
    '/v1//gate',
    '/v1/gate/',
    '/v1/gate//',
    '/v1/gate;x',
    '/v1/gate;/healthz',
    '/v1/gate/healthz',
    '/v1/gate/../../healthz',
    '/healthz/../v1/gate',
    '/healthz/%2e%2e/v1/gate',
    '/v1/gate%2f..%2f..%2fhealthz',
    '/v1/%67ate',
    '/v1/gat%65?x=/healthz',
    '/v1/gate?/healthz',
    '/v1/gate%00',
    '/v1/gate%20',
    '/v1/gate%3f',
    '/V1/GATE',
    '/v1/Gate',
    '/v1/gate.json',
    '/v3/gate',
    '/gate',
    '/v1/gat%E9',
    '/v1/gate%',
    'http://public.example/v1/gate',
    'http://localhost/v1/gate?x=http://localhost/healthz',
    '*',
  ];

  test.each(spellings)('%s lets nobody pass without a name (I10, I11)', async (path) => {
    const { key, id } = await makeKey(direct, { scopes: ['read'] });
    for (const method of ['GET', 'HEAD', 'POST', 'PROPFIND', 'TRACE']) {
      const nobody = await ask(direct, `${method} ${path}`);
      expect([method, nobody.status >= 400]).toEqual([method, true]);
      const known = await ask(direct, `${method} ${path}`, [`X-API-Key: ${key}`]);
      if (known.status < 300) expect(known.headers.get('x-latchkey-credential-id')).toBe(id);
      else expect(known.status).toBeGreaterThanOrEqual(400);
    }
  });

  test.each(['PROPFIND', 'TRACE', 'SEARCH', 'QUERY', 'LOCK', 'MKCOL', 'PURGE'])('%s is refused', async (method) => {
    const { key } = await makeKey(direct, {});
    const reply = await ask(direct, `${method} /v1/gate`, [`X-API-Key: ${key}`]);
    expect([reply.status, reply.json.error]).toEqual([405, 'method_not_allowed']);
  });
});
