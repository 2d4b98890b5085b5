import { decodeJwt, decodeProtectedHeader } from 'jose';
import pg from 'pg';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { MOST_SESSIONS } from '../../src/accounts/sessions/session.ts';
import { PUBLISHED_FIRST_MS } from '../../src/signing-keys/key.ts';
import { ISSUER, twoServers } from '../domains/installation.ts';
import { DATABASES, type ManualClock, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { pageClient } from '../pages/client.ts';
import { mailTo, newBrowser, newPerson, type Person, signIn } from '../people/browser.ts';
import { applicationAt, apply, auditOf, WEB } from './applying.ts';
import { type App, allow, newApp, REDIRECT, requestPath } from './authorizing.ts';
import { codeFor, consented, newClient, post, refusal, type TestClient, token, withCode } from './clients.ts';
import { type LogoutReceiver, startReceiver, verifyLogout } from './logout-receiver.ts';
import { own, PUBLIC, register, registered } from './registering.ts';

const SOON = { timeout: 20_000 };
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const receivers: LogoutReceiver[] = [];
afterEach(async () => {
  for (const receiver of receivers.splice(0)) await receiver.close();
  await stopServers();
});

async function receiver(port?: number): Promise<LogoutReceiver> {
  const started = await startReceiver(port);
  receivers.push(started);
  return started;
}

/** An application that is told of logouts at this receiver. */
const told = (server: TestServer, { url }: LogoutReceiver, fields: Record<string, unknown> = {}) =>
  newClient(server, { backchannel_logout_uri: `${url}/logout`, ...fields });

const signOut = async (person: Person) => expect((await person.post('/v1/account/sign-out')).status).toBe(204);

const waiting = ({ latchkey }: TestServer) =>
  latchkey.database.read.selectFrom('logout_deliveries').selectAll().execute();

const nothingWaits = (server: TestServer) => vi.waitFor(async () => expect(await waiting(server)).toEqual([]), SOON);

/** Waits until every delivery that is left has been tried this often. */
const tried = (server: TestServer, attempts: number) =>
  vi.waitFor(async () => expect((await waiting(server)).map((row) => row.attempts)).toEqual([attempts]), SOON);

describe.each(DATABASES)('back-channel logout on %s', (database) => {
  test('E9: the logout token is as an application verifies it, for it alone and about its session', async () => {
    const server = await startServer({ database, clock: manualClock(), env: ISSUER });
    const [one, two] = [await receiver(), await receiver()];
    const clients = [await told(server, one), await told(server, two)] as const;
    const person = await newPerson(server);
    const given = await consented(server, person, clients[0], { nonce: 'n-1' });
    const other = await consented(server, person, clients[1]);
    await signOut(person);
    const [{ token: text, contentType, path } = { token: '' }] = await one.got(1);
    expect([contentType, path]).toEqual(['application/x-www-form-urlencoded', '/logout']);
    const { payload, protectedHeader } = await verifyLogout(server, text, clients[0].id);
    expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'logout+jwt' });
    const now = Math.floor(server.clock.nowMs() / 1000);
    const { sid } = decodeJwt(given.id_token);
    expect(sid).toBe(person.sessionId);
    const { jti, ...claims } = payload;
    expect(claims).toEqual({
      iss: server.issuer,
      sub: person.userId,
      aud: clients[0].id,
      iat: now,
      exp: now + 120,
      sid,
      events: { [EVENT]: {} },
    });
    const [{ token: elsewhere } = { token: '' }] = await two.got(1);
    await expect(verifyLogout(server, elsewhere, clients[0].id)).rejects.toThrow('"aud"');
    const { payload: its } = await verifyLogout(server, elsewhere, clients[1].id);
    expect([its.sid, its.jti === jti]).toEqual([decodeJwt(other.id_token).sid, false]);
    await nothingWaits(server);
    expect([one.received.length, two.received.length]).toEqual([1, 1]);
  });

  test('E9: nobody is told who had no part in the session, or did not ask to be', async () => {
    const server = await startServer({ database, clock: manualClock() });
    const [stranger, here, there] = [await receiver(), await receiver(), await receiver()];
    await told(server, stranger);
    const client = await told(server, here);
    const silent = await newClient(server);
    const away = await told(server, there);
    const person = await newPerson(server);
    const elsewhere = newBrowser(server);
    const { id: otherSession } = (await signIn(elsewhere, person.email)).json;
    await consented(server, person, client);
    await consented(server, person, silent);
    await consented(server, elsewhere, away);
    // A code that was never redeemed gave nothing.
    await codeFor(person, away);
    await signOut(person);
    await here.got(1);
    await nothingWaits(server);
    expect([stranger.received, there.received]).toEqual([[], []]);
    // The other session goes on, and its end is told to whoever was in it.
    expect((await elsewhere.post('/v1/account/sign-out')).status).toBe(204);
    const [{ token: text } = { token: '' }] = await there.got(1);
    expect(decodeJwt(text).sid).toBe(otherSession);
    await nothingWaits(server);
    expect([stranger.received.length, here.received.length]).toEqual([0, 1]);
  });

  test('E10: who hangs and who says 500 hold up neither the person nor others, and are tried a few times', async () => {
    const clock = manualClock();
    const server = await startServer({ database, clock });
    const [hanging, failing, good] = [await receiver(), await receiver(), await receiver()];
    hanging.answer = 'never';
    failing.answer = 500;
    const person = await newPerson(server);
    const ids: string[] = [];
    for (const each of [hanging, failing, good]) {
      const client = await told(server, each);
      ids.push(client.id);
      await consented(server, person, client);
    }
    await signOut(person);
    await hanging.got(1);
    await good.got(1);
    // A second session of another person, while the first application still hangs.
    const other = await newPerson(server);
    const third = await told(server, good);
    await consented(server, other, third);
    await signOut(other);
    await good.got(2);
    expect(hanging.hanging()).toBe(1);
    await failing.got(1);
    hanging.answer = 200;
    await vi.waitFor(() => expect(hanging.hanging()).toBe(0), SOON);
    expect(hanging.received).toHaveLength(1);
    for (const [index, waitMs] of [10_000, 60_000, 300_000, 900_000].entries()) {
      clock.advance(waitMs);
      await failing.got(index + 2);
      if (index === 0) await hanging.got(2);
      if (index < 3) await tried(server, index + 2);
    }
    await nothingWaits(server);
    clock.advance(3_600_000);
    await signOut(await inSession(server, third));
    await good.got(3);
    expect([hanging.received.length, failing.received.length]).toEqual([2, 5]);
    expect(new Set(failing.received.map(({ token: text }) => decodeJwt(text).jti)).size).toBe(5);
    const dropped = { user_id: person.userId, session: person.sessionId, attempts: 5, reason: 'answered 500' };
    const events = async (id: string) =>
      (await auditOf(server, id)).filter(({ action }) => action.startsWith('logout'));
    expect(await events(ids[1] ?? '')).toEqual([
      { action: 'logout.undelivered', workspace_id: server.workspaceId, data: dropped },
    ]);
    expect(await events(ids[0] ?? '')).toEqual([]);
    const { text } = await server.call('/metrics', { key: server.rootKey });
    const counted = (outcome: string) =>
      Number(new RegExp(`latchkey_backchannel_logouts_total\\{outcome="${outcome}"\\} (\\d+)`).exec(text)?.[1]);
    expect([counted('delivered'), counted('failed'), counted('dropped')]).toEqual([4, 6, 1]);
  });

  test('E10: what was not told is told after a restart, and what is too old to matter is not', async () => {
    const clock = manualClock();
    const server = await startServer({ database, clock, env: ISSUER });
    const first = await receiver();
    const client = await told(server, first);
    const [soon, late] = [await inSession(server, client), await inSession(server, client)];
    first.answer = 503;
    await signOut(soon);
    await first.got(1);
    await server.stop();
    const { database: place } = server.config;
    const url: Record<string, string> = place.kind === 'postgres' ? { LATCHKEY_DATABASE_URL: place.url } : {};
    const again = await startServer({ clock, database, dataDir: server.dataDir, env: { ...ISSUER, ...url } });
    first.answer = 200;
    clock.advance(10_000);
    const [, { token: text } = { token: '' }] = await first.got(2);
    await verifyLogout(again, text, client.id);
    await nothingWaits(again);
    first.answer = 503;
    expect((await again.call('/v1/account/sign-out', { ...cookieOf(late), method: 'POST', json: {} })).status).toBe(
      204,
    );
    await first.got(3);
    clock.advance(3_600_000);
    await nothingWaits(again);
    expect(first.received).toHaveLength(3);
    expect((await auditOf(again, client.id)).at(-1)).toMatchObject({ data: { reason: 'too late', attempts: 1 } });
  });
});

const cookieOf = ({ cookies }: Person) => ({
  key: null,
  headers: {
    cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
    'sec-fetch-site': 'same-origin',
  },
});

/** A new person to whom an application was given tokens. */
async function inSession(server: TestServer, client: TestClient): Promise<Person> {
  const person = await newPerson(server);
  await consented(server, person, client);
  return person;
}

/** Keeps all writers of a table waiting, as one of them might that is slow. */
async function blockerOf({ config }: TestServer, table: string) {
  const { database } = config;
  if (database.kind !== 'postgres') throw new Error('only PostgreSQL has several writers');
  const client = new pg.Client({ connectionString: database.url });
  // Inside a transaction, what it says of others stands still.
  const watch = new pg.Client({ connectionString: database.url });
  await Promise.all([client.connect(), watch.connect()]);
  await client.query('begin');
  await client.query(`lock table ${table} in share mode`);
  const waitingQueries = `select query from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`;
  return {
    /** Waits until so many wait, with a statement of which one of these is a part. */
    holds: (count: number, ...parts: string[]) =>
      vi.waitFor(async () => {
        const { rows } = await watch.query<{ query: string }>(waitingQueries);
        const held = rows.filter(({ query }) => parts.some((part) => query.includes(part)));
        expect(held).toHaveLength(count);
      }, SOON),
    release: async () => {
      await client.query('commit');
      await Promise.all([client.end(), watch.end()]);
    },
  };
}

describe('a session ends', () => {
  const root = (server: TestServer) => ({ key: server.rootKey });
  type End = (server: TestServer, person: Person, idToken: string) => Promise<number>;
  const elsewhere = async (server: TestServer, { email }: Person) => {
    const browser = newBrowser(server);
    await signIn(browser, email);
    return browser;
  };
  const ends: [string, number, End][] = [
    [
      'by the page',
      303,
      async (server, { cookies }) => {
        const client = pageClient(server, cookies);
        await client.get('/account');
        return (await client.post('/sign-out')).status;
      },
    ],
    ['by API logout', 204, async (_, person) => (await person.post('/v1/auth/logout')).status],
    [
      'by an application',
      303,
      async (_, person, hint) => (await person.call(`/oauth/logout?id_token_hint=${hint}`)).status,
    ],
    [
      'in the list',
      204,
      async (server, person) => {
        const browser = await elsewhere(server, person);
        return (await browser.call(`/v1/account/sessions/${person.sessionId}`, { method: 'DELETE' })).status;
      },
    ],
    [
      'with all others',
      200,
      async (server, person) =>
        (await (await elsewhere(server, person)).post('/v1/account/sessions/end-others')).status,
    ],
    [
      'by a new password',
      200,
      async (_, person) => {
        const json = { current_password: person.password, new_password: 'a whole new one 77' };
        return (await person.post('/v1/account/password', json)).status;
      },
    ],
    [
      'by recovery',
      200,
      async (server, { email }) => {
        await newBrowser(server).post('/v1/account/recovery', { email });
        const { token: link } = await mailTo(server, email, 'Choose a new password');
        const json = { token: link, password: 'a whole new one 77' };
        return (await newBrowser(server).post('/v1/account/recovery/complete', json)).status;
      },
    ],
    [
      'by being disabled',
      200,
      async (server, { userId }) =>
        (await server.call(`/v1/users/${userId}`, { ...root(server), method: 'PATCH', json: { state: 'disabled' } }))
          .status,
    ],
    [
      'by being deleted',
      204,
      async (server, { userId }) =>
        (await server.call(`/v1/users/${userId}`, { ...root(server), method: 'DELETE' })).status,
    ],
    [
      'by too many that are newer',
      201,
      async (server, person) => {
        await server.latchkey.database.write(async ({ query }) => {
          const own = query.selectFrom('sessions').selectAll().where('id', '=', person.sessionId);
          const row = await own.executeTakeFirstOrThrow();
          const more = Array.from({ length: MOST_SESSIONS }, (_, index) => ({
            ...row,
            id: `ses_${index}`,
            secret_hash: `hash ${index}`,
            seen_at: row.seen_at + 1,
          }));
          await query.insertInto('sessions').values(more).execute();
        });
        return (await signIn(newBrowser(server), person.email)).status;
      },
    ],
    [
      'by somebody else in the same browser',
      201,
      async (server, person) => {
        const { email } = await newPerson(server);
        return (await signIn(person, email)).status;
      },
    ],
  ];
  test.each(ends)('%s: the application is told', async (_name, status, end) => {
    const server = await startServer({ clock: manualClock() });
    const its = await receiver();
    const client = await told(server, its);
    const person = await newPerson(server);
    const { id_token: idToken } = await consented(server, person, client);
    expect(await end(server, person, idToken)).toBe(status);
    const [{ token: text } = { token: '' }] = await its.got(1);
    const { payload } = await verifyLogout(server, text, client.id);
    expect([payload.sub, payload.sid]).toEqual([person.userId, person.sessionId]);
    await nothingWaits(server);
    expect(its.received).toHaveLength(1);
  });

  test('signing in again in the same browser ends nothing; what comes after ends both', async () => {
    const server = await startServer({ clock: manualClock() });
    const its = await receiver();
    const client = await told(server, its);
    const person = await inSession(server, client);
    const { id: later } = (await signIn(person, person.email)).json;
    await consented(server, person, client);
    const { database } = server.latchkey;
    expect(await waiting(server)).toEqual([]);
    await signOut(person);
    const sids = (await its.got(2)).map(({ token: text }) => decodeJwt(text).sid);
    expect(sids.sort()).toEqual([person.sessionId, later].sort());
    await nothingWaits(server);
    expect(await database.read.selectFrom('session_clients').selectAll().execute()).toEqual([]);
  });
});

test('E9: signed by what signs its ID tokens', async () => {
  const clock = manualClock();
  const server = await startServer({ clock });
  const its = await receiver();
  const client = await told(server, its, { id_token_signed_response_alg: 'RS256' });
  clock.advance(PUBLISHED_FIRST_MS);
  await server.latchkey.signingKeys.maintain();
  await signOut(await inSession(server, client));
  const [{ token: text } = { token: '' }] = await its.got(1);
  await verifyLogout(server, text, client.id);
  expect(decodeProtectedHeader(text).alg).toBe('RS256');
});

test('E9: a logout token opens nothing and names nobody', async () => {
  const server = await startServer({ clock: manualClock() });
  const its = await receiver();
  const client = await told(server, its);
  const person = await inSession(server, client);
  await signOut(person);
  const [{ token: text } = { token: '' }] = await its.got(1);
  expect(refusal(await server.call('/v1/projects', { key: text }))).toEqual([401, 'invalid_token']);
  await signIn(person, person.email);
  const asked = await person.call(`/oauth/logout?id_token_hint=${text}`);
  expect(asked.status).toBe(200);
  expect((await person.call('/v1/account')).status).toBe(200);
});

test('E9: nothing is told before the session has ended on disk', async () => {
  const server = await startServer({ database: 'postgres', clock: manualClock() });
  const [its, witness] = [await receiver(), await receiver()];
  const client = await told(server, its);
  const other = await told(server, witness);
  const person = await inSession(server, client);
  // Whoever signs out waits for this lock when their sessions are gone and the end is still to be recorded.
  const blocker = await blockerOf(server, 'audit_events');
  const leaving = signOut(person);
  const { read, write } = server.latchkey.database;
  await blocker.holds(1, 'into "audit_events"');
  expect(await read.selectFrom('sessions').select('id').where('id', '=', person.sessionId).execute()).toHaveLength(1);
  // The job runs meanwhile: it tells what is there.
  const row = { id: 'a', client_id: other.id, user_id: 'u', sid: 's', attempts: 0 };
  const times = { next_attempt_at: server.clock.nowMs(), expires_at: server.clock.nowMs() + 60_000 };
  await write((tx) =>
    tx.query
      .insertInto('logout_deliveries')
      .values({ ...row, ...times })
      .execute(),
  );
  await witness.got(1);
  expect(its.received).toEqual([]);
  await blocker.release();
  await leaving;
  await its.got(1);
});

test('two processes tell each application once', async () => {
  const [here, there] = await twoServers();
  const its = await receiver();
  const clients = [await told(here, its), await told(here, its)] as const;
  const people: Person[] = [];
  for (let index = 0; index < 8; index += 1) {
    const person = await inSession(here, clients[0]);
    await consented(here, person, clients[1]);
    people.push(person);
  }
  await Promise.all(people.map(signOut));
  await its.got(16);
  await nothingWaits(here);
  const seen = its.received.map(({ token: text }) => `${decodeJwt(text).aud} ${decodeJwt(text).sid}`);
  const wanted = people.flatMap(({ sessionId }) => clients.map(({ id }) => `${id} ${sessionId}`));
  expect(seen.sort()).toEqual(wanted.sort());
  await there.stop();
});

test('a try that two processes reach for at once is made by one of them', async () => {
  const [here, there] = await twoServers();
  const its = await receiver();
  its.answer = 503;
  const client = await told(here, its);
  await signOut(await inSession(here, client));
  await its.got(1);
  await vi.waitFor(
    async () => expect((await waiting(here))[0]?.next_attempt_at).toBeGreaterThan(here.clock.nowMs()),
    SOON,
  );
  its.answer = 200;
  const blocker = await blockerOf(here, 'logout_deliveries');
  (here.clock as ManualClock).advance(10_000);
  // Both have read what is due, and wait to take it.
  await blocker.holds(2, 'update "logout_deliveries"');
  await blocker.release();
  await nothingWaits(here);
  await there.stop();
  await here.stop();
  expect(its.received).toHaveLength(2);
});

test('a session that ends while a code of it is redeemed is told of, or nothing is given', async () => {
  const server = await startServer({ database: 'postgres', clock: manualClock() });
  const its = await receiver();
  const client = await told(server, its);
  const person = await newPerson(server);
  const { email } = await newPerson(server);
  const code = await codeFor(person, client);
  const blocker = await blockerOf(server, 'audit_events');
  const redeeming = token(server, client, withCode(code));
  await blocker.holds(1, 'into "audit_events"');
  // Signing in as somebody else ends the session.
  const leaving = signIn(person, email);
  await blocker.holds(2, 'into "audit_events"', '"token_watermarks"');
  await blocker.release();
  expect([(await redeeming).status, (await leaving).status]).toEqual([200, 201]);
  const [{ token: text } = { token: '' }] = await its.got(1);
  expect(decodeJwt(text).sid).toBe(person.sessionId);
});

test('what may not be asked is not: the guard of all that goes out stands before it too', async () => {
  const clock = manualClock();
  const server = await startServer({ clock, env: { LATCHKEY_OUTBOUND_ALLOW: 'none' } });
  const its = await receiver();
  const client = await told(server, its);
  await signOut(await inSession(server, client));
  await tried(server, 1);
  clock.advance(3_600_000);
  await nothingWaits(server);
  expect(its.received).toEqual([]);
  expect(server.logLines.some((line) => line.includes('an application was not told of a logout'))).toBe(true);
});

test('who was disabled, or has taken the address away, is not told', async () => {
  const server = await startServer({ clock: manualClock() });
  const [its, others] = [await receiver(), await receiver()];
  const [disabled, changed, deleted] = [await told(server, its), await told(server, its), await told(server, its)];
  const control = await told(server, others);
  const person = await newPerson(server);
  for (const client of [disabled, changed, deleted, control]) await consented(server, person, client);
  const patch = async (id: string, json: object) =>
    expect((await applicationAt(server, id, { method: 'PATCH', json })).status).toBe(200);
  await patch(disabled.id, { state: 'disabled' });
  await patch(changed.id, { backchannel_logout_uri: null });
  expect((await applicationAt(server, deleted.id, { method: 'DELETE' })).status).toBe(204);
  await signOut(person);
  await others.got(1);
  await nothingWaits(server);
  expect(its.received).toEqual([]);
});

test('a code whose session ended gives nothing, also to who wants to be told', async () => {
  const server = await startServer({ clock: manualClock() });
  const its = await receiver();
  const client = await told(server, its);
  const person = await newPerson(server);
  const code = await codeFor(person, client);
  await signOut(person);
  expect(refusal(await token(server, client, withCode(code)))).toEqual([400, 'invalid_grant']);
  expect(await waiting(server)).toEqual([]);
});

test('an application that cannot be refreshed is told too', async () => {
  const server = await startServer({ clock: manualClock() });
  const its = await receiver();
  const app: App = await newApp(server, {
    grant_types: ['authorization_code'],
    backchannel_logout_uri: `${its.url}/`,
    scopes: ['read', 'openid'],
  });
  const person = await newPerson(server);
  const code = await allow(pageClient(server, person.cookies), app, { scope: 'openid read' });
  const client = { id: app.id, secret: app.secret ?? null };
  const given = await post(server, '/oauth/token', withCode(code, { redirect_uri: REDIRECT }), { client });
  expect([given.status, given.json.refresh_token]).toEqual([200, undefined]);
  await signOut(person);
  const [{ token: text } = { token: '' }] = await its.got(1);
  expect(decodeJwt(text).sid).toBe(decodeJwt(given.json.id_token).sid);
  expect((await server.call(requestPath(app), { key: null })).status).toBeLessThan(400);
});

describe('its metadata', () => {
  test('by API: https but for loopback in test, for whom people sign in to', async () => {
    const server = await startServer({ clock: manualClock() });
    const uri = 'https://shop.example/logged-out';
    const fields = { backchannel_logout_uri: uri, backchannel_logout_session_required: true };
    const made = await apply(server, fields);
    expect([made.status, made.json]).toEqual([201, expect.objectContaining(fields)]);
    const { backchannel_logout_uri: none } = (await apply(server, {})).json;
    expect(none).toBeNull();
    const wrong: Record<string, unknown>[] = [
      { backchannel_logout_uri: 'http://shop.example/' },
      { backchannel_logout_uri: 'https://shop.example/#a' },
      { backchannel_logout_uri: 'https://u:p@shop.example/' },
      { backchannel_logout_uri: 'http://127.0.0.1:9/', environment: 'live' },
      { backchannel_logout_session_required: true },
      { backchannel_logout_uri: uri, type: 'service', redirect_uris: [], scopes: WEB.scopes },
    ];
    for (const each of wrong) {
      const reply = await apply(server, each);
      expect([reply.status, reply.json.fields?.[0]?.path], reply.text).toEqual([422, 'backchannel_logout_uri']);
    }
  });

  test('by registration, and by discovery', async () => {
    const server = await startServer({ clock: manualClock(), env: { LATCHKEY_CLIENT_REGISTRATION: 'open' } });
    const its = await receiver();
    const wanted = { backchannel_logout_uri: `${its.url}/bye`, backchannel_logout_session_required: true };
    const made = await registered(server, { ...PUBLIC, ...wanted });
    expect(made).toMatchObject(wanted);
    const again = await own(server, made.client_id, made.registration_access_token, 'PUT', {
      ...PUBLIC,
      client_id: made.client_id,
      backchannel_logout_uri: `${its.url}/other`,
    });
    expect(again.json).toMatchObject({
      backchannel_logout_uri: `${its.url}/other`,
      backchannel_logout_session_required: false,
    });
    for (const bad of [{ backchannel_logout_uri: 7 }, { ...wanted, backchannel_logout_session_required: 'yes' }]) {
      expect(refusal(await register(server, { ...PUBLIC, ...bad }))).toEqual([400, 'invalid_client_metadata']);
    }
    const { json } = await server.call('/.well-known/openid-configuration', { key: null });
    expect(json).toMatchObject({ backchannel_logout_supported: true, backchannel_logout_session_supported: true });
  });
});
