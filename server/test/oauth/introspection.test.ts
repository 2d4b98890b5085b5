import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeKey, makeWorkspace } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { newPerson, type Person } from '../people/browser.ts';
import { claimsOf } from '../tokens/issuing.ts';
import { consented, newClient, post, refusal, type TestClient, token, withRefresh } from './clients.ts';

const INACTIVE = { active: false };

describe.each(DATABASES)('introspection on %s', (database) => {
  const clock = manualClock();
  let server: TestServer;
  let person: Person;
  let web: TestClient;
  let asking: string;
  beforeAll(async () => {
    server = await startServer({ database, clock });
    person = await newPerson(server);
    web = await newClient(server);
    asking = (await makeKey(server, { scopes: ['tokens:introspect'] })).key;
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(1000));

  const ask = (text: string | undefined, caller: TestClient | string | null, params: Record<string, string> = {}) =>
    typeof caller === 'string'
      ? post(
          server,
          '/oauth/introspect',
          { token: text, ...params },
          { headers: { authorization: `Bearer ${caller}` } },
        )
      : post(server, '/oauth/introspect', { token: text, ...params }, { client: caller });

  test('says of an access token what the token itself says', async () => {
    const { access_token: text } = await consented(server, person, web);
    const { iss, sub, aud, client_id, iat, exp, jti, scope, workspace_id, environment, ...claims } = claimsOf(text);
    const { auth_time, acr, amr } = claims;
    expect([auth_time, acr, amr]).toEqual([expect.any(Number), 'urn:latchkey:acr:1fa', ['pwd']]);
    const expected = {
      active: true,
      token_type: 'Bearer',
      token_use: 'access_token',
      ...{ iss, sub, aud, client_id, iat, exp, jti, scope, workspace_id, environment },
      ...{ auth_time, acr, amr },
    };
    for (const caller of [web, asking, server.rootKey]) {
      const reply = await ask(text, caller);
      expect([reply.status, reply.json]).toEqual([200, expected]);
      expect(reply.headers.get('cache-control')).toBe('no-store');
      expect(reply.headers.has('access-control-allow-origin')).toBe(false);
    }
  });

  test('says of a refresh token and of a key what they are', async () => {
    const { refresh_token: text } = await consented(server, person, web, { scope: 'read' });
    expect((await ask(text, web)).json).toEqual({
      active: true,
      token_use: 'refresh_token',
      scope: 'read',
      client_id: web.id,
      sub: person.userId,
      aud: `${server.issuer}/v1`,
      iss: server.issuer,
      iat: Math.floor(clock.nowMs() / 1000),
      exp: expect.any(Number),
      workspace_id: server.workspaceId,
      environment: 'test',
    });
    const made = await makeKey(server, { scopes: ['read', 'projects:write'], expires_in: '1h' });
    expect((await ask(made.key, asking)).json).toEqual({
      active: true,
      token_type: 'Bearer',
      token_use: 'api_key',
      scope: 'read projects:write',
      sub: made.id,
      iss: server.issuer,
      exp: Math.floor(clock.nowMs() / 1000) + 3600,
      jti: made.id,
      workspace_id: server.workspaceId,
      environment: 'test',
    });
  });

  test('tells nobody else anything', async () => {
    const given = await consented(server, person, web);
    const { key } = await makeKey(server, { scopes: ['read'] });
    const elsewhere = await makeWorkspace(server, 'Elsewhere');
    const foreign = await makeKey(server, { scopes: ['tokens:introspect'], workspace_id: elsewhere });
    const sibling = await newClient(server);
    const stranger = await newClient(server, { workspace_id: elsewhere, scopes: ['tokens:introspect', 'read'] });
    for (const text of [given.access_token, given.refresh_token, key]) {
      for (const caller of [foreign.key, sibling, stranger]) {
        const reply = await ask(text, caller);
        expect([reply.status, reply.json]).toEqual([200, INACTIVE]);
      }
    }
    const resourceServer = await newClient(server, { type: 'service', scopes: ['tokens:introspect'] });
    expect((await ask(given.access_token, resourceServer)).json.active).toBe(true);
    const { json } = await token(server, resourceServer, { grant_type: 'client_credentials' });
    expect((await ask(given.access_token, json.access_token)).json.active).toBe(true);
  });

  test('test and live know nothing of one another, but for the operator', async () => {
    const live = await newClient(server, { type: 'service', environment: 'live' });
    const { json } = await token(server, live, { grant_type: 'client_credentials' });
    const key = await makeKey(server, { scopes: ['read'], environment: 'live' });
    const inTest = await newClient(server, { type: 'service', scopes: ['tokens:introspect'] });
    const inLive = await makeKey(server, { scopes: ['tokens:introspect'], environment: 'live' });
    const { json: own } = await token(server, inTest, { grant_type: 'client_credentials' });
    for (const text of [json.access_token, key.key]) {
      for (const caller of [asking, inTest, own.access_token]) expect((await ask(text, caller)).json).toEqual(INACTIVE);
      for (const caller of [inLive.key, server.rootKey]) expect((await ask(text, caller)).json.active).toBe(true);
    }
    expect((await ask(own.access_token, inLive.key)).json).toEqual(INACTIVE);
    // Nor does one end what the other was given: a token is revoked by its own application alone.
    await post(server, '/oauth/revoke', { token: json.access_token }, { client: inTest });
    expect((await ask(json.access_token, live)).json.active).toBe(true);
  });

  test('an operator by a key of all workspaces is told of each', async () => {
    const elsewhere = await makeWorkspace(server, 'Far');
    const all = await makeKey(server, {
      scopes: ['tokens:introspect'],
      all_workspaces: true,
      workspace_id: server.workspaceId,
    });
    const there = await makeKey(server, { scopes: ['read'], workspace_id: elsewhere });
    expect((await ask(there.key, all.key)).json).toMatchObject({ active: true, workspace_id: elsewhere });
  });

  test('without a caller who may ask there is no answer', async () => {
    const { access_token: text } = await consented(server, person, web);
    const page = await newClient(server, { type: 'public' });
    expect(refusal(await ask(text, null))).toEqual([401, 'invalid_client']);
    expect(refusal(await ask(text, page))).toEqual([401, 'invalid_client']);
    expect(refusal(await ask(text, { id: web.id, secret: 'wrong' }))).toEqual([401, 'invalid_client']);
    expect(refusal(await ask(text, 'nonsense'))).toEqual([401, 'invalid_token']);
    expect(refusal(await ask(text, (await makeKey(server, { scopes: ['read'] })).key))).toEqual([
      403,
      'insufficient_scope',
    ]);
    expect(refusal(await ask(undefined, web))).toEqual([400, 'invalid_request']);
    const both = { client_id: web.id, client_secret: web.secret ?? '' };
    expect(refusal(await ask(text, asking, both))).toEqual([400, 'invalid_request']);
  });

  test('what does not work is inactive, whatever the reason, and nothing more is said', async () => {
    const given = await consented(server, person, web);
    const revoked = await consented(server, person, web);
    await post(server, '/oauth/revoke', { token: revoked.refresh_token }, { client: web });
    const { key, id } = await makeKey(server, { scopes: ['read'] });
    const ending = { key: server.rootKey, json: { workspace_id: server.workspaceId } };
    expect((await server.call(`/v1/api-keys/${id}/revoke`, ending)).status).toBe(200);
    const bound = await makeKey(server, { scopes: ['read'], ip_allowlist: ['203.0.113.0/24'] });
    const dead = [
      revoked.access_token,
      revoked.refresh_token,
      key,
      bound.key,
      given.id_token,
      `${given.access_token.slice(0, -4)}AAAA`,
      web.secret ?? '',
      server.rootKey,
      'x',
      'lk_rt_nonsense',
      'sk_test_nonsense',
      'a'.repeat(20_000),
    ];
    for (const text of dead) {
      const reply = await ask(text, server.rootKey);
      expect([reply.status, reply.text], text.slice(0, 12)).toEqual([200, '{"active":false}']);
    }
    expect((await ask(bound.key, server.rootKey, { ip: '203.0.113.7' })).json.active).toBe(true);
    expect((await ask(given.access_token, web)).json.active).toBe(true);
    clock.advance(3_600_000);
    expect((await ask(given.access_token, web)).json).toEqual(INACTIVE);
    expect((await ask(given.refresh_token, web)).json.active).toBe(true);
  });

  test('a refresh token that was spent is inactive, one in its grace is not, and asking uses nothing up', async () => {
    const page = await newClient(server, { type: 'public' });
    const first = await consented(server, person, page);
    const { json: second } = await token(server, page, withRefresh(first.refresh_token));
    const active = async (text: string) => (await ask(text, asking)).json.active;
    expect([await active(first.refresh_token), await active(second.refresh_token)]).toEqual([true, true]);
    clock.advance(31_000);
    expect([await active(first.refresh_token), await active(second.refresh_token)]).toEqual([false, true]);
    expect((await token(server, page, withRefresh(second.refresh_token))).status).toBe(200);
  });

  test('a hint that is wrong hides nothing', async () => {
    const given = await consented(server, person, web);
    for (const hint of ['access_token', 'refresh_token', 'nonsense']) {
      for (const text of [given.access_token, given.refresh_token]) {
        expect((await ask(text, web, { token_type_hint: hint })).json.active).toBe(true);
      }
    }
  });

  test('ends at once with what a token hangs on', async () => {
    const somebody = await newPerson(server);
    const given = await consented(server, somebody, web);
    expect((await ask(given.access_token, web)).json.active).toBe(true);
    const disable = { method: 'PATCH', key: server.rootKey, json: { state: 'disabled' } };
    expect((await server.call(`/v1/users/${somebody.userId}`, disable)).status).toBe(200);
    for (const text of [given.access_token, given.refresh_token]) expect((await ask(text, web)).json).toEqual(INACTIVE);
  });

  test('counts against the credential that was asked about, never who asks', async () => {
    const limited = await makeKey(server, { scopes: ['read'], limits: { per_hour: 3, per_second: null } });
    const caller = await makeKey(server, { scopes: ['tokens:introspect'], limits: { per_hour: 2, per_second: null } });
    const sibling = await newClient(server);
    for (let count = 0; count < 5; count += 1) expect((await ask(limited.key, sibling)).json).toEqual(INACTIVE);
    for (let count = 0; count < 3; count += 1) expect((await ask(limited.key, caller.key)).json.active).toBe(true);
    const over = await ask(limited.key, caller.key);
    expect(refusal(over)).toEqual([429, 'rate_limit_exceeded']);
    expect(Number(over.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect((await server.call('/v1/projects', { key: limited.key })).status).toBe(429);
  });

  test('a key with a quota is refused when it is used up, and never by who may not know of it', async () => {
    const made = await makeKey(server, { scopes: ['read'], quota: { limit: 2, period: 'total' } });
    const sibling = await newClient(server);
    await ask(made.key, sibling);
    expect((await ask(made.key, asking)).json.active).toBe(true);
    expect((await ask(made.key, asking)).json.active).toBe(true);
    expect(refusal(await ask(made.key, asking))).toEqual([429, 'quota_exceeded']);
  });

  test('by GET, by JSON and with the token in the query there is no answer', async () => {
    const { access_token: text } = await consented(server, person, web);
    expect((await server.call(`/oauth/introspect?token=${text}`, { key: asking })).status).toBe(405);
    expect((await server.call('/oauth/introspect', { key: asking, json: { token: text } })).status).toBe(415);
  });
});
