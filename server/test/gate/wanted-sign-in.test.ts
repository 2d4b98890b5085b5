import { afterAll, beforeAll, expect, test } from 'vitest';
import { START_MS } from '../domains/installation.ts';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { loggedIn } from '../login/logins.ts';
import { newPerson } from '../people/browser.ts';

const TWO = 'urn:latchkey:acr:2fa';
const WEAK = 'insufficient_user_authentication';

const clock = manualClock(START_MS);
let server: TestServer;
/** Of a login by password, ten minutes ago. */
let old: string;

beforeAll(async () => {
  server = await startServer({ clock });
  const { token } = await loggedIn(server, await newPerson(server));
  clock.advance(600_000);
  old = token;
});
afterAll(stopServers);

const UNREADABLE = [
  'max_age=-1',
  'max_age=-0',
  'max_age=soon',
  'max_age=1.5',
  'max_age=1e3',
  'max_age=0x10',
  'max_age=%20300',
  'max_age=Infinity',
  'max_age=99999999999',
  'max_age=300&max_age=99999',
  'max_age[]=300',
  'acr_values=gold',
  `acr_values=${TWO}%20gold`,
  `acr_values=${TWO.toUpperCase()}`,
  `acr_values=${TWO}&acr_values=urn:latchkey:acr:1fa`,
  'acr_values=%20',
  'maxage=300',
  'max-age=300',
  'MAX_AGE=300',
  'acr=x',
  'acr_value=x',
];

test.each(UNREADABLE)('%s is refused with its name, whoever asks, and lets nobody pass', async (query) => {
  const name = decodeURIComponent(query.split('=')[0] ?? '');
  for (const key of [old, server.key, null]) {
    const asked = await server.call(`/v1/auth/verify?${query}`, { key });
    expect([asked.status, asked.json.error]).toEqual([400, 'invalid_request']);
    expect(asked.json.message).toContain(name);
    const v2 = await server.call(`/v2/auth/test?${query}`, { key });
    expect([v2.status, v2.json.error.reason]).toEqual([400, 'invalid_request']);
    const atGate = await server.call(`/v1/gate?${query}`, { key });
    expect([atGate.status, atGate.json.error]).toEqual([403, 'forbidden']);
    expect(atGate.json.message).toContain(name);
  }
});

test('an empty one asks nothing at the gate, where proxies write it, and is refused by verify', async () => {
  for (const query of ['max_age=', 'acr_values=', 'max_age=&acr_values=']) {
    expect((await server.call(`/v1/gate?${query}`, { key: server.key })).status).toBe(200);
    expect((await server.call(`/v1/auth/verify?${query}`, { key: server.key })).status).toBe(400);
  }
});

test('what else stands in the query of verify changes nothing, as ever', async () => {
  for (const query of ['_=1', 'scope=admin', 'a=1&max_age=3600', 'x%5B%5D=max_age']) {
    expect((await server.call(`/v1/auth/verify?${query}`, { key: old })).status, query).toBe(200);
  }
});

test('checking a key for somebody has no such question, and says so', async () => {
  for (const asked of [{ max_age: 60 }, { acr_values: TWO }]) {
    const reply = await server.call('/v1/api-keys/verify', {
      key: server.rootKey,
      json: { key: server.key, ...asked },
    });
    expect([reply.status, reply.json.fields[0].path]).toEqual([422, Object.keys(asked)[0]]);
  }
});

test('HEAD and every method of the gate ask the same', async () => {
  const head = await server.call('/v1/auth/verify?max_age=60', { key: old, method: 'HEAD' });
  expect([head.status, head.headers.get('www-authenticate')]).toEqual([401, expect.stringContaining('max_age="60"')]);
  for (const method of ['POST', 'PUT', 'DELETE']) {
    expect((await server.call('/v1/gate?max_age=60', { key: old, method })).json.error).toBe(WEAK);
  }
});

test('environment and scopes are told of first: no sign-in mends those', async () => {
  for (const [query, code] of [
    ['environment=live&max_age=60', 'wrong_environment'],
    ['scope=never:was&max_age=60', 'insufficient_scope'],
    ['resource=https://other.example&max_age=60', 'invalid_token'],
  ]) {
    expect((await server.call(`/v1/gate?${query}`, { key: old })).json.error, query).toBe(code);
  }
});

test('as a problem, and where errors tell less, it stays named: the client cannot go on without knowing', async () => {
  const headers = { accept: 'application/problem+json' };
  const problem = await server.call(`/v1/gate?acr_values=${TWO}`, { key: old, headers });
  expect([problem.status, problem.json]).toMatchObject([401, { title: WEAK, acr_values: [TWO] }]);
  const general = await startServer({ env: { LATCHKEY_ERROR_DETAIL: 'general' } });
  const { token } = await loggedIn(general, await newPerson(general));
  for (const path of ['/v1/gate', '/v1/auth/verify']) {
    const reply = await general.call(`${path}?acr_values=${TWO}`, { key: token });
    expect([reply.status, reply.json.error]).toEqual([401, WEAK]);
    expect(reply.headers.get('www-authenticate')).toMatch(
      /^Bearer error="insufficient_user_authentication", .*acr_values=/,
    );
  }
});

test('a valid credential costs its address nothing, however often it is sent to sign in again', async () => {
  const real = await startServer({ limits: 'real', clock });
  const { token } = await loggedIn(real, await newPerson(real));
  for (let call = 0; call < 20; call += 1) {
    const reply = await real.call(`/v1/auth/verify?acr_values=${TWO}`, { key: token });
    expect([reply.status, reply.headers.has('ratelimit')]).toEqual([401, false]);
  }
  expect((await real.call('/v1/auth/verify', { key: 'sk_test_nonsense' })).status).toBe(401);
});

test('the OpenAPI document names what may be asked', async () => {
  const { json } = await server.call('/openapi.json');
  const named = (path: string) => json.paths[path].get.parameters.map(({ name }: { name: string }) => name);
  for (const path of ['/v1/auth/verify', '/v2/auth/test']) expect(named(path)).toEqual(['max_age', 'acr_values']);
  expect(named('/v1/gate')).toEqual(['scope', 'environment', 'resource', 'max_age', 'acr_values']);
});
