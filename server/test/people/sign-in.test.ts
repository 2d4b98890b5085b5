import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { GUESSES_PER_HOUR } from '../../src/accounts/guessing/guesses.ts';
import { eventsAbout, iso, refusalOf, START_MS } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestReply, type TestServer } from '../harness.ts';
import { newAddress, newBrowser, newPerson, PASSWORD, refusal, signIn } from './browser.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WRONG: [number, string] = [401, 'invalid_credentials'];
const LIMITED: [number, string] = [429, 'rate_limit_exceeded'];

/** Not the reply's limits, which count down. */
function alike(reply: TestReply) {
  const { status, text } = refusalOf(reply);
  return { status, text: text.replace(/\s/g, '') };
}

describe.each(DATABASES)('signing in on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(2 * HOUR_MS));

  test('by password gives a session in a cookie, which answers who is calling, from memory too', async () => {
    const person = await newPerson(server, { role: 'developer' });
    for (let round = 0; round < 3; round += 1) {
      const { status, json } = await person.call('/v1/auth/verify');
      expect(status).toBe(200);
      expect(json).toMatchObject({
        method: 'session',
        user_id: person.userId,
        subject: person.userId,
        subject_issuer: server.issuer,
        workspace_id: server.workspaceId,
        environment: 'test',
        credential_id: person.sessionId,
        expires_at: iso(clock.nowMs() + 30 * DAY_MS),
      });
      expect(json.scopes).toContain('api_keys:write');
    }
    expect((await person.call('/v1/projects')).status).toBe(200);
    const me = await person.call('/v1/users/me');
    expect(me.json).toMatchObject({ id: person.userId, email: person.email, email_verified: true });
    expect(me.text).not.toMatch(/argon2|password_hash/);
  });

  test('the cookie is HttpOnly, for this site alone, and without a prefix that needs https on http', async () => {
    const { email } = await newPerson(server);
    const reply = await signIn(newBrowser(server), email);
    const lines = reply.headers.getSetCookie();
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/);
    expect(lines[0]).toMatch(/^latchkey_session=[\w-]{43};/);
    // No body holds the session's text.
    const [, text = ''] = /^latchkey_session=([^;]+)/.exec(lines[0] ?? '') ?? [];
    expect(reply.text).not.toContain(text);
  });

  test('an unknown address, a wrong password and an account without one answer alike', async () => {
    const { email } = await newPerson(server);
    const without = newAddress();
    const made = await server.call('/v1/users', { key: server.rootKey, json: { email: without } });
    expect(made.status).toBe(201);
    const replies = await Promise.all(
      [email, newAddress('nobody'), without, 'no address'].map((each) =>
        signIn(newBrowser(server), each, 'not it at all'),
      ),
    );
    for (const reply of replies) expect(alike(reply)).toEqual(alike(replies[0]!));
    expect(refusal(replies[0]!)).toEqual(WRONG);
  });

  test('letter case and spaces around an address do not matter; those of a password do', async () => {
    const { email } = await newPerson(server);
    expect((await signIn(newBrowser(server), ` ${email.toUpperCase()} `)).status).toBe(201);
    expect(refusal(await signIn(newBrowser(server), email, ` ${PASSWORD}`))).toEqual(WRONG);
    expect(refusal(await signIn(newBrowser(server), email, PASSWORD.toUpperCase()))).toEqual(WRONG);
  });

  test('success and failure are on record, without what was typed', async () => {
    const { email, userId } = await newPerson(server);
    await signIn(newBrowser(server), email, 'my secret mistake');
    const events = await eventsAbout(server, userId);
    expect(events.map(({ action }) => action)).toEqual(['user.created', 'user.signed_in', 'user.sign_in_failed']);
    expect(JSON.stringify(events)).not.toMatch(/mistake|plum/);
    expect(server.logLines.join('\n')).not.toMatch(/mistake|plum trellis/);
  });

  test('of 100 parallel wrong passwords no more than the limit are looked at, and then the right one is refused too', async () => {
    const { email, userId } = await newPerson(server);
    const replies = await Promise.all(
      Array.from({ length: 100 }, (_, index) => signIn(newBrowser(server), email, `wrong guess ${index}`)),
    );
    const count = (status: number) => replies.filter((reply) => reply.status === status).length;
    expect([count(401), count(429)]).toEqual([GUESSES_PER_HOUR.account, 100 - GUESSES_PER_HOUR.account]);
    const failed = (await eventsAbout(server, userId)).filter(({ action }) => action === 'user.sign_in_failed');
    expect(failed).toHaveLength(GUESSES_PER_HOUR.account);
    const refused = await signIn(newBrowser(server), email);
    expect(refusal(refused)).toEqual(LIMITED);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3000);
    clock.advance(HOUR_MS);
    expect((await signIn(newBrowser(server), email)).status).toBe(201);
  });

  test('an unknown address runs into the same limit as a known one', async () => {
    const { email } = await newPerson(server);
    const unknown = newAddress('nobody');
    for (const address of [email, unknown]) {
      for (let guess = 0; guess < GUESSES_PER_HOUR.account; guess += 1) {
        expect(refusal(await signIn(newBrowser(server), address, 'wrong guess'))).toEqual(WRONG);
      }
    }
    const [known, other] = [await signIn(newBrowser(server), email), await signIn(newBrowser(server), unknown)];
    expect(refusal(known)).toEqual(LIMITED);
    expect(alike(known)).toEqual(alike(other));
    expect(known.headers.get('retry-after')).toBe(other.headers.get('retry-after'));
  });

  test('a person on a device that they know is not locked out by guesses from elsewhere', async () => {
    const person = await newPerson(server);
    for (let guess = 0; guess <= GUESSES_PER_HOUR.account; guess += 1) {
      await signIn(newBrowser(server), person.email, 'wrong guess');
    }
    expect(refusal(await signIn(newBrowser(server), person.email))).toEqual(LIMITED);
    expect((await signIn(person, person.email)).status).toBe(201);
    // A forged device is nobody's, and another person's device is a stranger's.
    const forged = newBrowser(server);
    forged.cookies.set('latchkey_device', (person.cookies.get('latchkey_device') ?? '').replace(/.$/, 'x'));
    expect(refusal(await signIn(forged, person.email))).toEqual(LIMITED);
    const other = await newPerson(server);
    expect(refusal(await signIn(other, person.email))).toEqual(LIMITED);
  });

  test('right passwords cost nothing', async () => {
    const { email } = await newPerson(server);
    for (let round = 0; round < 2 * GUESSES_PER_HOUR.account; round += 1) {
      expect((await signIn(newBrowser(server), email)).status).toBe(201);
    }
  });

  test('signing in ends the session that the browser had, whoever planted it', async () => {
    const person = await newPerson(server);
    const planted = person.cookies.get('latchkey_session') ?? '';
    const victim = await newPerson(server);
    victim.cookies.set('latchkey_session', planted);
    expect((await signIn(victim, victim.email)).status).toBe(201);
    expect(victim.cookies.get('latchkey_session')).not.toBe(planted);
    expect(refusal(await person.call('/v1/auth/verify'))).toEqual([401, 'invalid_token']);
    expect((await victim.call('/v1/account')).json.email).toBe(victim.email);
  });

  test('a session ends after a week unused and after a month whatever happens', async () => {
    const person = await newPerson(server);
    const from = clock.nowMs();
    for (let day = 0; day < 28; day += 4) {
      clock.advance(4 * DAY_MS);
      expect((await person.call('/v1/auth/verify')).status).toBe(200);
      // Its job would, within the hours that the clock jumps over.
      await server.latchkey.flush();
    }
    clock.set(from + 30 * DAY_MS);
    expect(refusal(await person.call('/v1/auth/verify'))).toEqual([401, 'invalid_token']);
    const idle = await newPerson(server);
    clock.advance(7 * DAY_MS - 1);
    expect((await idle.call('/v1/auth/verify')).status).toBe(200);
    clock.advance(7 * DAY_MS);
    expect(refusal(await idle.call('/v1/auth/verify'))).toEqual([401, 'invalid_token']);
  });

  test('signing out ends the session at once and takes the cookie away', async () => {
    const person = await newPerson(server);
    const text = person.cookies.get('latchkey_session') ?? '';
    expect((await person.post('/v1/account/sign-out')).status).toBe(204);
    expect(person.cookies.has('latchkey_session')).toBe(false);
    person.cookies.set('latchkey_session', text);
    expect(refusal(await person.call('/v1/auth/verify'))).toEqual([401, 'invalid_token']);
  });

  test('a person sees where they are signed in, and ends one or all others', async () => {
    const person = await newPerson(server);
    const others = [newBrowser(server), newBrowser(server, { 'user-agent': 'curl/8.5' }), newBrowser(server)];
    for (const other of others) await signIn(other, person.email);
    const { json } = await person.call('/v1/account/sessions');
    expect(json.data).toHaveLength(4);
    expect(json.data.map((each: { device: string }) => each.device).sort()).toEqual(
      ['Firefox on Linux', 'Firefox on Linux', 'Firefox on Linux', 'curl'].sort(),
    );
    expect(json.data.filter((each: { current: boolean }) => each.current)).toMatchObject([{ id: person.sessionId }]);
    const target = (await others[0]!.call('/v1/account/session')).json.id;
    expect((await person.call(`/v1/account/sessions/${target}`, { method: 'DELETE' })).status).toBe(204);
    expect((await others[0]!.call('/v1/account')).status).toBe(401);
    expect((await others[1]!.call('/v1/account')).status).toBe(200);
    expect((await person.post('/v1/account/sessions/end-others')).json).toEqual({ ended: 2 });
    expect((await others[1]!.call('/v1/account')).status).toBe(401);
    expect((await person.call('/v1/account')).status).toBe(200);
    // Somebody else's session is not there.
    const stranger = await newPerson(server);
    const ending = await person.call(`/v1/account/sessions/${stranger.sessionId}`, { method: 'DELETE' });
    expect(refusal(ending)).toEqual([404, 'not_found']);
    expect((await stranger.call('/v1/account')).status).toBe(200);
  });

  test('a session is seen at most once a minute, and what was seen is written down', async () => {
    const person = await newPerson(server);
    clock.advance(5 * 60_000);
    await person.call('/v1/auth/verify');
    await server.latchkey.flush();
    const [session] = (await person.call('/v1/account/sessions')).json.data;
    expect(session.last_seen_at).toBe(iso(clock.nowMs()));
  });

  test('a call that writes by cookie must come from this site, and be JSON', async () => {
    const person = await newPerson(server);
    const cookie = `latchkey_session=${person.cookies.get('latchkey_session')}`;
    const patch = (headers: Record<string, string>, body = '{"name":"Ada"}') =>
      server.call('/v1/account', { method: 'PATCH', key: null, body, headers: { cookie, ...headers } });
    const json = { 'content-type': 'application/json' };
    expect((await patch({ ...json, 'sec-fetch-site': 'same-origin' })).status).toBe(200);
    expect((await patch({ ...json, origin: server.issuer })).status).toBe(200);
    const foreign = [
      {},
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'none' },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
      { origin: server.issuer.replace('localhost', 'localhost.evil.example') },
    ];
    for (const headers of foreign) {
      expect(refusal(await patch({ ...json, ...headers })), JSON.stringify(headers)).toEqual([403, 'forbidden']);
    }
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonx', 'APPLICATION/JSON']) {
      const status = type === 'APPLICATION/JSON' ? 200 : 415;
      expect((await patch({ 'content-type': type, 'sec-fetch-site': 'same-origin' })).status, type).toBe(status);
    }
    // Reading harms nobody: no other site can read the reply.
    expect((await server.call('/v1/account', { key: null, headers: { cookie } })).status).toBe(200);
  });

  test('a sign-in that another site sends is refused, also without a cookie', async () => {
    const { email } = await newPerson(server);
    const json = { email, password: PASSWORD };
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
      const reply = await server.call('/v1/account/sign-in', { key: null, json, headers });
      expect(refusal(reply)).toEqual([403, 'forbidden']);
      expect(reply.headers.getSetCookie()).toEqual([]);
    }
    // A program says nothing of where it comes from.
    expect((await server.call('/v1/account/sign-in', { key: null, json })).status).toBe(201);
  });

  test('no key reaches an account, and a key gets no cookie', async () => {
    for (const key of [server.key, server.rootKey]) {
      const reply = await server.call('/v1/account', { key });
      expect(refusal(reply)).toEqual([403, 'forbidden']);
    }
    const reply = await server.call('/v1/auth/verify');
    expect(reply.headers.getSetCookie()).toEqual([]);
  });

  test('a call by cookie may be repeated under an Idempotency-Key, and its secret is shown to that session alone', async () => {
    const person = await newPerson(server);
    const json = { name: 'once', scopes: ['read'] };
    const post = (browser: typeof person) =>
      browser.call('/v1/api-keys', { method: 'POST', json, headers: { 'idempotency-key': 'k-1' } });
    const [first, second] = [await post(person), await post(person)];
    expect([second.status, second.json]).toEqual([201, first.json]);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    const other = await newPerson(server);
    expect((await post(other)).json.id).not.toBe(first.json.id);
  });

  test('a made-up cookie is refused before anything is looked up', async () => {
    const cookies = ['x', 'a'.repeat(43), '%00', 'a'.repeat(4000), `${'a'.repeat(43)}.b`];
    for (const text of cookies) {
      const reply = await server.call('/v1/account', { key: null, headers: { cookie: `latchkey_session=${text}` } });
      expect(refusal(reply)).toEqual([401, 'invalid_token']);
    }
    const none = await server.call('/v1/account', { key: null, headers: { cookie: 'other=1' } });
    expect(refusal(none)).toEqual([401, 'missing_token']);
  });

  test('a disabled person is signed out everywhere at once; the reason is told to who knows the password', async () => {
    const person = await newPerson(server);
    const disable = { key: server.rootKey, method: 'PATCH', json: { state: 'disabled' } };
    expect((await server.call(`/v1/users/${person.userId}`, disable)).json.state).toBe('disabled');
    expect(refusal(await person.call('/v1/auth/verify'))).toEqual([401, 'invalid_token']);
    expect(refusal(await signIn(newBrowser(server), person.email, 'not it at all'))).toEqual(WRONG);
    expect(refusal(await signIn(newBrowser(server), person.email))).toEqual([403, 'forbidden']);
    const enable = { ...disable, json: { state: 'active' } };
    expect((await server.call(`/v1/users/${person.userId}`, enable)).status).toBe(200);
    expect((await signIn(newBrowser(server), person.email)).status).toBe(201);
  });
});
