import { afterEach, describe, expect, test } from 'vitest';
import { makeKey } from '../domains/installation.ts';
import { startServer, stopServers, type TestServer } from '../harness.ts';
import { claimsOf, mint, newUserId } from '../tokens/issuing.ts';
import { newClient } from './clients.ts';

afterEach(stopServers);

const SERVER_PATHS = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'];
const RESOURCE = '/.well-known/oauth-protected-resource';

const nobody = { key: null };
const forged = {
  host: 'evil.example',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'https',
  forwarded: 'host=evil.example;proto=https',
};

async function addResource(server: TestServer, audience: string, name = 'Tools') {
  const reply = await server.call('/v1/resources', { key: server.rootKey, json: { name, audience } });
  expect(reply.status, reply.text).toBe(201);
  return reply.json;
}

describe('the documents about the server', () => {
  test('are one document at each place, with the issuer as it is set, whatever host is asked', async () => {
    const server = await startServer({ env: { LATCHKEY_ISSUER: 'http://id.example:8080' } });
    const [first, ...others] = await Promise.all(
      SERVER_PATHS.flatMap((path) => [server.call(path, nobody), server.call(path, { ...nobody, headers: forged })]),
    );
    expect(first?.json.issuer).toBe('http://id.example:8080');
    expect(first?.json.issuer).toBe(claimsOf(mint(server)).iss);
    for (const { status, json } of others) expect([status, json]).toEqual([200, first?.json]);
    expect(JSON.stringify(first?.json)).not.toContain('evil');
    for (const [name, value] of Object.entries(first?.json ?? {})) {
      if (/_endpoint$|_uri$/.test(name)) expect(value, name).toMatch(/^http:\/\/id\.example:8080\//);
    }
  });

  test('are found by the inserted path of an issuer, and no other issuer is found there', async () => {
    const server = await startServer({ env: { LATCHKEY_ISSUER: 'http://id.example/auth/eu' } });
    for (const path of SERVER_PATHS) {
      const inserted = await server.call(`${path}/auth/eu`, nobody);
      expect([inserted.status, inserted.json?.issuer]).toEqual([200, 'http://id.example/auth/eu']);
      for (const other of ['/auth', '/auth/eu/', '/auth/us', '/', '/auth/eu/x']) {
        const reply = await server.call(path + other, nobody);
        expect([reply.status, reply.headers.get('content-type')], path + other).toEqual([
          404,
          'application/json; charset=utf-8',
        ]);
      }
    }
    const token = mint(server, { audience: 'http://id.example/auth/eu/v1' });
    expect(claimsOf(token).iss).toBe('http://id.example/auth/eu');
    const resource = await server.call(`${RESOURCE}/auth/eu/v1`, nobody);
    expect(resource.json).toMatchObject({
      resource: 'http://id.example/auth/eu/v1',
      authorization_servers: ['http://id.example/auth/eu'],
    });
  });

  test('may be read by every page and kept for a while; what else is well-known is 404 in JSON', async () => {
    const server = await startServer();
    for (const path of [...SERVER_PATHS, RESOURCE, `${RESOURCE}/v1`]) {
      const { status, headers } = await server.call(path, { ...nobody, headers: { origin: 'https://app.example' } });
      expect(status).toBe(200);
      expect(headers.get('access-control-allow-origin')).toBe('*');
      expect(headers.has('access-control-allow-credentials')).toBe(false);
      expect(headers.get('cache-control')).toBe('max-age=300');
      const again = await server.call(path, { ...nobody, headers: { 'if-none-match': headers.get('etag') ?? '' } });
      expect(again.status).toBe(304);
      const preflight = await server.call(path, { ...nobody, method: 'OPTIONS' });
      expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
      const accept = { accept: 'text/html,application/xhtml+xml' };
      expect((await server.call(`${path}x`, { ...nobody, headers: accept })).headers.get('content-type')).toBe(
        'application/json; charset=utf-8',
      );
    }
    for (const path of ['/.well-known/', '/.well-known/webfinger', '/.well-known/openid-configuration/x']) {
      const reply = await server.call(path, { ...nobody, headers: { accept: 'text/html' } });
      expect([reply.status, reply.json?.error?.reason], path).toEqual([404, 'not_found']);
    }
  });

  test('promise no endpoint that does not answer', async () => {
    const server = await startServer();
    const { json } = await server.call(SERVER_PATHS[0] ?? '', nobody);
    const named = Object.entries(json).filter(([name]) => /_endpoint$|_uri$/.test(name)) as [string, string][];
    expect(named.map(([name]) => name)).toEqual(expect.arrayContaining(['jwks_uri', 'userinfo_endpoint']));
    for (const [name, url] of named) {
      expect(url.startsWith(`${server.issuer}/`), name).toBe(true);
      const path = url.slice(server.issuer.length);
      expect((await server.call(path, { ...nobody, method: 'OPTIONS' })).status, name).toBe(204);
    }
  });
});

describe('the documents about resources', () => {
  test('each stands where its address says, and names itself byte for byte', async () => {
    const server = await startServer();
    const here = `${server.issuer}/mcp/tools`;
    const elsewhere = 'https://mcp.example/mcp?x=y';
    await addResource(server, here);
    await addResource(server, elsewhere, 'Elsewhere');
    const scope = { name: 'tools:call', description: 'Call tools.', resource: here };
    expect((await server.call('/v1/scopes', { key: server.rootKey, json: scope })).status).toBe(422);
    const usual = await server.call(`${RESOURCE}/v1`, nobody);
    expect(usual.json).toEqual({
      resource: `${server.issuer}/v1`,
      authorization_servers: [server.issuer],
      scopes_supported: expect.arrayContaining(['read', 'projects:write']),
      bearer_methods_supported: ['header'],
      resource_name: 'Default',
    });
    expect(usual.json.scopes_supported).not.toContain('openid');
    expect((await server.call(RESOURCE, nobody)).json).toEqual(usual.json);
    expect((await server.call(`${RESOURCE}/mcp/tools`, nobody)).json).toMatchObject({ resource: here });
    const named = await server.call(`${RESOURCE}?resource=${encodeURIComponent(elsewhere)}`, nobody);
    expect(named.json).toMatchObject({ resource: elsewhere, resource_name: 'Elsewhere' });
    for (const path of ['/mcp', '/mcp/tools/', '/nothing', '?resource=https%3A%2F%2Fmcp.example']) {
      expect((await server.call(RESOURCE + path, nobody)).status, path).toBe(404);
    }
  });

  test('a scope of a resource is told there and nowhere else', async () => {
    const server = await startServer();
    const { id } = await addResource(server, `${server.issuer}/mcp`);
    const json = { name: 'tools:call', description: 'Call tools.', resource: id };
    const made = await server.call('/v1/scopes', { key: server.rootKey, json });
    expect(made.status, made.text).toBe(201);
    expect((await server.call(`${RESOURCE}/mcp`, nobody)).json.scopes_supported).toEqual(['tools:call']);
    expect((await server.call(`${RESOURCE}/v1`, nobody)).json.scopes_supported).not.toContain('tools:call');
  });
});

describe('challenges name the document of the resource (RFC 9728 §5.1)', () => {
  const challenge = async (server: TestServer, path: string, options: Parameters<TestServer['call']>[1]) => {
    const reply = await server.call(path, options);
    return [reply.status, reply.headers.get('www-authenticate')];
  };

  test('of the API: bare without a credential, with the error for a bad one, with the scope for too little', async () => {
    const server = await startServer();
    const where = `resource_metadata="${server.issuer}${RESOURCE}/v1"`;
    expect(await challenge(server, '/v1/projects', nobody)).toEqual([401, `Bearer ${where}`]);
    const [status, told] = await challenge(server, '/v2/projects', { key: mint(server).slice(0, -4) });
    expect([status, told]).toEqual([401, expect.stringMatching(/^Bearer error="invalid_token", error_description="/)]);
    expect(told).toContain(where);
    const { key } = await makeKey(server, { scopes: ['projects:read'] });
    const [refused, wants] = await challenge(server, '/v1/projects', { key, json: { name: 'x' } });
    expect([refused, wants]).toEqual([403, expect.stringContaining('scope="projects:write"')]);
    expect(wants).toContain(where);
  });

  test('of the gate: the resource that it names, and none where that has no document', async () => {
    const server = await startServer();
    await addResource(server, 'https://mcp.example/mcp');
    const at = (resource: string) => challenge(server, `/v1/gate?resource=${encodeURIComponent(resource)}`, nobody);
    const url = `${server.issuer}${RESOURCE}?resource=${encodeURIComponent('https://mcp.example/mcp')}`;
    expect(await at('https://mcp.example/mcp')).toEqual([401, `Bearer resource_metadata="${url}"`]);
    const document = await server.call(url.slice(server.issuer.length), nobody);
    expect(document.json.resource).toBe('https://mcp.example/mcp');
    expect(await at('https://unknown.example')).toEqual([401, 'Bearer']);
  });

  test('what is open to anybody names none', async () => {
    const server = await startServer();
    const json = { username: 'nobody@example.com', password: 'wrong wrong wrong' };
    const [status, told] = await challenge(server, '/v1/auth/login', { key: null, json });
    expect(status).toBe(401);
    expect(told).not.toContain('resource_metadata');
  });
});

describe('userinfo', () => {
  let clientId: string;
  const start = async () => {
    const server = await startServer();
    clientId = (await newClient(server)).id;
    return server;
  };

  const person = async (server: TestServer, changes: object = {}) => {
    const json = {
      email: `u${newUserId()}@example.com`.toLowerCase(),
      password: 'a long enough password',
      name: 'Ada',
      ...changes,
    };
    const reply = await server.call('/v1/users', { key: server.rootKey, json });
    expect(reply.status, reply.text).toBe(201);
    return reply.json;
  };

  test('tells what the scopes open, by GET and POST, at any resource, and nothing more', async () => {
    const server = await start();
    const user = await person(server, { email_verified: true });
    const { audience } = await addResource(server, 'https://mcp.example');
    const told = async (scopes: string[], options: object = {}) => {
      const key = mint(server, { subject: user.id, clientId, scopes, audience });
      const reply = await server.call('/oauth/userinfo', { key, ...options });
      expect(reply.status, reply.text).toBe(200);
      expect(reply.headers.get('cache-control')).toBe('no-store');
      return reply.json;
    };
    expect(await told(['openid'])).toEqual({ sub: user.id });
    expect(await told(['openid', 'profile'])).toEqual({ sub: user.id, name: 'Ada' });
    const all = { sub: user.id, name: 'Ada', email: user.email, email_verified: true };
    expect(await told(['openid', 'profile', 'email', 'read'])).toEqual(all);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const scopes = ['openid', 'profile', 'email'];
    expect(await told(scopes, { method: 'POST' })).toEqual(all);
    expect(await told(scopes, { method: 'POST', headers: form, body: '' })).toEqual(all);
    expect(await told(scopes, { method: 'POST', headers: form, body: 'x=1' })).toEqual(all);
  });

  test('an address that waits for its confirmation is not told, and is not called verified', async () => {
    const server = await start();
    const user = await person(server, { email_verified: false });
    const key = mint(server, { subject: user.id, clientId, scopes: ['openid', 'email'] });
    const { json } = await server.call('/oauth/userinfo', { key });
    expect(json).toEqual({ sub: user.id, email: user.email, email_verified: false });
  });

  test('refuses in the words of RFC 6750 whoever is no user that allowed openid', async () => {
    const server = await start();
    const user = await person(server);
    const at = async (key: string | null) => {
      const reply = await server.call('/oauth/userinfo', { key });
      return [reply.status, reply.json.error, reply.headers.get('www-authenticate')?.split(' ')[0]];
    };
    expect(await at(null)).toEqual([401, 'invalid_token', 'Bearer']);
    expect(await at('nonsense')).toEqual([401, 'invalid_token', 'Bearer']);
    const without = mint(server, { subject: user.id, clientId, scopes: ['read', 'email'] });
    expect(await at(without)).toEqual([403, 'insufficient_scope', 'Bearer']);
    expect((await at(server.rootKey))[0]).toBe(403);
    const { key } = await makeKey(server, { scopes: ['openid', 'email'] });
    expect((await at(key)).slice(0, 2)).toEqual([401, 'invalid_token']);
    const good = mint(server, { subject: user.id, clientId, scopes: ['openid'] });
    expect((await at(good))[0]).toBe(200);
    const disable = { method: 'PATCH', key: server.rootKey, json: { state: 'disabled' } };
    expect((await server.call(`/v1/users/${user.id}`, disable)).status).toBe(200);
    expect((await at(good)).slice(0, 2)).toEqual([401, 'invalid_token']);
  });
});
