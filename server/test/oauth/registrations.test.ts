import { afterEach, describe, expect, test } from 'vitest';
import { UNUSED_KEPT_MS } from '../../src/oauth/registration/prune.ts';
import { type CallOptions, DATABASES, manualClock, startServer, stopServers } from '../harness.ts';
import { allow, answerOf, decide, personAtBrowser, requestPath } from './authorizing.ts';
import { refusal, token, withCode, withRefresh } from './clients.ts';
import { auditOf, consented, DAY_MS, own, PUBLIC, prune, REDIRECT, registered } from './registering.ts';

afterEach(stopServers);

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
  test('ties a client down, and the client does not free itself by replacing its registration', async () => {
    const server = await startServer();
    const { client_id: id, registration_access_token: rat } = await registered(server, { redirect_uris: [REDIRECT] });
    const tie = {
      limits: { per_hour: 7, per_second: 1 },
      resources: [`${server.issuer}/v1`],
      require_pkce: true,
      refresh_tokens: 'offline_access',
      refresh_token_rotation: 'always',
      access_token_ttl_seconds: 300,
    };
    const at = `/v1/applications/${id}`;
    expect((await server.call(at, { method: 'PATCH', key: server.rootKey, json: tie })).json).toMatchObject(tie);
    for (const more of [{ client_name: 'Free' }, { token_endpoint_auth_method: 'none' }, {}]) {
      const put = await own(server, id, rat, 'PUT', { redirect_uris: [REDIRECT], client_id: id, ...more });
      expect(put.status, put.text).toBe(200);
      expect((await server.call(at, { key: server.rootKey })).json).toMatchObject(tie);
    }
  });

  test('lists, disables and removes them, with several workspaces too; nobody else sees them', async () => {
    const server = await startServer();
    const root = (path: string, options: CallOptions = {}) => server.call(path, { key: server.rootKey, ...options });
    await root('/v1/workspaces', { json: { name: 'Another' } });
    const made = await registered(server);
    const { client_id: id, registration_access_token: rat } = made;
    const patched = await root(`/v1/applications/${id}`, { method: 'PATCH', json: { scopes: ['read'] } });
    expect([patched.status, patched.json.fields?.[0].path]).toEqual([422, 'scopes']);
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
