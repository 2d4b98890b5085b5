import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventsAbout, makeWorkspace, START_MS } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { request, sendRaw } from '../http/raw.ts';
import { enrolTotp, newBrowser, newPerson, otpAt, PASSWORD, type Person, refusal, signIn } from '../people/browser.ts';
import { claimsOf } from '../tokens/issuing.ts';
import { DEAD, loggedIn, memberId, post, refresh, setRole } from './logins.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const GRACE_MS = 30_000;

describe.each(DATABASES)('refreshing a login on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(2 * HOUR_MS));

  const works = async (token: string) => (await server.call('/v1/users/me', { key: token })).status === 200;
  const sessionsOf = async (person: Person): Promise<{ id: string; kind: string; last_seen_at: string }[]> => {
    const reply = await person.call('/v1/account/sessions');
    return reply.json.data;
  };

  test.each(['v1', 'v2'])('/%s answers in the shape of a login, with the next token', async (version) => {
    const person = await newPerson(server);
    const first = await loggedIn(server, person);
    const reply = await refresh(server, first.refreshToken, version);
    expect(reply.status, reply.text).toBe(200);
    expect(reply.json).toEqual({
      token: expect.stringMatching(/^eyJ/),
      refresh_token: expect.stringMatching(/^lk_rt_/),
      token_type: 'Bearer',
      expires_in: 900,
      expires_at: new Date(clock.nowMs() + 900_000).toISOString(),
      scope: first.scope,
    });
    expect(reply.json.refresh_token).not.toBe(first.refreshToken);
    expect(reply.headers.get('cache-control')).toBe('no-store');
    expect(claimsOf(reply.json.token)).toMatchObject({ sub: person.userId, sid: first.sessionId, amr: ['pwd'] });
    expect(await works(reply.json.token)).toBe(true);
  });

  test('twenty at once are all answered, with one successor', async () => {
    const { refreshToken } = await loggedIn(server, await newPerson(server));
    const replies = await Promise.all(Array.from({ length: 20 }, () => refresh(server, refreshToken)));
    expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(new Set(replies.map(({ json }) => json.refresh_token)).size).toBe(1);
    for (const { json } of replies) expect(await works(json.token)).toBe(true);
    expect((await refresh(server, replies[0]?.json.refresh_token)).status).toBe(200);
  });

  test('a login by password alone ends at once where its workspace begins to ask for more', async () => {
    const workspaceId = await makeWorkspace(server);
    const [plain, both] = [
      await newPerson(server, { workspace_id: workspaceId }),
      await newPerson(server, { workspace_id: workspaceId }),
    ];
    const { secret } = await enrolTotp(both, clock.nowMs);
    const elsewhere = await loggedIn(server, plain);
    const byPassword = await loggedIn(server, plain);
    clock.advance(30_000);
    const byBoth = await loggedIn(server, both, { otp: await otpAt(secret, clock.nowMs()) });
    const require = (isRequired: boolean) =>
      server.call(`/v1/workspaces/${workspaceId}`, {
        method: 'PATCH',
        key: server.rootKey,
        json: { require_second_factor: isRequired },
      });
    expect((await require(true)).status).toBe(200);
    expect(refusal(await server.call('/v1/users/me', { key: byPassword.token }))).toEqual([401, 'token_revoked']);
    expect(refusal(await refresh(server, elsewhere.refreshToken))).toEqual([401, 'invalid_token']);
    expect(await works(byBoth.token)).toBe(true);
    // Taking the factor away again takes the login with it.
    expect((await both.call('/v1/account/factors/totp', { method: 'DELETE' })).status).toBe(204);
    expect(await works(byBoth.token)).toBe(false);
    expect(refusal(await refresh(server, byBoth.refreshToken))).toEqual([401, 'invalid_token']);
    expect((await require(false)).status).toBe(200);
    expect(await works(byPassword.token)).toBe(false);
    expect(await works((await refresh(server, byPassword.refreshToken)).json.access_token)).toBe(true);
  });

  test('a copy that is used later ends the login: tokens, session and all, once', async () => {
    const person = await newPerson(server);
    const { refreshToken, sessionId } = await loggedIn(server, person);
    const { json: second } = await refresh(server, refreshToken);
    expect((await sessionsOf(person)).map(({ id }) => id)).toContain(sessionId);
    clock.advance(GRACE_MS + 1);
    expect(await works(second.token)).toBe(true);
    expect(refusal(await refresh(server, refreshToken))).toEqual(DEAD);
    expect(await works(second.token)).toBe(false);
    expect(refusal(await refresh(server, second.refresh_token))).toEqual(DEAD);
    expect(refusal(await refresh(server, refreshToken))).toEqual(DEAD);
    expect((await sessionsOf(person)).map(({ id }) => id)).not.toContain(sessionId);
    const family = claimsOf(second.token).family_id ?? '';
    expect((await eventsAbout(server, family)).map(({ action }) => action)).toEqual(['token_family.reused']);
  });

  test('what was never a token is invalid, and the address pays for it', async () => {
    const { token, refreshToken } = await loggedIn(server, await newPerson(server));
    const nearly = refreshToken.slice(0, 30) + (refreshToken[30] === 'a' ? 'b' : 'a') + refreshToken.slice(31);
    for (const text of ['lk_rt_nonsense', 'x', token.slice(0, 200), nearly]) {
      expect(refusal(await refresh(server, text)), text).toEqual([401, 'invalid_token']);
    }
    expect((await refresh(server, refreshToken)).status).toBe(200);
    const limits = { nobody: { per_hour: 3, per_second: null } };
    const plan = { method: 'PATCH', key: server.rootKey };
    expect((await server.call('/v1/plans/standard', { ...plan, json: limits })).status).toBe(200);
    const statuses: number[] = [];
    for (let count = 0; count < 5; count += 1) statuses.push((await refresh(server, 'lk_rt_nonsense')).status);
    const lifted = { nobody: { per_hour: null, per_second: null } };
    expect((await server.call('/v1/plans/standard', { ...plan, json: lifted })).status).toBe(200);
    expect(statuses.at(-1)).toBe(429);
  });

  test('a login that rests for thirty days is over; one in use stays in the list of sessions', async () => {
    const person = await newPerson(server);
    const resting = await loggedIn(server, person);
    const used = await loggedIn(server, person);
    let { refreshToken } = used;
    for (let week = 0; week < 5; week += 1) {
      clock.advance(6 * DAY_MS);
      const reply = await refresh(server, refreshToken);
      expect(reply.status).toBe(200);
      refreshToken = reply.json.refresh_token;
      await server.latchkey.flush();
      // It keeps the session of the browser alive that looks at the list.
      await person.call('/v1/account/sessions');
      await server.latchkey.flush();
    }
    expect(refusal(await refresh(server, resting.refreshToken))).toEqual([401, 'token_expired']);
    const fresh = await newBrowserOf(person);
    const ids = (await fresh.call('/v1/account/sessions')).json.data.map(({ id }: { id: string }) => id);
    expect(ids).toContain(used.sessionId);
    expect(ids).not.toContain(resting.sessionId);
  });

  const newBrowserOf = async (person: Person) => {
    const browser = newBrowser(server);
    expect((await signIn(browser, person.email)).status).toBe(201);
    return browser;
  };

  test('scopes shrink with the role at once, and come back with it, but never grow', async () => {
    const person = await newPerson(server, { role: 'developer' });
    const first = await loggedIn(server, person);
    await setRole(server, person, 'viewer');
    // The token at hand would still say that it may write.
    expect(refusal(await server.call('/v1/projects', { key: first.token, json: { name: 'p' } }))).toEqual(DEAD);
    const second = await refresh(server, first.refreshToken);
    expect(second.json.scope).not.toContain('write');
    expect(second.json.scope).toContain('members:read');
    expect((await server.call('/v1/projects', { key: second.json.token, json: { name: 'p' } })).status).toBe(403);
    await setRole(server, person, 'admin');
    const third = await refresh(server, second.json.refresh_token);
    expect(third.json.scope.split(' ').sort()).toEqual(first.scope.split(' ').sort());
    expect((await loggedIn(server, person)).scope).toBe('admin');
  });

  test('an owner who becomes a developer keeps what developers may', async () => {
    const person = await newPerson(server, { role: 'owner' });
    const { refreshToken, scope } = await loggedIn(server, person);
    expect(scope).toBe('admin');
    await setRole(server, person, 'developer');
    const { json } = await refresh(server, refreshToken);
    expect(json.scope.split(' ')).toEqual(expect.arrayContaining(['read', 'write', 'api_keys:write']));
    expect(json.scope).not.toContain('admin');
  });

  const root = (json: object) => ({ method: 'PATCH', key: server.rootKey, json });

  test('a person who was taken out of the workspace gets nothing more there', async () => {
    const person = await newPerson(server);
    const { token, refreshToken } = await loggedIn(server, person);
    const id = await memberId(server, person);
    const path = `/v1/members/${id}?workspace_id=${person.workspaceId}`;
    expect((await server.call(path, { method: 'DELETE', key: server.rootKey })).status).toBe(204);
    expect(refusal(await server.call('/v1/projects', { key: token }))).toEqual(DEAD);
    expect(refusal(await refresh(server, refreshToken))).toEqual([401, 'invalid_token']);
  });

  test('a suspended workspace refuses, and its logins go on afterwards', async () => {
    const workspace = await makeWorkspace(server);
    const { refreshToken } = await loggedIn(server, await newPerson(server, { workspace_id: workspace }));
    await server.call(`/v1/workspaces/${workspace}`, root({ state: 'suspended' }));
    expect(refusal(await refresh(server, refreshToken))).toEqual([401, 'invalid_token']);
    await server.call(`/v1/workspaces/${workspace}`, root({ state: 'active' }));
    expect((await refresh(server, refreshToken)).status).toBe(200);
  });

  const ends: [string, (person: Person, sessionId: string) => Promise<{ status: number }>][] = [
    ['a disabled account', ({ userId }) => server.call(`/v1/users/${userId}`, root({ state: 'disabled' }))],
    [
      'a deleted account',
      ({ userId }) => server.call(`/v1/users/${userId}`, { method: 'DELETE', key: server.rootKey }),
    ],
    [
      'a new password',
      (person) =>
        person.post('/v1/account/password', { current_password: PASSWORD, new_password: 'quarry lantern 77' }),
    ],
    ['ending its session', (person, id) => person.call(`/v1/account/sessions/${id}`, { method: 'DELETE' })],
    ['ending all other sessions', (person) => person.post('/v1/account/sessions/end-others')],
  ];
  test.each(ends)('%s ends the login: access token and refresh token', async (_what, end) => {
    const person = await newPerson(server);
    const { token, refreshToken, sessionId } = await loggedIn(server, person);
    const [listed] = (await sessionsOf(person)).filter(({ id }) => id === sessionId);
    expect(listed).toMatchObject({ kind: 'tokens', current: false });
    expect((await end(person, sessionId)).status).toBeLessThan(300);
    expect(refusal(await server.call('/v1/auth/verify', { key: token }))).toEqual(DEAD);
    expect(refusal(await refresh(server, refreshToken))).toEqual(DEAD);
  });

  test('a session that ends leaves other logins of the person alone', async () => {
    const person = await newPerson(server);
    const [one, two] = [await loggedIn(server, person), await loggedIn(server, person)];
    await person.call(`/v1/account/sessions/${one.sessionId}`, { method: 'DELETE' });
    expect([await works(one.token), await works(two.token)]).toEqual([false, true]);
    expect((await refresh(server, two.refreshToken)).status).toBe(200);
  });

  test('logging out ends both tokens at once, by either of them', async () => {
    const person = await newPerson(server);
    const logouts: [string | null, boolean][] = [
      ['bearer', false],
      [null, true],
      ['bearer', true],
    ];
    for (const [bearer, byRefresh] of logouts) {
      const { token, refreshToken, sessionId } = await loggedIn(server, person);
      const json = byRefresh ? { refresh_token: refreshToken } : {};
      const logout = () => post(server, '/v1/auth/logout', json, bearer === null ? null : token);
      const reply = await logout();
      expect([reply.status, reply.text]).toEqual([204, '']);
      expect(refusal(await server.call('/v1/users/me', { key: token }))).toEqual(DEAD);
      expect(refusal(await refresh(server, refreshToken))).toEqual(DEAD);
      expect((await sessionsOf(person)).map(({ id }) => id)).not.toContain(sessionId);
      expect((await logout()).status).toBe(bearer === null ? 204 : 401);
    }
    const events = (await eventsAbout(server, person.userId)).map(({ action }) => action);
    expect(events.filter((action) => action === 'user.signed_out')).toHaveLength(3);
  });

  test('I16: two credentials of different logins are refused, and end neither', async () => {
    const person = await newPerson(server);
    const [one, two] = [await loggedIn(server, person), await loggedIn(server, person)];
    const cookie = [...person.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const call = (headers: Record<string, string>, json: object = {}) =>
      server.call('/v1/auth/logout', { method: 'POST', key: null, json, headers });
    const bearer = { authorization: `Bearer ${one.token}` };
    const ambiguous = [400, 'ambiguous_credentials'];
    expect(refusal(await call(bearer, { refresh_token: two.refreshToken }))).toEqual(ambiguous);
    expect(refusal(await call({ ...bearer, 'x-api-key': two.token }))).toEqual(ambiguous);
    expect(refusal(await call({ ...bearer, cookie }))).toEqual(ambiguous);
    expect(refusal(await call({ cookie }, { refresh_token: two.refreshToken }))).toEqual(ambiguous);
    const lines = [one, two].map(({ token }) => `Authorization: Bearer ${token}`);
    const body = ['Content-Type: application/json', 'Content-Length: 2', ...lines];
    const [twice] = await sendRaw(server, `${request('POST /v1/auth/logout', body)}{}`);
    expect([twice?.status, twice?.json.error]).toEqual(ambiguous);
    expect([await works(one.token), await works(two.token)]).toEqual([true, true]);
    expect((await sessionsOf(person)).map(({ id }) => id)).toContain(person.sessionId);
    const inUrl = { method: 'POST', key: null, json: {} };
    const named = await server.call(`/v1/auth/logout?access_token=${one.token}`, inUrl);
    expect(refusal(named)).toEqual([400, 'invalid_request']);
    // The cookie of a session that has ended says nothing, and both tokens of one login are one.
    await person.post('/v1/account/sign-out');
    expect((await call({ ...bearer, cookie }, { refresh_token: one.refreshToken })).status).toBe(204);
    expect([await works(one.token), await works(two.token)]).toEqual([false, true]);
  });

  test('nothing but a login is logged out', async () => {
    expect(refusal(await post(server, '/v1/auth/logout', {}, server.key))).toEqual([401, 'invalid_token']);
    expect((await post(server, '/v1/auth/logout', { refresh_token: 'lk_rt_nonsense' })).status).toBe(204);
    expect((await server.call('/v1/projects')).status).toBe(200);
    const { token } = await loggedIn(server, await newPerson(server));
    clock.advance(HOUR_MS);
    expect(refusal(await post(server, '/v1/auth/logout', {}, token))).toEqual([401, 'token_expired']);
  });
});
