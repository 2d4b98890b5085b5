import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mintSecret } from '@latchkey/protocol';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { systemActor } from '../../src/audit/index.ts';
import { DATABASES, freshPostgres, manualClock, stopServers, type TestServer } from '../harness.ts';
import {
  audienceOf,
  claimsOf,
  end,
  familyRequestOf,
  pairOf,
  randomBytes,
  refresh,
  requestOf,
  startServer,
  verdictOf,
} from './issuing.ts';

afterEach(stopServers);

const ORDERS = 'https://orders.example';

/** A resource whose tokens tell nobody anything. */
async function makeOpaque(server: TestServer, json: object = {}): Promise<void> {
  const body = { name: 'Orders', audience: ORDERS, token_format: 'opaque', ...json };
  const { status } = await server.call('/v1/resources', { key: server.rootKey, json: body });
  expect(status).toBe(201);
}

const issue = (server: TestServer, changes: object = {}) =>
  server.latchkey.tokens.issueAccessToken(null, requestOf(server, { audience: ORDERS, ...changes }));

/** Opaque tokens name nobody, so their users are made here. */
async function issueFor(server: TestServer, changes: object = {}) {
  const request = requestOf(server, { audience: ORDERS, ...changes });
  await server.call('/v1/auth/verify', { key: server.latchkey.tokens.mintAccessToken(request).text });
  return { request, token: await server.latchkey.tokens.issueAccessToken(null, request) };
}

describe.each(DATABASES)('on %s', (database) => {
  test('an opaque token is a caller like any other, on every process, until it ends', async () => {
    const env: Record<string, string> = database === 'postgres' ? { LATCHKEY_DATABASE_URL: await freshPostgres() } : {};
    const clock = manualClock();
    const server = await startServer({ database, env, clock });
    await makeOpaque(server, { access_token_ttl_seconds: 600 });
    const { token, request } = await issueFor(server);
    expect(token.text).toMatch(/^lk_at_[0-9A-Za-z]{46}$/);
    expect(token.expiresInSeconds).toBe(600);
    const { status, json } = await server.call('/v1/auth/verify', { key: token.text });
    expect([status, json]).toMatchObject([
      200,
      { user_id: request.subject, method: 'session', scopes: ['read', 'write'], credential_id: token.id },
    ]);
    expect((await server.call(`/v1/gate?resource=${ORDERS}`, { key: token.text })).status).toBe(200);
    expect(await verdictOf(server, token.text, '/v1/projects')).toBe('401 invalid_token');
    const rows = await server.latchkey.database.read.selectFrom('opaque_tokens').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(token.text.slice(7, 30));
    expect(rows).toHaveLength(1);

    if (database === 'postgres') {
      const keys = server.config.encryptionKeys
        .map(({ id, bytes }) => `${id}:${Buffer.from(bytes).toString('base64')}`)
        .join(',');
      const more = {
        LATCHKEY_ENCRYPTION_KEYS: keys,
        LATCHKEY_ROOT_KEY: server.rootKey,
        LATCHKEY_ISSUER: server.issuer,
      };
      const second = await startServer({ database, clock, env: { ...env, ...more } });
      expect(await verdictOf(second, token.text)).toBe('valid');
      await end(server, 'user', request.subject);
      await vi.waitFor(async () => expect(await verdictOf(second, token.text)).toBe('401 token_revoked'), {
        timeout: 10_000,
      });
    }
    const { token: other } = await issueFor(server);
    clock.advance(629_999);
    expect(await verdictOf(server, other.text)).toBe('valid');
    clock.advance(1);
    expect(await verdictOf(server, other.text)).toBe('401 token_expired');
  });

  test('it is revoked by itself, by its user, grant, session and family; and removed when it is over', async () => {
    const clock = manualClock();
    const server = await startServer({ database, clock });
    await makeOpaque(server);
    const { tokens, database: rows } = server.latchkey;
    const { token } = await issueFor(server);
    expect(await verdictOf(server, token.text)).toBe('valid');
    const { claims } = await tokens.findAccessToken(token.text);
    expect(await rows.write((tx) => tokens.revokeAccessToken(tx, { claims, actor: systemActor }))).toBe(true);
    expect(await verdictOf(server, token.text)).toBe('401 token_revoked');
    for (const [kind, name] of [
      ['grant', 'grantId'],
      ['session', 'sessionId'],
      ['user', 'subject'],
    ] as const) {
      const id = name === 'subject' ? requestOf(server).subject : `${kind}_1`;
      const { token: one } = await issueFor(server, { [name]: id });
      expect([kind, await verdictOf(server, one.text)]).toEqual([kind, 'valid']);
      await end(server, kind, id);
      expect([kind, await verdictOf(server, one.text)]).toEqual([kind, '401 token_revoked']);
    }
    const countRows = async () => (await rows.read.selectFrom('opaque_tokens').selectAll().execute()).length;
    expect(await countRows()).toBe(4);
    clock.advance(900_000 + 5 * 60_000);
    await tokens.prune();
    expect(await countRows()).toBe(4);
    clock.advance(1);
    await tokens.prune();
    expect(await countRows()).toBe(0);
  });

  test('a family gives them at each refresh, and none without its commit', async () => {
    const server = await startServer({ database });
    await makeOpaque(server);
    const { tokens, database: rows } = server.latchkey;
    const request = familyRequestOf(server, { audience: ORDERS });
    const pair = await rows.write((tx) => tokens.startFamily(tx, request));
    expect(pair.accessToken.text).toMatch(/^lk_at_/);
    const next = pairOf(await refresh(server, pair.refreshToken.text));
    expect(next.accessToken.text).toMatch(/^lk_at_/);
    const { claims } = await tokens.findAccessToken(next.accessToken.text);
    expect(claims).toMatchObject({ family_id: pair.family.id, aud: ORDERS, sub: request.userId });
    let lost = '';
    const undone = rows.write(async (tx) => {
      lost = (await tokens.issueAccessToken(tx, requestOf(server, { audience: ORDERS }))).text;
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    await expect(tokens.findAccessToken(lost)).rejects.toMatchObject({ code: 'invalid_token' });
  });
});

test('the resource decides: the same request is a JWT where it wants one, and both live on when it changes', async () => {
  const server = await startServer();
  const [resource] = (await server.call('/v1/resources')).json.data;
  const asDefault = { audience: audienceOf(server) };
  const { token: jwt } = await issueFor(server, asDefault);
  expect(claimsOf(jwt.text).aud).toBe(audienceOf(server));
  const patch = { method: 'PATCH', key: server.rootKey, json: { token_format: 'opaque' } };
  expect((await server.call(`/v1/resources/${resource.id}`, patch)).status).toBe(200);
  const { token: opaque } = await issueFor(server, asDefault);
  expect(opaque.text).toMatch(/^lk_at_/);
  for (const { text } of [jwt, opaque]) expect(await verdictOf(server, text, '/v1/projects')).toBe('valid');
  await server.call(`/v1/resources/${resource.id}`, { ...patch, json: { audience: 'https://moved.example' } });
  for (const { text } of [jwt, opaque]) expect(await verdictOf(server, text)).toBe('401 invalid_token');
});

test('what is made up, mistyped, gone, or sent as an API key is refused', async () => {
  const server = await startServer();
  await makeOpaque(server);
  const { text } = await issue(server);
  expect(await verdictOf(server, mintSecret('access_token', randomBytes))).toBe('401 invalid_token');
  expect(await verdictOf(server, `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`)).toBe('401 invalid_token');
  const asKey = await server.call('/v1/auth/verify', { key: null, headers: { 'x-api-key': text } });
  expect([asKey.status, asKey.json.message]).toMatchObject([401, expect.stringContaining('Authorization: Bearer')]);
  expect((await server.call(`/v1/auth/verify?x=${text}`)).status).toBe(400);
  expect(server.logLines.join('\n')).not.toContain(text.slice(7, 30));
});

test('a login gives an opaque token where the default resource wants one, and logs it out', async () => {
  const server = await startServer();
  const [resource] = (await server.call('/v1/resources')).json.data;
  const patch = { method: 'PATCH', key: server.rootKey, json: { token_format: 'opaque' } };
  await server.call(`/v1/resources/${resource.id}`, patch);
  const person = { email: 'ada@example.com', password: 'correct horse battery staple', email_verified: true };
  expect((await server.call('/v1/users', { key: server.rootKey, json: person })).status).toBe(201);
  const login = { username: person.email, password: person.password };
  const { json: pair } = await server.call('/v1/auth/login', { key: null, json: login });
  expect(pair.token).toMatch(/^lk_at_/);
  expect(await verdictOf(server, pair.token)).toBe('valid');
  expect((await server.call('/v1/auth/logout', { key: pair.token, json: {} })).status).toBeLessThan(300);
  expect(await verdictOf(server, pair.token)).toBe('401 token_revoked');
  for (const file of ['latchkey.sqlite', 'latchkey.sqlite-wal']) {
    expect(readFileSync(join(server.dataDir, file)).includes(pair.token.slice(7, 40))).toBe(false);
  }
});
