import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { claimsOf } from '../tokens/issuing.ts';
import { basic, newClient, post, refusal, type TestClient, token } from './clients.ts';

const GRANT = { grant_type: 'client_credentials' };

describe.each(DATABASES)('client credentials on %s', (database) => {
  const clock = manualClock();
  let server: TestServer;
  let service: TestClient;
  beforeAll(async () => {
    server = await startServer({ database, clock });
    service = await newClient(server, { type: 'service', scopes: ['read', 'projects:write'] });
  });
  afterAll(stopServers);

  test('give a token of the application itself, short, and never a refresh token', async () => {
    const reply = await token(server, service, GRANT);
    expect(reply.status, reply.text).toBe(200);
    expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(reply.headers.get('cache-control')).toBe('no-store');
    expect(reply.headers.get('pragma')).toBe('no-cache');
    expect(reply.json).toEqual({
      access_token: expect.stringMatching(/^eyJ/),
      token_type: 'Bearer',
      expires_in: 300,
      scope: 'read projects:write',
    });
    const iat = Math.floor(clock.nowMs() / 1000);
    expect(claimsOf(reply.json.access_token)).toEqual({
      iss: server.issuer,
      sub: service.id,
      aud: `${server.issuer}/v1`,
      client_id: service.id,
      iat,
      exp: iat + 300,
      jti: expect.stringMatching(/^tok_/),
      scope: 'read projects:write',
      workspace_id: server.workspaceId,
      environment: 'test',
      epoch: expect.any(Number),
    });
    const who = await server.call('/v1/auth/verify', { key: reply.json.access_token });
    expect(who.json).toMatchObject({ method: 'jwt', user_id: null, subject: service.id, client_id: service.id });
    expect((await server.call('/v1/projects', { key: reply.json.access_token })).status).toBe(200);
  });

  test('work at /token, by form and by JSON, with the secret in Basic or in the body', async () => {
    const inBody = { ...GRANT, client_id: service.id, client_secret: service.secret ?? '' };
    const json = { key: null, json: inBody };
    const replies = [
      await post(server, '/token', GRANT, { client: service }),
      await post(server, '/token', inBody),
      await server.call('/oauth/token', json),
      await server.call('/token', json),
    ];
    for (const reply of replies) expect([reply.status, reply.json?.token_type], reply.text).toEqual([200, 'Bearer']);
  });

  test('narrow to what is asked, and refuse what the register does not hold', async () => {
    const asked = await token(server, service, { ...GRANT, scope: 'projects:read' });
    expect(asked.json.scope).toBe('projects:read');
    for (const scope of [
      'write',
      'projects:read admin',
      'nope',
      'read  read',
      'api_keys:write',
      'openid',
      'a'.repeat(10_240),
    ]) {
      expect(refusal(await token(server, service, { ...GRANT, scope })), scope.slice(0, 40)).toEqual([
        400,
        'invalid_scope',
      ]);
    }
    const web = await newClient(server);
    const { json } = await token(server, web, GRANT);
    expect(json.scope).toBe('read write');
    expect(json).not.toHaveProperty('refresh_token');
    expect(json).not.toHaveProperty('id_token');
  });

  test('live as long as the application says, a service ten minutes at most', async () => {
    const secondsOf = async (fields: object) =>
      (await token(server, await newClient(server, { ...fields }), GRANT)).json.expires_in;
    expect(await secondsOf({ type: 'web' })).toBe(900);
    expect(await secondsOf({ type: 'web', access_token_ttl_seconds: 3600 })).toBe(3600);
    expect(await secondsOf({ type: 'service', access_token_ttl_seconds: 450 })).toBe(450);
    expect(await secondsOf({ type: 'service', access_token_ttl_seconds: 600 })).toBe(600);
  });

  test('are for one resource: the default one, or a known one that is named', async () => {
    const root = { key: server.rootKey };
    const audience = 'https://mcp.example';
    const made = await server.call('/v1/resources', { ...root, json: { name: 'Tools', audience } });
    const scope = { name: 'tools:call', description: 'Call tools.', resource: made.json.id };
    expect((await server.call('/v1/scopes', { ...root, json: scope })).status).toBe(201);
    const client = await newClient(server, { type: 'service', scopes: ['read', 'tools:call'] });
    const at = (resource: string) => token(server, client, { ...GRANT, resource });
    const there = await at(audience);
    expect([claimsOf(there.json.access_token).aud, there.json.scope]).toEqual([audience, 'tools:call']);
    expect((await at(`${audience}/`)).json.scope).toBe('tools:call');
    const here = await token(server, client, GRANT);
    expect([claimsOf(here.json.access_token).aud, here.json.scope]).toEqual([`${server.issuer}/v1`, 'read']);
    const foreign = await token(server, client, { ...GRANT, resource: audience, scope: 'read' });
    expect(refusal(foreign)).toEqual([400, 'invalid_scope']);
    for (const resource of ['/v1', 'v1', `${audience}#x`, 'https://unknown.example', server.issuer]) {
      expect(refusal(await at(resource)), resource).toEqual([400, 'invalid_target']);
    }
    const two = [...Object.entries(GRANT), ['resource', audience], ['resource', `${server.issuer}/v1`]] as [
      string,
      string,
    ][];
    expect(refusal(await post(server, '/oauth/token', two, { client }))).toEqual([400, 'invalid_target']);
  });

  test('are for who keeps a secret and is registered for them', async () => {
    const publicClient = await newClient(server, { type: 'public' });
    expect(refusal(await token(server, publicClient, GRANT))).toEqual([400, 'unauthorized_client']);
    const noGrant = await newClient(server, { grant_types: ['authorization_code'] });
    expect(refusal(await token(server, noGrant, GRANT))).toEqual([400, 'unauthorized_client']);
    const wrong = { id: service.id, secret: `${service.secret?.slice(0, -1)}x` };
    const refused = await token(server, wrong, GRANT);
    expect(refusal(refused)).toEqual([401, 'invalid_client']);
    expect(refused.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
    expect(refusal(await token(server, null, GRANT))).toEqual([401, 'invalid_client']);
    expect(refusal(await token(server, { id: service.id, secret: null }, GRANT))).toEqual([401, 'invalid_client']);
  });

  test('end with the application', async () => {
    const client = await newClient(server, { type: 'service' });
    const { json } = await token(server, client, GRANT);
    expect((await server.call('/v1/projects', { key: json.access_token })).status).toBe(200);
    const disable = {
      method: 'PATCH',
      key: server.rootKey,
      json: { state: 'disabled', workspace_id: server.workspaceId },
    };
    expect((await server.call(`/v1/applications/${client.id}`, disable)).status).toBe(200);
    expect((await server.call('/v1/projects', { key: json.access_token })).status).toBe(401);
    expect(refusal(await token(server, client, GRANT))).toEqual([401, 'invalid_client']);
  });

  test('of any other grant there is nothing: no password, no implicit flow', async () => {
    for (const grant_type of ['password', 'implicit', 'CLIENT_CREDENTIALS', 'nope', '__proto__']) {
      const params = { grant_type, username: 'owner@example.com', password: 'x' };
      expect(refusal(await token(server, service, params)), grant_type).toEqual([400, 'unsupported_grant_type']);
    }
    expect(refusal(await token(server, service, {}))).toEqual([400, 'invalid_request']);
  });

  test('what is no form is 4xx, never 500', async () => {
    const headers = { authorization: basic(service.id, service.secret ?? '') };
    const form = 'application/x-www-form-urlencoded';
    expect((await server.call('/oauth/token', { key: null, headers })).status).toBe(405);
    for (const type of [
      'text/plain',
      'application/json, application/x-www-form-urlencoded',
      'multipart/form-data',
      `${form}x`,
    ]) {
      const sent = { key: null, body: 'grant_type=client_credentials', headers: { ...headers, 'content-type': type } };
      expect((await server.call('/oauth/token', sent)).status, type).toBe(415);
    }
    const twice = {
      key: null,
      body: 'grant_type=client_credentials&grant_type=client_credentials',
      headers: { ...headers, 'content-type': form },
    };
    expect(refusal(await server.call('/oauth/token', twice))).toEqual([400, 'invalid_request']);
    const inQuery = { key: null, body: '', headers: { ...headers, 'content-type': form } };
    expect(refusal(await server.call('/oauth/token?grant_type=client_credentials', inQuery))).toEqual([
      400,
      'invalid_request',
    ]);
  });

  test('no page that asks is refused by its origin, and none is given credentials', async () => {
    const { headers } = await token(server, service, GRANT, { origin: 'https://app.example' });
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.has('access-control-allow-credentials')).toBe(false);
  });
});

test('each answer is counted by grant and outcome', async () => {
  const server = await startServer();
  try {
    const client = await newClient(server, { type: 'service' });
    await token(server, client, GRANT);
    await token(server, client, GRANT);
    await token(server, client, { ...GRANT, scope: 'admin' });
    await token(server, client, { grant_type: 'lk_rt_secret' });
    const { text } = await server.call('/metrics', { key: server.rootKey });
    expect(text).toContain('latchkey_token_grants_total{grant_type="client_credentials",outcome="granted"} 2');
    expect(text).toContain('latchkey_token_grants_total{grant_type="client_credentials",outcome="invalid_scope"} 1');
    expect(text).toContain('latchkey_token_grants_total{grant_type="unknown",outcome="unsupported_grant_type"} 1');
    expect(text).not.toContain('lk_rt_secret');
  } finally {
    await stopServers();
  }
});

test('who is refused too often waits; who brings what is right never does', async () => {
  const server = await startServer({ clock: manualClock() });
  try {
    const client = await newClient(server, { type: 'service' });
    const refuse = (of: TestClient) => token(server, of, { ...GRANT, scope: 'admin' });
    for (let round = 0; round < 20; round += 1) {
      const replies = await Promise.all(Array.from({ length: 50 }, () => refuse(client)));
      expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([400]));
    }
    const refused = await refuse(client);
    expect(refused.json.error).toBe('rate_limit_exceeded');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await token(server, client, GRANT)).status).toBe(200);
    const other = await newClient(server, { type: 'service' });
    expect((await refuse(other)).status).toBe(400);
  } finally {
    await stopServers();
  }
});
