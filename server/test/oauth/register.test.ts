import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { REGISTRATIONS } from '../../src/oauth/registration/budget.ts';
import { MOST_UNUSED, SURE_MS } from '../../src/oauth/registration/make-room.ts';
import { DATABASES, manualClock, startServer, stopServers } from '../harness.ts';
import { answerOf, decide, personAtBrowser, requestPath } from './authorizing.ts';
import { refusal, token, withCode, withRefresh } from './clients.ts';
import { auditOf, consented, own, PUBLIC, REDIRECT, register, registered } from './registering.ts';

afterEach(stopServers);

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
    expect(await scopeOf('admin read api_keys:write')).toBe('read');
    expect(await scopeOf('openid')).toBe('openid');
    expect(await scopeOf('delete api_keys:write nonsense')).toBe('delete');
    for (const scope of ['admin', 'admin api_keys:write', 'api_keys:read nonsense']) {
      const reply = await register(server, { ...PUBLIC, scope });
      expect([reply.status, reply.json.error, reply.json.error_description], scope).toEqual([
        400,
        'invalid_client_metadata',
        expect.stringContaining('scope names nothing'),
      ]);
    }
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
    expect(page.text).toContain('Not checked');
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
    const last = await from('192.0.2.1');
    expect(last.status).toBe(201);
    // Changing one writes as much as making one.
    const change = () =>
      server.call(`/oauth/register/${last.json.client_id}`, {
        method: 'PUT',
        key: last.json.registration_access_token,
        headers: { 'x-forwarded-for': '192.0.2.1' },
        json: { ...PUBLIC, client_id: last.json.client_id },
      });
    const changes = await Promise.all(Array.from({ length: REGISTRATIONS.perHour ?? 0 }, change));
    expect(changes.filter(({ status }) => status === 200)).toHaveLength((REGISTRATIONS.perHour ?? 0) - 1);
    expect(changes.filter(({ status }) => status === 429)).toHaveLength(1);
    const { text } = await server.call('/metrics', { key: server.rootKey });
    expect(text).toContain('latchkey_client_registrations_total{outcome="registered"}');
    expect(text).toContain('latchkey_client_registrations_total{outcome="rate_limit_exceeded"} 4');
  });

  test.each(DATABASES)(
    'only so many wait for somebody to use them: the oldest give way, and none that is used or new, on %s',
    async (kind) => {
      const clock = manualClock();
      const server = await startServer({ clock, database: kind });
      const { database } = server.latchkey;
      const used = await registered(server);
      await consented(server, used.client_id);
      const old = await registered(server);
      clock.advance(1000);
      const younger = await registered(server);
      clock.advance(SURE_MS - 1000);
      const rows = Array.from({ length: MOST_UNUSED - 2 }, (_, index) => ({
        client_id: `app_${index}`,
        token_hash: '',
        created_at: clock.nowMs(),
      }));
      await database.write(async (tx) => {
        for (let at = 0; at < rows.length; at += 1000) {
          await tx.query
            .insertInto('client_registrations')
            .values(rows.slice(at, at + 1000))
            .execute();
        }
      });
      const lives = async ({ client_id: id, registration_access_token: rat }: typeof used) =>
        (await own(server, id, rat)).status === 200;
      // All wait, and none of them long enough.
      expect(refusal(await register(server, PUBLIC))).toEqual([503, 'temporarily_unavailable']);
      expect([await lives(old), await lives(younger)]).toEqual([true, true]);
      clock.advance(1);
      const made = await registered(server);
      expect([await lives(old), await lives(younger), await lives(used), await lives(made)]).toEqual([
        false,
        true,
        true,
        true,
      ]);
      expect(await auditOf(server, old.client_id)).toEqual([
        'application.created by system',
        'application.deleted by system',
      ]);
      // What cannot be registered ends nothing.
      expect((await register(server, { redirect_uris: ['javascript:x'] })).status).toBe(400);
      expect(await lives(younger)).toBe(true);
      // Many at once make room for each of them, and no more is left than may be.
      clock.advance(SURE_MS + 1);
      const many = await Promise.all(Array.from({ length: 20 }, () => register(server, PUBLIC)));
      expect(many.map(({ status }) => status)).toEqual(Array(20).fill(201));
      await registered(server);
      const left = await database.read.selectFrom('client_registrations').selectAll().execute();
      expect(left.length).toBeLessThanOrEqual(MOST_UNUSED + 1);
      expect(await lives(used)).toBe(true);
    },
  );
});
