import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { makeKey, makeWorkspace, startBeside } from '../domains/installation.ts';
import { type CallOptions, DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { claimsOf, mint, requestOf } from '../tokens/issuing.ts';
import { signInOwner } from './signed-in.ts';

const at = (server: TestServer, path = '', options: CallOptions = {}) =>
  server.call(`/v1/resources${path}`, { key: server.rootKey, ...options });
const create = async (server: TestServer, fields: object) =>
  (await at(server, '', { json: { name: 'Billing', audience: 'https://billing.example', ...fields } })).json;
const patch = (server: TestServer, id: string, json: object) => at(server, `/${id}`, { method: 'PATCH', json });
const headerOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString());

describe.each(DATABASES)('resources on %s', (database) => {
  let server: TestServer;
  const clock = manualClock();
  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);

  test('the default one is there from the start, and follows the issuer', async () => {
    const { json } = await at(server);
    expect(json).toEqual({
      data: [
        {
          id: expect.stringMatching(/^res_[0-9A-Za-z]{24}$/),
          name: 'Default',
          audience: `${server.issuer}/v1`,
          token_format: 'jwt',
          signing_alg: 'ES256',
          access_token_ttl_seconds: 900,
          accepted_audiences: [],
          is_default: true,
          created_at: '2030-01-01T00:00:00.000Z',
        },
      ],
      next_cursor: null,
    });
    const { key } = await makeKey(server, {});
    expect((await server.call('/v2/resources', { key })).json).toEqual(json);
    expect((await server.call(`/v1/resources/${json.data[0].id}`, { key })).json).toEqual(json.data[0]);
  });

  test('another is added, changed and removed, and each is in the audit log', async () => {
    const fields = {
      token_format: 'opaque',
      access_token_ttl_seconds: 300,
      accepted_audiences: ['https://old.example'],
    };
    const made = await create(server, fields);
    expect(made).toMatchObject({ ...fields, name: 'Billing', audience: 'https://billing.example', is_default: false });
    const changed = await patch(server, made.id, { name: 'Money', accepted_audiences: [] });
    expect(changed.json).toEqual({ ...made, name: 'Money', accepted_audiences: [] });
    expect((await patch(server, made.id, {})).json).toEqual(changed.json);
    expect((await at(server, `/${made.id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await at(server, `/${made.id}`)).status).toBe(404);
    const rows = await server.latchkey.database.read
      .selectFrom('audit_events')
      .select('action')
      .where('target_id', '=', made.id)
      .orderBy('seq')
      .execute();
    expect(rows.map(({ action }) => action)).toEqual(['resource.created', 'resource.updated', 'resource.deleted']);
  });

  test.each([
    ['audience', { audience: 'https://api.example/#x' }],
    ['audience', { audience: '' }],
    ['accepted_audiences.1', { accepted_audiences: ['ok', 'not ok'] }],
    ['accepted_audiences.0', { accepted_audiences: ['https://billing.example'] }],
    ['access_token_ttl_seconds', { access_token_ttl_seconds: 299 }],
    ['access_token_ttl_seconds', { access_token_ttl_seconds: 86_401 }],
    ['signing_alg', { signing_alg: 'HS256' }],
    ['token_format', { token_format: 'paseto' }],
    ['is_default', { is_default: true }],
  ])('%s is refused in %j', async (path, fields) => {
    const refused = await at(server, '', { json: { name: 'Billing', audience: 'https://billing.example', ...fields } });
    expect([refused.status, refused.json.fields?.[0].path]).toEqual([422, path]);
  });

  test('is never our issuer, one of our endpoints, or the default one', async () => {
    const { issuer } = server;
    for (const audience of [issuer, `${issuer}/`, `${issuer}/oauth/token`, `${issuer}/v1`]) {
      const refused = await at(server, '', { json: { name: 'x', audience } });
      expect([audience, refused.status]).toEqual([audience, 422]);
      const accepted = await at(server, '', { json: { name: 'x', audience: 'urn:x', accepted_audiences: [audience] } });
      expect([audience, accepted.status]).toEqual([audience, 422]);
    }
  });

  test('each audience belongs to one resource, accepted ones too, also when many ask at once', async () => {
    const made = await create(server, { audience: 'urn:one', accepted_audiences: ['urn:two'] });
    for (const fields of [
      { audience: 'urn:one' },
      { audience: 'urn:two' },
      { audience: 'urn:3', accepted_audiences: ['urn:one'] },
    ]) {
      expect((await at(server, '', { json: { name: 'x', ...fields } })).status).toBe(409);
    }
    const many = Array.from({ length: 6 }, () => at(server, '', { json: { name: 'x', audience: 'urn:race' } }));
    expect((await Promise.all(many)).map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
    expect((await patch(server, made.id, { audience: 'urn:race' })).status).toBe(409);
    expect((await at(server, `/${made.id}`)).json.audience).toBe('urn:one');
    expect((await patch(server, made.id, { audience: 'urn:two', accepted_audiences: ['urn:one'] })).status).toBe(200);
  });

  test('is written by root and by an owner of the first workspace, and by nobody else', async () => {
    const { key } = await makeKey(server, { scopes: ['admin'] });
    const json = { name: 'x', audience: 'urn:mine' };
    expect((await server.call('/v1/resources', { key, json })).status).toBe(403);
    const asOwner = await signInOwner(server);
    const made = await asOwner('/v1/resources', { json });
    expect(made.status).toBe(201);
    expect((await asOwner(`/v1/resources/${made.json.id}`, { method: 'DELETE' })).status).toBe(204);
    const other = await makeWorkspace(server);
    const { database: db } = server.latchkey;
    await db.write((tx) => tx.query.updateTable('sessions').set({ workspace_id: other }).execute());
    const stranger = await signInOwner(server);
    await db.write((tx) => tx.query.updateTable('members').set({ role: 'admin' }).execute());
    expect((await stranger('/v1/resources', { json: { ...json, audience: 'urn:no' } })).status).toBe(403);
    await db.write((tx) => tx.query.updateTable('members').set({ role: 'owner' }).execute());
  });

  test('stays while a scope belongs to it, and the default one always', async () => {
    const made = await create(server, { audience: 'urn:scoped' });
    const scope = { name: 'invoices:pay', description: 'Pay invoices', resource: made.id };
    expect((await server.call('/v1/scopes', { key: server.rootKey, json: scope })).status).toBe(201);
    expect((await at(server, `/${made.id}`, { method: 'DELETE' })).json).toMatchObject({ error: 'conflict' });
    await server.call('/v1/scopes/invoices:pay', { key: server.rootKey, method: 'PATCH', json: { resource: null } });
    expect((await at(server, `/${made.id}`, { method: 'DELETE' })).status).toBe(204);
    const { data } = (await at(server)).json;
    const first = data.find((each: { is_default: boolean }) => each.is_default);
    expect((await at(server, `/${first.id}`, { method: 'DELETE' })).status).toBe(409);
  });
});

describe('tokens', () => {
  afterEach(stopServers);

  test('say the lifetime and algorithm of their resource; RS256 and EdDSA keys are published before they sign', async () => {
    const clock = manualClock();
    const server = await startServer({ clock });
    for (const [signing_alg, kty] of [
      ['RS256', 'RSA'],
      ['EdDSA', 'OKP'],
    ]) {
      const audience = `https://${kty}.example`;
      await create(server, { audience, signing_alg, access_token_ttl_seconds: 300 });
      const keys = (await server.call('/.well-known/jwks.json', { key: null })).json.keys;
      expect(keys.map((each: { kty: string }) => each.kty)).toContain(kty);
      expect(() => mint(server, { audience })).toThrow(/being published/);
      clock.advance(361_000);
      await server.latchkey.signingKeys.maintain();
      const token = mint(server, { audience });
      expect(headerOf(token).alg).toBe(signing_alg);
      const { iat, exp, aud } = claimsOf(token);
      expect([Number(exp) - Number(iat), aud]).toEqual([300, audience]);
    }
    expect(headerOf(mint(server)).alg).toBe('ES256');
  });

  test('of a family follow the resource from refresh to refresh', async () => {
    const server = await startServer();
    const { id } = (await at(server)).json.data[0];
    const { tokens, database } = server.latchkey;
    const { subject: userId, ...request } = requestOf(server);
    const pair = await database.write((tx) => tokens.startFamily(tx, { ...request, userId, rotation: 'none' }));
    expect(pair.accessToken.expiresInSeconds).toBe(900);
    await patch(server, id, { access_token_ttl_seconds: 600 });
    const presented = {
      token: pair.refreshToken.text,
      clientId: request.clientId,
      actor: { kind: 'system', id: 'test' },
    };
    const again = await database.write((tx) => tokens.refresh(tx, presented as never));
    expect(again.outcome === 'refreshed' && again.accessToken.expiresInSeconds).toBe(600);
  });

  test('for an audience are refused once the resource has another, and for a removed one', async () => {
    const server = await startServer();
    const asOwner = async (token: string) => (await server.call('/v1/auth/verify', { key: token })).status;
    const owner = await server.latchkey.database.read.selectFrom('users').select('id').executeTakeFirstOrThrow();
    const mine = (audience?: string) => mint(server, { subject: owner.id, ...(audience ? { audience } : {}) });
    const first = mine();
    expect(await asOwner(first)).toBe(200);
    const made = await create(server, { audience: 'urn:elsewhere' });
    const other = mine('urn:elsewhere');
    expect(await asOwner(other)).toBe(200);
    expect((await server.call('/v1/projects', { key: other })).json).toMatchObject({ error: 'invalid_token' });
    await at(server, `/${made.id}`, { method: 'DELETE' });
    expect(await asOwner(other)).toBe(401);
    const { id } = (await at(server)).json.data[0];
    expect((await patch(server, id, { audience: 'https://api.example' })).json.audience).toBe('https://api.example');
    expect(await asOwner(first)).toBe(401);
    expect((await server.call('/v1/projects', { key: mine('https://api.example') })).status).toBe(200);
    expect((await patch(server, id, { audience: null })).json.audience).toBe(`${server.issuer}/v1`);
    expect(await asOwner(first)).toBe(200);
  });

  test('of a resource that another process made are accepted within a second', async () => {
    const one = await startServer({ database: 'postgres' });
    const two = await startBeside(one);
    expect((await at(two)).json.data).toHaveLength(1);
    await create(one, { audience: 'urn:new' });
    await vi.waitFor(
      () =>
        expect(
          two.latchkey.tokens.verifyAccessToken(mint(two, { audience: 'urn:new', workspaceId: one.workspaceId })),
        ).toBeTruthy(),
      {
        timeout: 10_000,
      },
    );
  });
});

test('a key that a crash kept from being made is made at the next start', async () => {
  const first = await startServer();
  await create(first, { audience: 'urn:rsa', signing_alg: 'RS256' });
  await first.latchkey.database.write((tx) =>
    tx.query.deleteFrom('signing_keys').where('algorithm', '=', 'RS256').execute(),
  );
  await first.stop();
  const again = await startServer({ dataDir: first.dataDir });
  const { json } = await again.call('/.well-known/jwks.json', { key: null });
  expect(json.keys.map(({ kty }: { kty: string }) => kty)).toContain('RSA');
  await stopServers();
});
