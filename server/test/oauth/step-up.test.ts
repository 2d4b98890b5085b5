import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeKey } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestReply, type TestServer } from '../harness.ts';
import { loggedIn, refresh as refreshLogin } from '../login/logins.ts';
import { enrolTotp, newBrowser, newPerson, otpAt, PASSWORD, type Person, signIn } from '../people/browser.ts';
import { claimsOf } from '../tokens/issuing.ts';
import { claimsFor, Idp, register } from '../trusted-issuers/issuing.ts';
import { consented, newClient, post, type TestClient, token, withRefresh } from './clients.ts';

const ONE = 'urn:latchkey:acr:1fa';
const TWO = 'urn:latchkey:acr:2fa';
const WEAK = 'insufficient_user_authentication';
const OPAQUE = 'https://opaque.example';

/** Status and code of a refusal at `/v1`; 200 alone for a call that passes. */
const verdict = ({ status, json }: TestReply) => (status === 200 ? 200 : `${status} ${json.error}`);

/** What `WWW-Authenticate` says, by name. */
function challengeIn({ headers }: TestReply): Record<string, string> {
  const [, attributes = ''] = /^Bearer (.*)$/.exec(headers.get('www-authenticate') ?? '') ?? [];
  return Object.fromEntries([...attributes.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
}

describe.each(DATABASES)('step-up on %s', (database) => {
  const clock = manualClock();
  let server: TestServer;
  let web: TestClient;
  beforeAll(async () => {
    server = await startServer({ database, clock });
    const fields = { name: 'Opaque', audience: OPAQUE, token_format: 'opaque', access_token_ttl_seconds: 900 };
    const made = await server.call('/v1/resources', { key: server.rootKey, json: fields });
    const scope = { name: 'tools:call', description: 'Call tools.', resource: made.json.id };
    expect((await server.call('/v1/scopes', { key: server.rootKey, json: scope })).status).toBe(201);
    web = await newClient(server, { scopes: ['openid', 'read', 'tools:call'] });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(60_000));

  const verify = (key: string | null, query: string) => server.call(`/v1/auth/verify?${query}`, { key });
  const seconds = (count: number) => clock.advance(count * 1000);

  /** Signs in anew with a code of an authenticator app. */
  async function signedInByTwo(person: Person, secret: string) {
    clock.advance(60_000);
    const browser = newBrowser(server);
    const otp = await otpAt(secret, clock.nowMs());
    const reply = await signIn(browser, person.email, PASSWORD, { otp });
    expect(reply.status, reply.text).toBe(201);
    return browser;
  }

  const FORMATS = [
    ['a JWT', { scope: 'openid read' }, ''],
    ['an opaque token', { scope: 'openid tools:call', resource: OPAQUE }, `&resource=${OPAQUE}`],
  ] as const;

  describe.each(FORMATS)('%s', (_, asked, place) => {
    const gate = (key: string, query: string) => server.call(`/v1/gate?${query}${place}`, { key });

    test('B9: is too old once its sign-in is over max_age, at verify, at the gate and under /v2', async () => {
      const person = await newPerson(server, { role: 'owner' });
      const { access_token: text } = await consented(server, person, web, asked);
      seconds(300 + 30);
      expect([verdict(await verify(text, 'max_age=300')), verdict(await gate(text, 'max_age=300'))]).toEqual([
        200, 200,
      ]);
      seconds(1);
      const refused = await verify(text, 'max_age=300');
      expect(verdict(refused)).toBe(`401 ${WEAK}`);
      expect(refused.json).toMatchObject({
        code: 401,
        max_age: 300,
        message: expect.stringContaining('331 seconds old'),
      });
      expect(challengeIn(refused)).toEqual({
        error: WEAK,
        error_description: refused.json.message,
        max_age: '300',
        resource_metadata: expect.stringMatching(/oauth-protected-resource/),
      });
      const atGate = await gate(text, 'max_age=300');
      expect(verdict(atGate)).toBe(`401 ${WEAK}`);
      expect(challengeIn(atGate)).toMatchObject({ error: WEAK, max_age: '300' });
      expect(JSON.parse(atGate.headers.get('x-latchkey-error') ?? '')).toEqual(atGate.json);
      const v2 = await server.call('/v2/auth/test?max_age=300', { key: text });
      expect([v2.status, v2.json.error]).toMatchObject([401, { code: 'UNAUTHORIZED', reason: WEAK, max_age: 300 }]);
      for (const path of ['/v1/auth/verify', '/v2/auth/test', '/v1/auth/verify?max_age=400']) {
        expect((await server.call(path, { key: text })).status).toBe(200);
      }
    });

    test('B9: is too weak where two factors are asked for, and passes where one is', async () => {
      const person = await newPerson(server, { role: 'owner' });
      const { access_token: text } = await consented(server, person, web, asked);
      for (const query of [`acr_values=${ONE}`, `acr_values=${TWO}%20${ONE}`, `acr_values=${ONE},${TWO}&max_age=60`]) {
        expect([verdict(await verify(text, query)), verdict(await gate(text, query))]).toEqual([200, 200]);
      }
      for (const reply of [await verify(text, `acr_values=${TWO}`), await gate(text, `acr_values=${TWO}&max_age=60`)]) {
        expect(verdict(reply)).toBe(`401 ${WEAK}`);
        expect(challengeIn(reply)).toMatchObject({ error: WEAK, acr_values: TWO });
        expect(reply.json.acr_values).toEqual([TWO]);
      }
      const { secret } = await enrolTotp(person, clock.nowMs);
      const stronger = await consented(server, await signedInByTwo(person, secret), web, asked);
      for (const query of [`acr_values=${TWO}`, `acr_values=${ONE}`, `acr_values=${TWO}&max_age=60`]) {
        expect(verdict(await gate(stronger.access_token, query))).toBe(200);
      }
    });

    test('B10: tells by introspection when and how its person signed in, and is as old as that when refreshed', async () => {
      const person = await newPerson(server, { role: 'owner' });
      const signedIn = Math.floor(clock.nowMs() / 1000);
      seconds(100);
      const first = await consented(server, person, web, asked);
      seconds(500);
      const { json: next } = await token(server, web, withRefresh(first.refresh_token));
      for (const text of [first.access_token, next.access_token]) {
        const told = await post(server, '/oauth/introspect', { token: text }, { client: web });
        expect(told.json).toMatchObject({ active: true, auth_time: signedIn, acr: ONE, amr: ['pwd'] });
        expect(verdict(await verify(text, 'max_age=599'))).toBe(200);
        expect(verdict(await verify(text, 'max_age=500'))).toBe(`401 ${WEAK}`);
      }
      for (const idToken of [first.id_token, next.id_token]) {
        expect(claimsOf(idToken)).toMatchObject({ auth_time: signedIn, acr: ONE, amr: ['pwd'] });
      }
    });
  });

  test('B9: whoever nobody signed in for is refused alike: keys, applications, issuers, the root key', async () => {
    const idp = await new Idp().start();
    idp.addKey('k');
    await register(server, { jwks_uri: idp.uri, algorithms: ['ES256'] });
    const now = Math.floor(clock.nowMs() / 1000);
    const foreign = idp.sign('k', claimsFor(server, { auth_time: now, acr: TWO, amr: ['mfa'] }));
    const service = await newClient(server, { type: 'service' });
    const alone = await token(server, service, { grant_type: 'client_credentials' });
    const { key } = await makeKey(server, { scopes: ['read'] });
    for (const credential of [key, alone.json.access_token, foreign]) {
      for (const query of ['max_age=3600', `acr_values=${ONE}`]) {
        for (const path of ['/v1/auth/verify', '/v1/gate']) {
          expect((await server.call(path, { key: credential })).status).toBe(200);
          const reply = await server.call(`${path}?${query}`, { key: credential });
          expect([path, verdict(reply)]).toEqual([path, `401 ${WEAK}`]);
          expect(reply.json.message).toMatch(/^Nobody signed in/);
        }
      }
    }
    expect(verdict(await verify(server.rootKey, 'max_age=3600'))).toBe(`401 ${WEAK}`);
    expect(verdict(await server.call('/v1/gate?max_age=3600', { key: server.rootKey }))).toBe('403 forbidden');
    expect(verdict(await verify(null, 'max_age=3600'))).toBe('401 missing_token');
    idp.stop();
  });

  test('a login by API, refreshed, and a session are as old and as strong as their sign-in', async () => {
    const person = await newPerson(server);
    const { token: text, refreshToken } = await loggedIn(server, person);
    expect(claimsOf(text)).toMatchObject({ auth_time: Math.floor(clock.nowMs() / 1000), acr: ONE, amr: ['pwd'] });
    const session = (query: string) => person.call(`/v1/auth/verify?${query}`);
    expect([verdict(await verify(text, 'max_age=60')), verdict(await session('max_age=60'))]).toEqual([200, 200]);
    seconds(600);
    const { json } = await refreshLogin(server, refreshToken);
    for (const reply of [await verify(json.token, 'max_age=60'), await session('max_age=60')]) {
      expect(verdict(reply)).toBe(`401 ${WEAK}`);
    }
    for (const reply of [await verify(json.token, 'max_age=600'), await session('max_age=600')]) {
      expect(verdict(reply)).toBe(200);
    }
    expect(verdict(await session(`acr_values=${TWO}`))).toBe(`401 ${WEAK}`);
    const { secret } = await enrolTotp(person, clock.nowMs);
    const fresh = await signedInByTwo(person, secret);
    expect(verdict(await fresh.call(`/v1/auth/verify?acr_values=${TWO}&max_age=60`))).toBe(200);
  });

  describe('B10: changing the password makes no sign-in newer or stronger than it was', () => {
    const changePassword = async (person: Person) => {
      const json = { current_password: PASSWORD, new_password: 'quarry lantern 77 moss' };
      expect((await person.post('/v1/account/password', json)).status).toBe(200);
    };

    test('where the account has a second factor, which was not shown', async () => {
      const person = await newPerson(server);
      const signedIn = Math.floor(clock.nowMs() / 1000);
      await enrolTotp(person, clock.nowMs);
      seconds(3600);
      await changePassword(person);
      const { access_token: text, id_token: idToken } = await consented(server, person, web);
      for (const each of [text, idToken]) expect(claimsOf(each)).toMatchObject({ auth_time: signedIn, acr: TWO });
      expect(verdict(await verify(text, `acr_values=${TWO}&max_age=600`))).toBe(`401 ${WEAK}`);
    });

    test('where it has none any more', async () => {
      const person = await newPerson(server);
      await enrolTotp(person, clock.nowMs);
      expect((await person.call('/v1/account/factors/totp', { method: 'DELETE' })).status).toBe(204);
      seconds(3600);
      await changePassword(person);
      const { access_token: text } = await consented(server, person, web);
      expect(claimsOf(text)).toMatchObject({ auth_time: Math.floor(clock.nowMs() / 1000), acr: ONE, amr: ['pwd'] });
    });
  });
});
