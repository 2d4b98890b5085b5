import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeKey, makeWorkspace } from '../domains/installation.ts';
import { type CallOptions, DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { applicationAt, apply, auditOf, makeApplication, WEB } from './applying.ts';

const SECRET = /^lk_cs_[0-9A-Za-z]{46}$/;
const HOUR_MS = 3_600_000;
const publicJwk = (more: object = {}) => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  ...more,
});

describe.each(DATABASES)('applications on %s', (database) => {
  const clock = manualClock();
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);

  const problemOf = async (fields: object) => {
    const { status, json } = await apply(server, fields);
    return [status, json.fields?.[0].path, json.fields?.[0].message];
  };

  test('all that a body lacks is told at once; a service has no redirect URI to say', async () => {
    const lacks = async (json: object) => {
      const reply = await server.call('/v1/applications', { key: server.rootKey, json });
      return [reply.status, ...reply.json.fields.map(({ path }: { path: string }) => path)].sort();
    };
    expect(await lacks({ name: 'Notes' })).toEqual([422, 'redirect_uris', 'scopes']);
    expect(await lacks({ name: 'Nightly', type: 'service' })).toEqual([422, 'scopes']);
  });

  test('a web application is made with what it needs to say, and its secret is shown once', async () => {
    const made = await makeApplication(server);
    expect(made).toEqual({
      id: expect.stringMatching(/^app_[0-9A-Za-z]{24}$/),
      client_id: made.id,
      client_secret: expect.stringMatching(SECRET),
      ...WEB,
      type: 'web',
      environment: 'test',
      workspace_id: server.workspaceId,
      state: 'active',
      post_logout_redirect_uris: [],
      backchannel_logout_uri: null,
      backchannel_logout_session_required: false,
      resources: null,
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      token_endpoint_auth_method: null,
      require_pkce: false,
      consent: 'ask',
      refresh_tokens: 'always',
      refresh_token_rotation: 'never',
      access_token_ttl_seconds: null,
      id_token_signed_response_alg: 'ES256',
      self_signed_jwt: false,
      jwks: null,
      jwks_uri: null,
      client_uri: null,
      logo_uri: null,
      policy_uri: null,
      tos_uri: null,
      self_registered: false,
      plan: null,
      limits: null,
      created_at: '2030-01-01T00:00:00.000Z',
      created_by: 'root',
      secrets: [
        {
          id: expect.stringMatching(/^sec_[0-9A-Za-z]{24}$/),
          hint: `lk_cs_…${made.client_secret.slice(-4)}`,
          signs: false,
          created_at: '2030-01-01T00:00:00.000Z',
          created_by: 'root',
          expires_at: null,
          last_used_at: null,
        },
      ],
    });
    const { client_secret: secret, ...shown } = made;
    const read = await applicationAt(server, made.id);
    expect(read.json).toEqual(shown);
    const rows = JSON.stringify(await server.latchkey.database.read.selectFrom('client_secrets').selectAll().execute());
    expect(read.text + rows).not.toContain(secret);
  });

  test.each([
    ['public', 'none', ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'], true],
    ['native', 'none', ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'], true],
    ['service', null, ['client_credentials', 'urn:ietf:params:oauth:grant-type:jwt-bearer'], false],
  ])('a %s application has the defaults of its type', async (type, method, grants, isPublic) => {
    const redirect_uris = type === 'service' ? [] : WEB.redirect_uris;
    const made = await makeApplication(server, { type, redirect_uris });
    expect(made).toMatchObject({
      type,
      token_endpoint_auth_method: method,
      grant_types: grants,
      require_pkce: isPublic,
      refresh_token_rotation: isPublic ? 'always' : 'never',
    });
    expect('client_secret' in made).toBe(!isPublic);
    expect(made.secrets).toHaveLength(isPublic ? 0 : 1);
  });

  test('everything it may say is kept as it was said, and changed field by field', async () => {
    const jwks = { keys: [publicJwk({ kid: 'a' })] };
    const resource = await server.call('/v1/resources', {
      key: server.rootKey,
      json: { name: 'x', audience: `https://${database}.example` },
    });
    const fields = {
      name: 'Everything',
      scopes: ['openid', 'read', 'orders:write'],
      redirect_uris: ['https://a.example/cb', 'http://localhost:3000/cb'],
      post_logout_redirect_uris: ['https://a.example/bye'],
      resources: [`https://${database}.example`],
      grant_types: ['authorization_code'],
      token_endpoint_auth_method: 'private_key_jwt',
      require_pkce: true,
      consent: 'skip',
      refresh_tokens: 'offline_access',
      refresh_token_rotation: 'always',
      access_token_ttl_seconds: 600,
      jwks,
      client_uri: 'https://a.example',
      logo_uri: 'https://a.example/logo.png',
      policy_uri: 'https://a.example/policy',
      tos_uri: 'https://a.example/tos',
      plan: 'starter',
      limits: { per_hour: 10, per_second: null },
    };
    const made = await makeApplication(server, fields);
    expect(made).toMatchObject(fields);
    expect(made.secrets).toEqual([]);
    const patch = (json: object) => applicationAt(server, made.id, { method: 'PATCH', json });
    const reset = {
      jwks: null,
      token_endpoint_auth_method: 'client_secret_basic',
      plan: null,
      limits: null,
      resources: null,
    };
    for (const change of [{ name: 'Other' }, reset, { logo_uri: null }, { scopes: [] }, {}]) {
      const before = (await applicationAt(server, made.id)).json;
      const { status, json } = await patch(change);
      expect([status, json]).toEqual([200, { ...before, ...change }]);
    }
    const named = await makeApplication(server, { resources: [resource.json.id] });
    expect(named.resources).toEqual([`https://${database}.example`]);
    await server.call(`/v1/resources/${resource.json.id}`, { key: server.rootKey, method: 'DELETE' });
    expect((await applicationAt(server, named.id)).json.resources).toEqual([]);
  });

  test.each([
    ['redirect_uris', { redirect_uris: [] }],
    ['redirect_uris.1', { redirect_uris: ['https://a.example/cb', 'javascript:alert(1)'] }],
    ['redirect_uris.0', { redirect_uris: ['https://*.example/cb'] }],
    ['redirect_uris.0', { redirect_uris: ['com.example.app:/cb'] }],
    ['redirect_uris.0', { redirect_uris: ['http://localhost/cb'], environment: 'live' }],
    ['redirect_uris', { type: 'service', redirect_uris: ['https://a.example/cb'] }],
    ['post_logout_redirect_uris.0', { post_logout_redirect_uris: ['data:text/html,x'] }],
    ['scopes', { scopes: ['no:such'] }],
    ['scopes', { scopes: undefined }],
    ['name', { name: '  ' }],
    ['name', { name: 'Notes\nVerified' }],
    ['name', { name: 'Notes\u2028Verified' }],
    ['name', { name: 'Notes \u202eexe.fdp' }],
    ['name', { name: 'Notes \u2067exe.fdp' }],
    ['resources.0', { resources: ['https://nowhere.example'] }],
    ['grant_types.0', { grant_types: ['password'] }],
    ['grant_types.0', { grant_types: ['implicit'] }],
    ['grant_types', { grant_types: [] }],
    ['grant_types', { grant_types: ['refresh_token', 'client_credentials'], redirect_uris: [] }],
    ['grant_types', { type: 'public', grant_types: ['authorization_code', 'client_credentials'] }],
    ['grant_types', { type: 'service', grant_types: ['authorization_code'] }],
    ['token_endpoint_auth_method', { token_endpoint_auth_method: 'none' }],
    ['token_endpoint_auth_method', { type: 'public', token_endpoint_auth_method: 'client_secret_basic' }],
    ['token_endpoint_auth_method', { type: 'native', token_endpoint_auth_method: null }],
    ['jwks', { token_endpoint_auth_method: 'private_key_jwt' }],
    ['jwks', { type: 'public', jwks: { keys: [publicJwk()] } }],
    ['jwks_uri', { jwks: { keys: [publicJwk()] }, jwks_uri: 'https://a.example/jwks' }],
    ['jwks', { jwks: { keys: [{ ...publicJwk(), d: 'AAAA' }] } }],
    ['jwks', { jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }],
    ['jwks', { jwks: { keys: [{ ...publicJwk(), x: 'AAAA' }] } }],
    [
      'jwks',
      { jwks: { keys: [generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })] } },
    ],
    ['jwks.keys', { jwks: { keys: [] } }],
    ['jwks_uri', { jwks_uri: 'http://a.example/jwks' }],
    ['jwks_uri', { jwks_uri: 'https://2130706433/jwks' }],
    ['jwks_uri', { jwks_uri: 'file:///etc/passwd' }],
    ['client_uri', { client_uri: 'javascript:alert(1)' }],
    ['logo_uri', { logo_uri: 'http://a.example/logo.png' }],
    ['require_pkce', { type: 'native', require_pkce: false }],
    ['refresh_token_rotation', { type: 'public', refresh_token_rotation: 'never' }],
    ['self_signed_jwt', { type: 'public', self_signed_jwt: true }],
    ['access_token_ttl_seconds', { type: 'service', redirect_uris: [], access_token_ttl_seconds: 601 }],
    ['plan', { plan: 'no-such' }],
    ['is_admin', { is_admin: true }],
    ['self_registered', { self_registered: true }],
  ])('%s is refused in %j', async (path, fields) => {
    const [status, told] = await problemOf(fields);
    expect([status, told]).toEqual([422, path]);
  });

  test('all that does not fit is told at once', async () => {
    const { status, json } = await apply(server, {
      type: 'public',
      redirect_uris: ['javascript:x', 'https://a.example/cb', 'https://*.example/cb'],
      client_uri: 'http://a.example',
      require_pkce: false,
    });
    const paths = json.fields.map(({ path }: { path: string }) => path);
    expect([status, ...paths]).toEqual([422, 'redirect_uris.0', 'redirect_uris.2', 'client_uri', 'require_pkce']);
  });

  test('the same object stands under /v2 and, following X-API-Version, at /oauth/applications', async () => {
    const { key } = await makeKey(server, { scopes: ['read', 'applications:write', 'applications:read'] });
    const call = (path: string, options: CallOptions = {}) => server.call(path, { key, ...options });
    clock.advance(5);
    const made = await call('/oauth/applications', { json: WEB });
    expect([made.status, made.json.client_secret]).toEqual([201, expect.stringMatching(SECRET)]);
    const { client_secret: _, ...shown } = made.json;
    for (const path of ['/v1/applications', '/v2/applications', '/oauth/applications']) {
      expect((await call(`${path}/${made.json.id}`)).json).toEqual(shown);
      const list = await call(`${path}?limit=1`);
      expect(list.json.data).toEqual([shown]);
    }
    const missing = '/oauth/applications/app_000000000000000000000000';
    expect((await call(missing)).json.error).toMatchObject({ code: 'NOT_FOUND' });
    expect((await call(missing, { headers: { 'x-api-version': '1.0' } })).json.error).toBe('not_found');
    expect((await call('/v1/oauth/applications')).status).toBe(404);
    expect((await call(`/oauth/applications/${made.json.id}`, { method: 'DELETE' })).status).toBe(204);
  });

  test('lists go newest first, page by page, one environment for a key', async () => {
    const workspace_id = await makeWorkspace(server);
    const ids: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      clock.advance(5);
      ids.unshift((await makeApplication(server, { workspace_id, name: `n${index}` })).id);
    }
    await makeApplication(server, { workspace_id, environment: 'live' });
    const { key } = await makeKey(server, { workspace_id, scopes: ['applications:read'] });
    const seen: string[] = [];
    let cursor = '';
    do {
      const { json } = await server.call(`/v1/applications?limit=2${cursor}`, { key });
      seen.push(...json.data.map(({ id }: { id: string }) => id));
      cursor = json.next_cursor ? `&cursor=${json.next_cursor}` : '';
    } while (cursor !== '');
    expect(seen).toEqual(ids);
    const live = await server.call('/v1/applications?environment=live', { key });
    expect(live.json.data).toEqual([]);
  });

  test('needs applications:read and applications:write', async () => {
    const made = await makeApplication(server);
    const [reader, writer, nobody] = await Promise.all(
      [['applications:read'], ['applications:write'], ['read', 'api_keys:write']].map((scopes) =>
        makeKey(server, { scopes }),
      ),
    );
    const status = async (key = '', path = '', options: CallOptions = {}) =>
      (await server.call(`/v1/applications${path}`, { key, ...options })).status;
    const one = `/${made.id}`;
    expect([await status(reader?.key), await status(reader?.key, one)]).toEqual([200, 200]);
    expect(await status(reader?.key, one, { method: 'PATCH', json: {} })).toBe(403);
    expect(await status(writer?.key, one)).toBe(403);
    expect(await status(writer?.key, one, { method: 'PATCH', json: { name: 'x' } })).toBe(200);
    for (const path of ['', one]) expect(await status(nobody?.key, path)).toBe(403);
    expect(await status(nobody?.key, '', { json: WEB })).toBe(403);
  });

  test("another workspace's application is not found, whatever is asked (J9, N4)", async () => {
    const made = await makeApplication(server);
    const workspace_id = await makeWorkspace(server);
    const { key } = await makeKey(server, { workspace_id, scopes: ['admin'] });
    const call = (path: string, options: CallOptions = {}) =>
      server.call(`/v1/applications${path}`, { key, ...options });
    const secret = made.secrets[0].id;
    const replies = [
      await call(`/${made.id}`),
      await call(`/${made.id}?workspace_id=${server.workspaceId}`),
      await call(`/${made.id}`, { method: 'PATCH', json: { name: 'mine' } }),
      await call(`/${made.id}`, { method: 'PATCH', json: { name: 'mine', workspace_id: server.workspaceId } }),
      await call(`/${made.id}`, { method: 'DELETE' }),
      await call(`/${made.id}/secrets`, { json: {} }),
      await call(`/${made.id}/secrets/${secret}`, { method: 'DELETE' }),
      await call('', { json: { ...WEB, workspace_id: server.workspaceId } }),
      await call(`?workspace_id=${server.workspaceId}`),
    ];
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 404));
    expect((await call('')).json.data).toEqual([]);
    expect((await applicationAt(server, made.id)).json).toMatchObject({ name: 'Shop', secrets: [{ id: secret }] });
    const mine = await makeApplication(server, { workspace_id });
    expect((await call(`/${mine.id}/secrets/${secret}`, { method: 'DELETE' })).status).toBe(404);
  });

  describe('no credential gives more than it has (J12)', () => {
    const managing = (scopes: string[], more: object = {}) =>
      makeKey(server, { scopes: [...scopes, 'applications:write'], ...more });

    test('in scopes; what concerns only who consents is nobody’s to hold', async () => {
      const { key } = await managing(['orders:read']);
      const refused = await apply(server, { scopes: ['orders:read', 'orders:write'] }, key);
      expect([refused.status, refused.json.error]).toEqual([403, 'insufficient_scope']);
      expect(refused.json.message).toContain('orders:write');
      expect((await apply(server, { scopes: ['openid', 'email', 'orders:read'] }, key)).status).toBe(201);
      expect((await apply(server, { scopes: ['api_keys:write'] }, key)).status).toBe(403);
      expect((await apply(server, { scopes: ['applications:write'] }, key)).status).toBe(201);
    });

    test('in environment and plan, and never past its own end', async () => {
      const { key } = await managing(['read'], { limits: { per_hour: 100 } });
      expect((await apply(server, {}, key)).json).toMatchObject({ error: 'forbidden' });
      const { key: free } = await managing(['read']);
      expect((await apply(server, { environment: 'live' }, free)).json).toMatchObject({ error: 'wrong_environment' });
      expect((await apply(server, { limits: { per_hour: 5 } }, free)).status).toBe(403);
      const { key: brief } = await managing(['read'], { expires_in: '1h' });
      const made = await makeApplication(server, {}, brief);
      const end = new Date(clock.nowMs() + HOUR_MS).toISOString();
      expect(made.secrets[0].expires_at).toBe(end);
      const keys = { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [publicJwk()] } };
      expect((await apply(server, keys, brief)).json.fields[0].path).toBe('jwks');
      const secret = (json: object) => server.call(`/v1/applications/${made.id}/secrets`, { key: brief, json });
      expect((await secret({ expires_in: '2h' })).json.fields[0].path).toBe('expires_at');
      expect((await secret({})).json.expires_at).toBe(end);
    });

    test('consent is skipped by root alone, and such an application changed by root alone', async () => {
      const { key } = await managing(['read']);
      expect((await apply(server, { consent: 'skip' }, key)).json).toMatchObject({ error: 'forbidden' });
      const made = await makeApplication(server, { consent: 'skip' });
      const patch = (json: object) => server.call(`/v1/applications/${made.id}`, { key, method: 'PATCH', json });
      expect((await patch({ redirect_uris: ['https://evil.example/cb'] })).status).toBe(403);
      expect((await patch({ name: 'Renamed' })).status).toBe(200);
      expect((await patch({ state: 'disabled' })).status).toBe(200);
      expect((await patch({ state: 'active' })).status).toBe(403);
    });

    test('who holds less may rename and disable an application, but not take it over', async () => {
      const made = await makeApplication(server, { scopes: ['read', 'write'] });
      const { key } = await managing(['read']);
      const patch = async (json: object) =>
        (await server.call(`/v1/applications/${made.id}`, { key, method: 'PATCH', json })).status;
      for (const json of [
        { redirect_uris: ['https://evil.example/cb'] },
        { jwks: { keys: [publicJwk()] } },
        { jwks_uri: 'https://evil.example/jwks' },
        { token_endpoint_auth_method: 'client_secret_jwt' },
        { grant_types: ['client_credentials', 'authorization_code'] },
        { self_signed_jwt: true },
        { scopes: ['read', 'write', 'delete'] },
      ]) {
        expect([json, await patch(json)]).toEqual([json, 403]);
      }
      const secrets = `/v1/applications/${made.id}/secrets`;
      expect((await server.call(secrets, { key, json: {} })).status).toBe(403);
      for (const json of [{ name: 'x' }, { require_pkce: true }, { state: 'disabled' }, { scopes: ['read'] }]) {
        expect([json, await patch(json)]).toEqual([json, 200]);
      }
      expect(await patch({ state: 'active' })).toBe(200);
    });

    test('a key that was revoked meanwhile makes none', async () => {
      const { key, id } = await managing(['read']);
      const path = `/v1/api-keys/${id}/revoke`;
      const json = { workspace_id: server.workspaceId };
      const [made] = await Promise.all([
        Promise.all(Array.from({ length: 8 }, () => apply(server, {}, key))),
        server.call(path, { key: server.rootKey, json }),
      ]);
      expect(made.map(({ status }) => status).filter((status) => ![201, 401].includes(status))).toEqual([]);
      expect((await apply(server, {}, key)).status).toBe(401);
    });
  });

  describe('secrets', () => {
    const add = (id: string, json: object = {}) => {
      // Ids of one millisecond are in no order.
      clock.advance(5);
      return applicationAt(server, `${id}/secrets`, { json });
    };
    const secretsOf = async (id: string) => (await applicationAt(server, id)).json.secrets;

    test('two live at most; one more needs a place or an overlap', async () => {
      const made = await makeApplication(server);
      const second = await add(made.id, { expires_in: '90d' });
      expect([second.status, second.json]).toEqual([
        201,
        {
          id: expect.stringMatching(/^sec_/),
          client_id: made.id,
          client_secret: expect.stringMatching(SECRET),
          hint: `lk_cs_…${second.json.client_secret.slice(-4)}`,
          signs: false,
          created_at: expect.any(String),
          created_by: 'root',
          expires_at: new Date(clock.nowMs() + 90 * 24 * HOUR_MS).toISOString(),
          last_used_at: null,
        },
      ]);
      expect((await add(made.id)).json).toMatchObject({ error: 'conflict' });
      const first = made.secrets[0].id;
      expect((await applicationAt(server, `${made.id}/secrets/${first}`, { method: 'DELETE' })).status).toBe(204);
      expect((await applicationAt(server, `${made.id}/secrets/${first}`, { method: 'DELETE' })).status).toBe(404);
      expect((await secretsOf(made.id)).map(({ id }: { id: string }) => id)).toEqual([second.json.id]);
      expect((await add(made.id)).status).toBe(201);
      expect((await auditOf(server, made.id)).map(({ action }) => action)).toEqual([
        'application.created',
        'application.secret_created',
        'application.secret_revoked',
        'application.secret_created',
      ]);
    });

    test('many at once do not make a third', async () => {
      const made = await makeApplication(server);
      const replies = await Promise.all(Array.from({ length: 6 }, () => add(made.id)));
      expect(replies.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
      expect(await secretsOf(made.id)).toHaveLength(2);
    });

    test('an overlap ends the newest after it and older ones at once; 0s ends all', async () => {
      const made = await makeApplication(server);
      const second = (await add(made.id)).json;
      const third = (await add(made.id, { overlap: '1h' })).json;
      const end = new Date(clock.nowMs() + HOUR_MS).toISOString();
      const ends = async () =>
        (await secretsOf(made.id)).map(({ id, expires_at }: Record<string, string>) => [id, expires_at]);
      expect(await ends()).toEqual([
        [second.id, end],
        [third.id, null],
      ]);
      clock.advance(HOUR_MS);
      expect(await ends()).toEqual([[third.id, null]]);
      const fourth = (await add(made.id, { overlap: '0s' })).json;
      expect(await ends()).toEqual([[fourth.id, null]]);
    });

    test.each([
      ['expires_in', { expires_in: '1h', expires_at: '2040-01-01T00:00:00Z' }],
      ['expires_in', { expires_in: 'soon' }],
      ['expires_at', { expires_at: '2000-01-01T00:00:00Z' }],
      ['expires_at', { expires_at: 'tomorrow' }],
      ['overlap', { overlap: '1 day' }],
    ])('%s is refused in %j', async (path, json) => {
      const { id } = await makeApplication(server);
      const { status, json: told } = await add(id, json);
      expect([status, told.fields?.[0].path]).toEqual([422, path]);
    });

    test('are none of a public application', async () => {
      const { id } = await makeApplication(server, { type: 'native' });
      expect((await add(id)).json).toMatchObject({ error: 'conflict' });
    });

    test('are sealed where somebody verifies signatures with them, and only there', async () => {
      const plain = await makeApplication(server);
      const signing = await makeApplication(server, { self_signed_jwt: true });
      expect([plain.secrets[0].signs, signing.secrets[0].signs]).toEqual([false, true]);
      const row = await server.latchkey.database.read
        .selectFrom('client_secrets')
        .selectAll()
        .where('client_id', '=', signing.id)
        .executeTakeFirstOrThrow();
      expect(row.secret_sealed).toMatch(/^[^:]+:[\w-]+/);
      expect(row.secret_sealed).not.toContain(signing.client_secret);
    });
  });

  test('a deed and its audit event stand together; deleting takes all with it', async () => {
    const made = await makeApplication(server);
    await applicationAt(server, made.id, { method: 'PATCH', json: { scopes: [] } });
    expect((await applicationAt(server, made.id, { method: 'DELETE' })).status).toBe(204);
    expect((await applicationAt(server, made.id)).status).toBe(404);
    const events = await auditOf(server, made.id);
    expect(events.map(({ action, workspace_id }) => [action, workspace_id])).toEqual(
      ['created', 'updated', 'deleted'].map((deed) => [`application.${deed}`, server.workspaceId]),
    );
    expect(events[1]?.data).toMatchObject({ changed: ['scopes'], before: { scopes: ['read'] }, after: { scopes: [] } });
    expect(JSON.stringify(events)).not.toContain(made.client_secret);
    const left = await server.latchkey.database.read
      .selectFrom('client_secrets')
      .select('id')
      .where('client_id', '=', made.id)
      .execute();
    expect(left).toEqual([]);
  });
});
