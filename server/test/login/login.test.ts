import { mintSecret } from '@latchkey/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { databaseText, eventsAbout, makeWorkspace, START_MS } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { enrolTotp, newBrowser, newPerson, otpAt, PASSWORD, refusal } from '../people/browser.ts';
import { claimsOf } from '../tokens/issuing.ts';
import { loggedIn, login, post, refresh } from './logins.ts';

const HOUR_MS = 3_600_000;

describe.each(DATABASES)('login on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(2 * HOUR_MS));

  test.each(['v1', 'v2'])('/%s gives tokens that work, and never again shows or stores them', async (version) => {
    const person = await newPerson(server);
    const body = { username: person.email, password: PASSWORD };
    const reply = await post(server, `/${version}/auth/login`, body);
    expect(reply.status, reply.text).toBe(200);
    expect(reply.json).toEqual({
      token: expect.stringMatching(/^eyJ/),
      refresh_token: expect.stringMatching(/^lk_rt_/),
      token_type: 'Bearer',
      expires_in: 900,
      expires_at: new Date(clock.nowMs() + 900_000).toISOString(),
      scope: expect.stringContaining('api_keys:write'),
      session_id: expect.stringMatching(/^ses_/),
    });
    expect(reply.headers.get('cache-control')).toBe('no-store');
    expect(reply.headers.getSetCookie()).toEqual([]);
    const { token, refresh_token: refreshToken } = reply.json;
    expect(claimsOf(token)).toMatchObject({ sub: person.userId, client_id: 'latchkey', amr: ['pwd'] });
    const me = await server.call('/v1/users/me', { key: token });
    expect([me.status, me.json.email]).toEqual([200, person.email]);
    expect((await server.call('/v1/projects', { key: token })).status).toBe(200);
    expect((await server.call('/v1/auth/verify', { key: token })).json).toMatchObject({
      method: 'session',
      user_id: person.userId,
      environment: 'test',
      workspace_id: person.workspaceId,
      client_id: null,
    });
    const stored = await databaseText(server);
    const logged = server.logLines.join('\n');
    for (const secret of [token, refreshToken, PASSWORD]) {
      expect(stored).not.toContain(secret);
      expect(logged).not.toContain(secret);
    }
  });

  test('all that is wrong with a body is told at once', async () => {
    const fieldsOf = async (json: object) => {
      const { status, json: told } = await post(server, '/v1/auth/login', json);
      return [
        status,
        ...told.fields.map(({ path, message }: { path: string; message: string }) => `${path} ${message}`),
      ];
    };
    const both = ['username is required', 'password is required'];
    expect(await fieldsOf({})).toEqual([422, ...both]);
    expect(await fieldsOf({ email: 'a@b.example', password: 'x' })).toEqual([
      422,
      'username is required',
      'email is not a known field',
    ]);
    expect(await fieldsOf({ challenge: 'c'.repeat(43) })).toEqual([422, 'otp is required with challenge']);
  });

  test('the role gives the scopes; workspace and environment are as asked', async () => {
    const viewer = await newPerson(server, { role: 'viewer' });
    const { scope, token } = await loggedIn(server, viewer, { environment: 'live' });
    expect(scope.split(' ')).toContain('members:read');
    expect(scope).not.toContain('write');
    expect((await server.call('/v1/auth/verify', { key: token })).json.environment).toBe('live');
    const owner = await newPerson(server, { role: 'owner' });
    expect((await loggedIn(server, owner)).scope).toBe('admin');
    const second = await makeWorkspace(server);
    const joined = { user_id: viewer.userId, role: 'developer', workspace_id: second };
    expect((await server.call('/v1/members', { key: server.rootKey, json: joined })).status).toBe(201);
    const there = await loggedIn(server, viewer, { workspace_id: second });
    expect(claimsOf(there.token).workspace_id).toBe(second);
    expect(there.scope).toContain('write');
    const foreign = await login(server, owner, { workspace_id: second });
    const missing = await login(server, owner, { workspace_id: 'ws_000000000000000000000000' });
    expect([refusal(foreign), refusal(missing)]).toEqual([
      [404, 'not_found'],
      [404, 'not_found'],
    ]);
  });

  test('a wrong password and an unknown address answer the same; a disabled account is told to its owner alone', async () => {
    const person = await newPerson(server);
    const body = { username: person.email, password: 'wrong guess' };
    const wrong = await post(server, '/v1/auth/login', body);
    const unknown = await post(server, '/v1/auth/login', { ...body, username: 'nobody-at-all@example.com' });
    expect(refusal(wrong)).toEqual([401, 'invalid_credentials']);
    expect([unknown.status, unknown.json.error, unknown.json.message]).toEqual([
      wrong.status,
      wrong.json.error,
      wrong.json.message,
    ]);
    await server.call(`/v1/users/${person.userId}`, {
      method: 'PATCH',
      key: server.rootKey,
      json: { state: 'disabled' },
    });
    expect(refusal(await post(server, '/v1/auth/login', body))).toEqual([401, 'invalid_credentials']);
    expect(refusal(await login(server, person))).toEqual([403, 'forbidden']);
  });

  test('guesses are those of signing in, counted together', async () => {
    const person = await newPerson(server);
    const guess = () => post(server, '/v1/auth/login', { username: person.email, password: 'wrong guess' });
    for (let count = 0; count < 10; count += 1) expect((await guess()).status).toBe(401);
    const stopped = await login(server, person);
    expect(refusal(stopped)).toEqual([429, 'rate_limit_exceeded']);
    expect(Number(stopped.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(
      (await newBrowser(server).post('/v1/account/sign-in', { email: person.email, password: PASSWORD })).status,
    ).toBe(429);
  });

  test('a second factor is asked for, by a challenge or in the same call, and no other way leads past it', async () => {
    const person = await newPerson(server, { role: 'owner' });
    const before = await loggedIn(server, person);
    const { secret, backupCodes } = await enrolTotp(person, clock.nowMs);
    const next = () => {
      clock.advance(30_000);
      return otpAt(secret, clock.nowMs());
    };
    const asked = await login(server, person);
    expect(refusal(asked)).toEqual([401, 'mfa_required']);
    expect(asked.json).toMatchObject({ challenge: expect.any(String), methods: ['otp', 'backup_code'] });
    expect(asked.text).not.toContain('lk_rt_');
    const { challenge } = asked.json;
    const wrong = await post(server, '/v1/auth/login', { challenge, otp: '000000' });
    expect(refusal(wrong)).toEqual([401, 'invalid_credentials']);
    const answered = await post(server, '/v1/auth/login', { challenge, otp: await next() });
    expect(answered.status, answered.text).toBe(200);
    expect(claimsOf(answered.json.token)).toMatchObject({ amr: ['pwd', 'otp', 'mfa'], scope: 'admin' });
    const again = await post(server, '/v1/auth/login', { challenge, otp: await next() });
    expect(refusal(again)).toEqual([401, 'invalid_credentials']);
    await loggedIn(server, person, { otp: await next() });
    await loggedIn(server, person, { otp: backupCodes[0] });
    // The login from before it gives nothing more; the one that passed it does.
    expect(refusal(await refresh(server, before.refreshToken))).toEqual([401, 'invalid_token']);
    expect((await refresh(server, answered.json.refresh_token)).status).toBe(200);
  });

  test('a workspace that requires a second factor refuses a person without one', async () => {
    const workspace = await makeWorkspace(server);
    const person = await newPerson(server, { workspace_id: workspace });
    const { refreshToken } = await loggedIn(server, person);
    const json = { require_second_factor: true };
    const options = { method: 'PATCH', key: server.rootKey, json };
    expect((await server.call(`/v1/workspaces/${workspace}`, options)).status).toBe(200);
    const refused = await login(server, person);
    expect(refusal(refused)).toEqual([403, 'forbidden']);
    expect(refused.json.message).toContain('requires a second factor');
    expect(refusal(await refresh(server, refreshToken))).toEqual([401, 'invalid_token']);
    const { secret } = await enrolTotp(person, clock.nowMs);
    clock.advance(30_000);
    await loggedIn(server, person, { otp: await otpAt(secret, clock.nowMs()) });
  });

  test('with cookie it is a session, under the rules of cookies', async () => {
    const person = await newPerson(server);
    const browser = newBrowser(server);
    const body = { username: person.email, password: PASSWORD, cookie: true };
    const reply = await browser.post('/v1/auth/login', body);
    expect(reply.status, reply.text).toBe(200);
    expect(Object.keys(reply.json).sort()).toEqual(['expires_at', 'expires_in', 'session_id']);
    expect(reply.headers.getSetCookie()[0]).toMatch(
      /^latchkey_session=\S+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/,
    );
    expect((await browser.call('/v1/users/me')).json.email).toBe(person.email);
    const forged = { method: 'POST', json: {}, headers: { 'sec-fetch-site': 'cross-site' } };
    expect(refusal(await browser.call('/v1/auth/logout', forged))).toEqual([403, 'forbidden']);
    expect(refusal(await browser.call('/v1/auth/login', { ...forged, json: body }))).toEqual([403, 'forbidden']);
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const unsaid = { method: 'POST', key: null, json: {}, headers: { cookie } };
    expect(refusal(await server.call('/v1/auth/logout', unsaid))).toEqual([403, 'forbidden']);
    expect((await browser.post('/v1/auth/logout')).status).toBe(204);
    expect(browser.cookies.has('latchkey_session')).toBe(false);
    expect((await server.call('/v1/users/me', { key: null, headers: { cookie } })).status).toBe(401);
  });

  test('a body that is half of one and half of the other names its cure', async () => {
    const cases: [object, string][] = [
      [{}, 'username'],
      [{ username: 'a@example.com' }, 'password'],
      [{ challenge: 'x'.repeat(43) }, 'otp'],
      [{ challenge: 'x'.repeat(43), otp: '123456', password: 'x' }, 'challenge'],
      [{ username: 'a@example.com', password: 'x', scope: 'admin' }, 'scope'],
    ];
    for (const [json, path] of cases) {
      const reply = await post(server, '/v1/auth/login', json);
      expect([reply.status, reply.json.fields?.[0]?.path], JSON.stringify(json)).toEqual([422, path]);
    }
    expect((await post(server, '/v1/auth/refresh', {})).status).toBe(422);
    expect((await post(server, '/v1/auth/logout', {})).status).toBe(422);
  });

  test('a repeat with the same Idempotency-Key is another login', async () => {
    const person = await newPerson(server);
    const once = () =>
      server.call('/v1/auth/login', {
        key: null,
        json: { username: person.email, password: PASSWORD },
        headers: { 'idempotency-key': 'same' },
      });
    const [first, second] = [await once(), await once()];
    expect(first.json.refresh_token).not.toBe(second.json.refresh_token);
    expect(second.headers.get('idempotency-replayed')).toBeNull();
  });

  test('a login is written down and counted', async () => {
    const person = await newPerson(server);
    const { sessionId, refreshToken } = await loggedIn(server, person);
    const events = await eventsAbout(server, person.userId);
    const [last] = events.slice(-1);
    expect(last).toMatchObject({ action: 'user.signed_in', actor_id: person.userId });
    expect(last?.data).toContain(sessionId);
    await refresh(server, refreshToken);
    await refresh(server, 'lk_rt_nonsense');
    const metrics = (await server.call('/metrics', { key: server.rootKey })).text;
    expect(metrics).toMatch(/latchkey_token_grants_total\{grant_type="password",outcome="granted"\} [1-9]/);
    expect(metrics).toMatch(/latchkey_token_grants_total\{grant_type="refresh_token",outcome="granted"\} [1-9]/);
    expect(metrics).toMatch(/latchkey_refresh_failures_total [1-9]/);
  });
});

const randomBytes = pooledRandom();
const SECRETS = {
  LATCHKEY_MODE: 'production',
  LATCHKEY_ISSUER: 'https://auth.example.com',
  LATCHKEY_ROOT_KEY: mintSecret('root', randomBytes),
  LATCHKEY_ENCRYPTION_KEYS: `k1:${Buffer.from(randomBytes(32)).toString('base64')}`,
};

describe('the setting', () => {
  afterAll(stopServers);
  const settings: [Record<string, string>, number][] = [
    [SECRETS, 404],
    [{ ...SECRETS, LATCHKEY_PASSWORD_LOGIN: 'on' }, 422],
    [{ LATCHKEY_PASSWORD_LOGIN: 'off' }, 404],
    [{}, 422],
  ];
  test('login is off in production unless it is turned on, and then not there', async () => {
    for (const [env, status] of settings) {
      const server = await startServer({ env, limits: 'real' });
      for (const path of ['login', 'refresh', 'logout']) {
        expect((await post(server, `/v1/auth/${path}`, {})).status, JSON.stringify([env, path])).toBe(status);
      }
    }
  });
});
