import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import type { EndClient } from '../../src/applications/index.ts';
import { createRecordAudit } from '../../src/audit/index.ts';
import { pooledRandom } from '../../src/crypto/index.ts';
import { pruneRegistrations } from '../../src/oauth/index.ts';
import { MOST_UNUSED, REGISTRATIONS } from '../../src/oauth/registration/budget.ts';
import { UNUSED_KEPT_MS } from '../../src/oauth/registration/prune.ts';
import {
  type CallOptions,
  DATABASES,
  manualClock,
  startServer,
  stopServers,
  type TestReply,
  type TestServer,
} from '../harness.ts';
import { allow, answerOf, decide, personAtBrowser, requestPath } from './authorizing.ts';
import { token, withCode, withRefresh } from './clients.ts';

afterEach(stopServers);

const REDIRECT = 'https://app.example/cb';
const PUBLIC = { redirect_uris: [REDIRECT], token_endpoint_auth_method: 'none' };
const DAY_MS = 86_400_000;

interface Sent {
  key?: string | null;
  headers?: Record<string, string>;
}

const register = (server: TestServer, json: unknown, { key = null, headers = {} }: Sent = {}) =>
  server.call('/oauth/register', { key, json, headers });

async function registered(server: TestServer, json: unknown = PUBLIC) {
  const reply = await register(server, json);
  expect(reply.status, reply.text).toBe(201);
  return reply.json as Record<string, string> & { client_id: string; registration_access_token: string };
}

const own = (server: TestServer, id: string, key: string | null, method = 'GET', json?: unknown): Promise<TestReply> =>
  server.call(`/oauth/register/${id}`, { key, method, ...(json === undefined ? {} : { json }) });

/** As its job does. */
function prune({ latchkey: { database, changes, tokens }, clock }: TestServer): Promise<void> {
  const recordAudit = createRecordAudit(clock, pooledRandom());
  const endClient: EndClient = async (tx, id, reason) => {
    await tokens.raiseWatermark(tx, { kind: 'client', id, reason });
  };
  return pruneRegistrations({ database, changes, clock, recordAudit, endClient });
}

const refusal = ({ status, json }: TestReply) => [status, json?.error];

const auditOf = async ({ latchkey }: TestServer, id: string) => {
  const events = latchkey.database.read.selectFrom('audit_events').selectAll().where('target_id', '=', id);
  return (await events.orderBy('id').execute()).map(({ action, actor_kind: kind }) => `${action} by ${kind}`);
};

/** A browser at the page where an application asks, and its answer: yes. */
async function consented(server: TestServer, id: string, params: Record<string, string> = {}) {
  const { client } = await personAtBrowser(server);
  return allow(client, { id, secret: undefined }, { redirect_uri: REDIRECT, ...params });
}

describe('registration (RFC 7591)', () => {
  test('a client without a secret: everything that counts is told, and nothing is kept on the way', async () => {
    const server = await startServer();
    const reply = await register(server, { ...PUBLIC, client_name: 'Notes', scope: 'read projects:read' });
    expect(reply.status, reply.text).toBe(201);
    const { json } = reply;
    expect(json).toEqual({
      client_id: expect.stringMatching(/^app_/),
      client_id_issued_at: expect.any(Number),
      registration_access_token: expect.stringMatching(/^lk_rat_/),
      registration_client_uri: `${server.issuer}/oauth/register/${json.client_id}`,
      client_name: 'Notes',
      redirect_uris: [REDIRECT],
      grant_types: ['authorization_code'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'web',
      scope: 'read projects:read',
      subject_type: 'public',
      id_token_signed_response_alg: 'ES256',
    });
    expect(reply.headers.get('cache-control')).toBe('no-store');
    expect(reply.headers.get('pragma')).toBe('no-cache');
    expect(reply.headers.get('access-control-allow-origin')).toBe('*');
    expect(await auditOf(server, json.client_id)).toEqual(['application.created by system']);
    const row = await server.latchkey.database.read
      .selectFrom('client_registrations')
      .selectAll()
      .where('client_id', '=', json.client_id)
      .executeTakeFirstOrThrow();
    expect(JSON.stringify(row)).not.toContain(json.registration_access_token);
    expect(server.logLines.join('\n')).not.toContain(json.registration_access_token);
  });

  test('Basic where no method is named: a secret, shown once, that does not expire', async () => {
    const server = await startServer();
    const made = await registered(server, {
      redirect_uris: [REDIRECT],
      grant_types: ['authorization_code', 'refresh_token'],
    });
    expect(made).toMatchObject({
      client_secret: expect.stringMatching(/^lk_cs_/),
      client_secret_expires_at: 0,
      token_endpoint_auth_method: 'client_secret_basic',
      client_name: 'app.example',
    });
    const client = { id: made.client_id, secret: made.client_secret ?? null };
    const given = await token(server, client, withCode(await consented(server, client.id), { redirect_uri: REDIRECT }));
    expect(given.status, given.text).toBe(200);
    const next = await token(server, client, withRefresh(given.json.refresh_token));
    expect(next.status, next.text).toBe(200);
    expect(refusal(await token(server, client, { grant_type: 'client_credentials' }))).toEqual([
      400,
      'unauthorized_client',
    ]);
  });

  test('scopes: absent and unknown ones are no error; what manages Latchkey is never among them', async () => {
    const server = await startServer();
    const scopeOf = async (scope?: string) => (await registered(server, { ...PUBLIC, scope })).scope;
    const usual = 'email offline_access openid profile read write';
    expect(await scopeOf()).toBe(usual);
    expect(await scopeOf('mcp:everything')).toBe(usual);
    expect(await scopeOf('admin api_keys:write')).not.toMatch(/admin|api_keys/);
    expect(await scopeOf('openid')).toBe('openid');
    expect(await scopeOf('delete api_keys:write nonsense')).toBe('delete');
  });

  test('grants and response types that it cannot have fall away, and it is told which are left', async () => {
    const server = await startServer();
    const device = 'urn:ietf:params:oauth:grant-type:device_code';
    const made = await registered(server, {
      ...PUBLIC,
      grant_types: ['refresh_token', device, 'client_credentials', 'authorization_code'],
      response_types: ['code', 'token'],
    });
    expect(made).toMatchObject({ grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] });
  });

  test('a program on a device gets no secret that it could not keep, where a web application could not be', async () => {
    const server = await startServer();
    const kind = async (json: object) => {
      const made = await registered(server, json);
      return [made.application_type, made.token_endpoint_auth_method, 'client_secret' in made];
    };
    const basic = { token_endpoint_auth_method: 'client_secret_basic' };
    expect(await kind({ redirect_uris: ['cursor://callback'], ...basic })).toEqual(['native', 'none', false]);
    expect(await kind({ redirect_uris: ['http://localhost/cb'], token_endpoint_auth_method: 'none' })).toEqual([
      'native',
      'none',
      false,
    ]);
    // A test environment lets web applications on this machine be.
    expect(await kind({ redirect_uris: ['http://localhost:8090/cb'], ...basic })).toEqual([
      'web',
      'client_secret_basic',
      true,
    ]);
  });

  test('sets no field that is not metadata, and skips no consent (security H2)', async () => {
    const server = await startServer();
    const made = await registered(server, {
      ...PUBLIC,
      consent: 'skip',
      workspace_id: server.workspaceId,
      is_admin: true,
      trusted: true,
      tenant_id: 'x',
      self_registered: false,
      require_pkce: false,
      limits: { per_hour: null },
      plan: 'standard',
      self_signed_jwt: true,
      client_id: 'app_000000000000000000000000',
      environment: 'live',
      client_secret: 'mine',
    });
    const row = await server.latchkey.database.read
      .selectFrom('applications')
      .selectAll()
      .where('id', '=', made.client_id)
      .executeTakeFirstOrThrow();
    expect(row).toMatchObject({
      workspace_id: null,
      consent: 'ask',
      self_registered: 1,
      require_pkce: 1,
      plan: null,
      limits: null,
      allows_self_signed_jwt: 0,
      environment: 'test',
    });
    const { client } = await personAtBrowser(server);
    const page = await client.visit(requestPath({ id: made.client_id, secret: undefined }, { redirect_uri: REDIRECT }));
    expect(page.text).toContain('Registered itself');
    expect(page.text).toContain('app.example');
    expect(answerOf(await decide(client, page, 'deny')).error).toBe('access_denied');
  });

  test.each([
    ['null', 'null', 'invalid_client_metadata'],
    ['a list', '[]', 'invalid_client_metadata'],
    ['a text', '"x"', 'invalid_client_metadata'],
    ['nothing', '', 'invalid_redirect_uri'],
    ['no redirect URI', '{}', 'invalid_redirect_uri'],
    ['a redirect URI that is none', '{"redirect_uris":["javascript:alert(1)"]}', 'invalid_redirect_uri'],
    ['a redirect URI without a host', '{"redirect_uris":["https://"]}', 'invalid_redirect_uri'],
    ['http elsewhere', '{"redirect_uris":["http://app.example/cb"]}', 'invalid_redirect_uri'],
    ['a fragment', '{"redirect_uris":["https://app.example/cb#x"]}', 'invalid_redirect_uri'],
    ['redirect URIs of the wrong type', '{"redirect_uris":"https://app.example/cb"}', 'invalid_client_metadata'],
    ['a name of the wrong type', `{"redirect_uris":["${REDIRECT}"],"client_name":{}}`, 'invalid_client_metadata'],
    ['a name on two lines', `{"redirect_uris":["${REDIRECT}"],"client_name":"a\\nb"}`, 'invalid_client_metadata'],
    [
      'an unknown method',
      `{"redirect_uris":["${REDIRECT}"],"token_endpoint_auth_method":"mtls"}`,
      'invalid_client_metadata',
    ],
    [
      'no grant for it',
      `{"redirect_uris":["${REDIRECT}"],"grant_types":["client_credentials"]}`,
      'invalid_client_metadata',
    ],
    ['implicit', `{"redirect_uris":["${REDIRECT}"],"response_types":["token"]}`, 'invalid_client_metadata'],
    [
      'unsigned ID tokens',
      `{"redirect_uris":["${REDIRECT}"],"id_token_signed_response_alg":"none"}`,
      'invalid_client_metadata',
    ],
    [
      'a web page that is none',
      `{"redirect_uris":["${REDIRECT}"],"client_uri":"javascript:1"}`,
      'invalid_client_metadata',
    ],
  ])('%s is refused in the words of RFC 7591 (security H2, H3)', async (_name, body, error) => {
    const server = await startServer();
    const headers = { 'content-type': 'application/json' };
    const reply = await server.call('/oauth/register', { key: null, method: 'POST', body, headers });
    expect(refusal(reply), reply.text).toEqual([400, error]);
    expect(reply.json.error_description).toBeTruthy();
  });

  test('keys: both ways at once, and private ones, are refused (security H3)', async () => {
    const server = await startServer();
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const [open, secret] = [publicKey, privateKey].map((key) => ({ ...key.export({ format: 'jwk' }), alg: 'ES256' }));
    const signing = { redirect_uris: [REDIRECT], token_endpoint_auth_method: 'private_key_jwt' };
    const refused = async (more: object) => refusal(await register(server, { ...signing, ...more }));
    const jwks_uri = 'https://app.example/jwks';
    expect(await refused({ jwks: { keys: [open] }, jwks_uri })).toEqual([400, 'invalid_client_metadata']);
    expect(await refused({ jwks: { keys: [secret] } })).toEqual([400, 'invalid_client_metadata']);
    expect(await refused({ jwks: 'x' })).toEqual([400, 'invalid_client_metadata']);
    expect(await refused({})).toEqual([400, 'invalid_client_metadata']);
    expect(await refused({ jwks: { keys: [open] } })).toEqual([201, undefined]);
  });

  test('a form is refused, and its page may ask first', async () => {
    const server = await startServer();
    const form = await server.call('/oauth/register', {
      key: null,
      body: 'redirect_uris=x',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(form.status).toBe(415);
    const asked = await server.call('/oauth/register/app_x', {
      key: null,
      method: 'OPTIONS',
      headers: { origin: 'https://page.example', 'access-control-request-method': 'PUT' },
    });
    expect(asked.headers.get('access-control-allow-origin')).toBe('*');
    expect(asked.headers.get('access-control-allow-methods')).toContain('PUT');
  });
});

describe('who may register (security H1, H5)', () => {
  test('open in development; a broken or foreign Authorization is 401 there too', async () => {
    const server = await startServer();
    for (const line of ['Bearer', 'Bearer ', 'Bearer x y', 'Basic', 'Bearer sk_test_x', '\u00e9', 'Bearer lk_rat_x']) {
      const reply = await register(server, PUBLIC, { headers: { authorization: line } });
      expect([line, ...refusal(reply)]).toEqual([line, 401, 'invalid_token']);
    }
  });

  test('with a token: a key that may make applications, or root; never nobody', async () => {
    const server = await startServer({ env: { LATCHKEY_CLIENT_REGISTRATION: 'token' } });
    const keyWith = async (scopes: string[], environment = 'test') => {
      const json = { name: 'k', scopes, environment, workspace_id: server.workspaceId };
      return (await server.call('/v1/api-keys', { key: server.rootKey, json })).json;
    };
    const nobody = await register(server, PUBLIC);
    expect(refusal(nobody)).toEqual([401, 'invalid_token']);
    expect(nobody.headers.get('www-authenticate')).toMatch(/^Bearer/);
    expect(refusal(await register(server, PUBLIC, { key: (await keyWith(['read'])).key }))).toEqual([
      403,
      'insufficient_scope',
    ]);
    const { key, id } = await keyWith(['applications:write'], 'live');
    const made = await register(server, PUBLIC, { key });
    expect(made.status, made.text).toBe(201);
    expect(await auditOf(server, made.json.client_id)).toEqual(['application.created by api_key']);
    const row = await server.latchkey.database.read
      .selectFrom('applications')
      .select(['environment', 'workspace_id'])
      .where('id', '=', made.json.client_id)
      .executeTakeFirstOrThrow();
    expect(row).toEqual({ environment: 'live', workspace_id: null });
    expect((await register(server, PUBLIC, { key: server.rootKey })).status).toBe(201);
    await server.call(`/v1/api-keys/${id}/revoke?workspace_id=${server.workspaceId}`, {
      key: server.rootKey,
      json: {},
    });
    expect(refusal(await register(server, PUBLIC, { key }))).toEqual([401, 'invalid_token']);
  });

  test('off: there is no such place, and no document says that there is', async () => {
    const server = await startServer({ env: { LATCHKEY_CLIENT_REGISTRATION: 'off' } });
    expect((await register(server, PUBLIC)).status).toBe(404);
    const { json } = await server.call('/.well-known/oauth-authorization-server', { key: null });
    expect(json.registration_endpoint).toBeUndefined();
    expect(json.client_id_metadata_document_supported).toBe(false);
  });

  test('on: the documents name it', async () => {
    const server = await startServer();
    const { json } = await server.call('/.well-known/oauth-authorization-server', { key: null });
    expect(json.registration_endpoint).toBe(`${server.issuer}/oauth/register`);
    expect(json.client_id_metadata_document_supported).toBe(true);
  });

  test('one network registers so many an hour; others go on', async () => {
    const clock = manualClock();
    const server = await startServer({ clock, env: { LATCHKEY_TRUST_PROXY: '1' } });
    const from = (address: string) => register(server, PUBLIC, { headers: { 'x-forwarded-for': address } });
    const statuses = await Promise.all(
      Array.from({ length: (REGISTRATIONS.perHour ?? 0) + 3 }, async () => (await from('192.0.2.1')).status),
    );
    expect(statuses.filter((status) => status === 201)).toHaveLength(REGISTRATIONS.perHour ?? 0);
    const late = await from('192.0.2.1');
    expect(late.status).toBe(429);
    expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await from('198.51.100.1')).status).toBe(201);
    clock.advance(3_600_001);
    expect((await from('192.0.2.1')).status).toBe(201);
    const { text } = await server.call('/metrics', { key: server.rootKey });
    expect(text).toContain('latchkey_client_registrations_total{outcome="registered"}');
    expect(text).toContain('latchkey_client_registrations_total{outcome="rate_limit_exceeded"} 4');
  });

  test('only so many wait for somebody to use them', async () => {
    const server = await startServer();
    const rows = Array.from({ length: MOST_UNUSED }, (_, index) => ({
      client_id: `app_${index}`,
      token_hash: '',
      created_at: server.clock.nowMs(),
    }));
    await server.latchkey.database.write(async (tx) => {
      for (let at = 0; at < rows.length; at += 1000) {
        await tx.query
          .insertInto('client_registrations')
          .values(rows.slice(at, at + 1000))
          .execute();
      }
    });
    const full = await register(server, PUBLIC);
    expect(refusal(full)).toEqual([503, 'temporarily_unavailable']);
    await server.latchkey.database.write((tx) =>
      tx.query.deleteFrom('client_registrations').where('client_id', '=', 'app_1').execute(),
    );
    expect((await register(server, PUBLIC)).status).toBe(201);
  });
});

describe('a registration is its own client’s (RFC 7592, security H4)', () => {
  test('read, replaced, and ended with all that it was given', async () => {
    const server = await startServer();
    const made = await registered(server, { ...PUBLIC, grant_types: ['authorization_code', 'refresh_token'] });
    const { client_id: id, registration_access_token: rat } = made;
    const read = await own(server, id, rat);
    expect([read.status, read.json]).toEqual([200, made]);
    expect(read.headers.get('cache-control')).toBe('no-store');
    const put = await own(server, id, rat, 'PUT', { ...PUBLIC, client_id: id, client_name: 'New', scope: 'read' });
    expect(put.status, put.text).toBe(200);
    expect(put.json).toMatchObject({ client_name: 'New', grant_types: ['authorization_code'], scope: 'read' });
    const again = { ...PUBLIC, client_id: id, grant_types: ['authorization_code', 'refresh_token'] };
    expect((await own(server, id, rat, 'PUT', again)).status).toBe(200);
    const client = { id, secret: null };
    const given = await token(server, client, withCode(await consented(server, id), { redirect_uri: REDIRECT }));
    const access = given.json.access_token;
    expect((await server.call('/v1/projects', { key: access })).status).toBe(200);
    expect((await own(server, id, rat, 'DELETE')).status).toBe(204);
    expect((await server.call('/v1/projects', { key: access })).status).toBe(401);
    expect(refusal(await token(server, client, withRefresh(given.json.refresh_token)))).toEqual([
      401,
      'invalid_client',
    ]);
    expect(refusal(await own(server, id, rat))).toEqual([401, 'invalid_token']);
    expect(await auditOf(server, id)).toEqual([
      'application.created by system',
      'application.updated by application',
      'application.updated by application',
      'application.deleted by application',
    ]);
  });

  test("nobody else's token, and no credential of another kind", async () => {
    const server = await startServer();
    const [one, other] = [await registered(server), await registered(server)];
    const wrong = [other.registration_access_token, server.rootKey, server.key, null, 'lk_rat_x'];
    for (const method of ['GET', 'PUT', 'DELETE']) {
      for (const key of wrong) {
        const reply = await own(server, one.client_id, key, method, method === 'PUT' ? PUBLIC : undefined);
        expect([method, ...refusal(reply)]).toEqual([method, 401, 'invalid_token']);
        expect(reply.headers.get('www-authenticate')).toMatch(/^Bearer/);
      }
      const nobody = await own(
        server,
        'app_000000000000000000000000',
        one.registration_access_token,
        method,
        method === 'PUT' ? PUBLIC : undefined,
      );
      expect(refusal(nobody)).toEqual([401, 'invalid_token']);
    }
    expect((await own(server, one.client_id, one.registration_access_token)).status).toBe(200);
  });

  test('replacing it with what the server sets, with another secret, or with another id is refused', async () => {
    const server = await startServer();
    const made = await registered(server, { redirect_uris: [REDIRECT] });
    const { client_id: id, registration_access_token: rat, client_secret } = made;
    const put = (more: object) => own(server, id, rat, 'PUT', { redirect_uris: [REDIRECT], client_id: id, ...more });
    const refused = [
      { registration_access_token: rat },
      { registration_client_uri: 'x' },
      { client_secret_expires_at: 0 },
      { client_id_issued_at: 1 },
      { client_id: 'app_other' },
      { client_secret: `${client_secret}x` },
      { client_secret: 7 },
    ];
    for (const more of refused) {
      expect([Object.keys(more), ...refusal(await put(more))]).toEqual([
        Object.keys(more),
        400,
        'invalid_client_metadata',
      ]);
    }
    expect(refusal(await put({ redirect_uris: [] }))).toEqual([400, 'invalid_redirect_uri']);
    const kept = await put({ client_secret });
    expect([kept.status, kept.json.client_secret]).toEqual([200, undefined]);
    const without = await put({ token_endpoint_auth_method: 'none' });
    expect(without.json.token_endpoint_auth_method).toBe('none');
    const secretAgain = await put({ token_endpoint_auth_method: 'client_secret_post' });
    expect(secretAgain.json.client_secret).toMatch(/^lk_cs_/);
    expect(secretAgain.json.client_secret).not.toBe(client_secret);
  });
});

describe.each(DATABASES)('registrations that nobody uses, on %s (asks 10)', (database) => {
  test('go after a week; those with a grant stay', async () => {
    const clock = manualClock();
    const server = await startServer({ clock, database });
    const [used, unused, removed] = [await registered(server), await registered(server), await registered(server)];
    await server.call(`/v1/applications/${removed.client_id}`, { key: server.rootKey, method: 'DELETE' });
    await consented(server, used.client_id);
    clock.advance(UNUSED_KEPT_MS - DAY_MS);
    await prune(server);
    expect((await own(server, unused.client_id, unused.registration_access_token)).status).toBe(200);
    clock.advance(DAY_MS + 1);
    await prune(server);
    expect((await own(server, unused.client_id, unused.registration_access_token)).status).toBe(401);
    expect((await own(server, used.client_id, used.registration_access_token)).status).toBe(200);
    const left = await server.latchkey.database.read.selectFrom('client_registrations').select('client_id').execute();
    expect(left).toEqual([{ client_id: used.client_id }]);
    expect(await auditOf(server, unused.client_id)).toContain('application.deleted by system');
    expect(refusal(await token(server, { id: unused.client_id, secret: null }, withCode('x')))).toEqual([
      401,
      'invalid_client',
    ]);
    const { client } = await personAtBrowser(server);
    const page = await client.visit(
      requestPath({ id: unused.client_id, secret: undefined }, { redirect_uri: REDIRECT }),
    );
    expect([page.status, page.text.includes('connect again')]).toEqual([400, true]);
  });
});

describe('the operator', () => {
  test('lists, disables and removes them, with several workspaces too; nobody else sees them', async () => {
    const server = await startServer();
    const root = (path: string, options: CallOptions = {}) => server.call(path, { key: server.rootKey, ...options });
    await root('/v1/workspaces', { json: { name: 'Another' } });
    const made = await registered(server);
    const { client_id: id, registration_access_token: rat } = made;
    const listed = await root('/v1/applications?self_registered=true');
    expect(listed.json.data).toMatchObject([{ id, self_registered: true, workspace_id: null }]);
    const usual = await root(`/v1/applications?workspace_id=${server.workspaceId}`);
    expect(usual.json.data.map((each: { id: string }) => each.id)).not.toContain(id);
    expect((await root(`/v1/applications/${id}`)).json).toMatchObject({ id });
    const json = { name: 'k', scopes: ['applications:read', 'applications:write'], workspace_id: server.workspaceId };
    const { key } = (await root('/v1/api-keys', { json })).json;
    expect((await server.call('/v1/applications?self_registered=true', { key })).status).toBe(403);
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const body = method === 'PATCH' ? { json: { name: 'Mine' } } : {};
      expect([method, (await server.call(`/v1/applications/${id}`, { key, method, ...body })).status]).toEqual([
        method,
        404,
      ]);
    }
    const given = await token(
      server,
      { id, secret: null },
      withCode(await consented(server, id), { redirect_uri: REDIRECT }),
    );
    const disabled = await root(`/v1/applications/${id}`, { method: 'PATCH', json: { state: 'disabled' } });
    expect([disabled.status, disabled.json.state]).toEqual([200, 'disabled']);
    expect((await server.call('/v1/projects', { key: given.json.access_token })).status).toBe(401);
    expect(refusal(await own(server, id, rat, 'PUT', { ...PUBLIC, client_id: id }))).toEqual([403, 'forbidden']);
    expect((await root(`/v1/applications/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect(refusal(await own(server, id, rat))).toEqual([401, 'invalid_token']);
  });
});

describe('what self-registered clients may ask people for', () => {
  test('more than they registered for, step by step, each time asked; and all that is theirs lasts', async () => {
    const server = await startServer();
    const { client_id: id } = await registered(server, { ...PUBLIC, scope: 'read' });
    const app = { id, secret: undefined };
    const { client } = await personAtBrowser(server);
    const first = await allow(client, app, { redirect_uri: REDIRECT, scope: null });
    const narrow = await token(server, { id, secret: null }, withCode(first, { redirect_uri: REDIRECT }));
    expect(narrow.json.scope).toBe('read');
    const page = await client.visit(
      requestPath(app, { redirect_uri: REDIRECT, scope: 'read write api_keys:write admin' }),
    );
    expect(page.status, page.text).toBe(200);
    const { code } = answerOf(await decide(client, page, 'allow'));
    const wide = await token(server, { id, secret: null }, withCode(code ?? '', { redirect_uri: REDIRECT }));
    expect(wide.json.scope.split(' ')).toEqual(expect.arrayContaining(['read', 'write']));
    expect(wide.json.scope).not.toMatch(/admin|api_keys/);
  });

  test('an error link of theirs shows a page, and goes nowhere by itself (security A21)', async () => {
    const server = await startServer();
    const { client_id: id } = await registered(server);
    const { client } = await personAtBrowser(server);
    for (const params of [{ prompt: 'none' }, { scope: '"' }, { response_type: 'token' }]) {
      const page = await client.visit(requestPath({ id, secret: undefined }, { redirect_uri: REDIRECT, ...params }));
      expect([page.status, page.headers.get('location')]).toEqual([400, null]);
      expect(page.text).toContain('href="https://app.example/cb?');
    }
  });
});
