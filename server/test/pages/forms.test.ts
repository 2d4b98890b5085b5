import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, stopServers, type TestServer } from '../harness.ts';
import { newAddress, newPerson, PASSWORD } from '../people/browser.ts';
import { pageClient, plainText, signInByForm } from './client.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(stopServers);

test('a sign-in form posts username and password, and leads on by 303', async () => {
  const { email } = await newPerson(server);
  const client = pageClient(server);
  const page = await client.get('/sign-in');
  expect(page.text).toMatch(/<input id="username" name="username" type="email"[^>]*autocomplete="username webauthn"/);
  expect(page.text).toMatch(/name="password" type="password"[^>]*autocomplete="current-password"/);
  const reply = await client.post('/sign-in', { username: email, password: PASSWORD });
  expect([reply.status, reply.headers.get('location'), reply.text]).toEqual([303, '/account', '']);
  expect(plainText(await client.get('/account'))).toContain(email);
});

test('without its token, with another visitor’s, or with that from before the sign-in, a form does nothing', async () => {
  const { email } = await newPerson(server);
  const client = pageClient(server);
  await client.get('/sign-in');
  const fields = { username: email, password: PASSWORD };
  const stranger = pageClient(server);
  await stranger.get('/sign-in');
  expect(stranger.token()).not.toBe(client.token());
  for (const form_token of ['', 'a', stranger.token()]) {
    const reply = await client.post('/sign-in', { ...fields, form_token });
    expect([form_token, reply.status]).toEqual([form_token, 403]);
    expect(plainText(reply)).toContain('Open it again');
    expect(reply.headers.getSetCookie()).toEqual([]);
  }
  // Nor does the right token with somebody else's cookie.
  const planted = pageClient(server, new Map(stranger.cookies));
  expect((await planted.post('/sign-in', { ...fields, form_token: client.token() })).status).toBe(403);
  const before = client.token();
  expect((await client.post('/sign-in', fields)).status).toBe(303);
  await client.get('/account');
  expect((await client.post('/account/sessions/end-others', { form_token: before })).status).toBe(403);
});

test.each([
  ['another origin', { origin: 'https://evil.example' }],
  ['another site', { 'sec-fetch-site': 'cross-site' }],
  ['a neighbor', { 'sec-fetch-site': 'same-site', origin: 'null' }],
  ['no site, such as a sandboxed frame of another', { 'sec-fetch-site': 'cross-site', origin: 'null' }],
] as const)('a form that comes from %s is refused, with the right token too, and with none', async (_what, headers) => {
  const { email } = await newPerson(server);
  const client = pageClient(server);
  await client.get('/sign-in');
  const fields = { username: email, password: PASSWORD };
  const refused = await client.post('/sign-in', fields, headers);
  expect([refused.status, refused.headers.getSetCookie()]).toEqual([403, []]);
  const bare = await pageClient(server).post('/sign-in', fields, headers);
  expect(bare.status).toBe(403);
  // A client that says nothing of where it is, is let in by its token.
  expect((await client.post('/sign-in', fields, {})).status).toBe(303);
});

test('nothing but a form is read', async () => {
  const client = pageClient(server);
  await client.get('/sign-in');
  const json = await server.call('/sign-in', { key: null, json: { username: 'a', password: 'b' } });
  expect(json.status).toBe(415);
  const body = `form_token=${client.token()}&username=%00&password=x`;
  const type = { 'content-type': 'application/x-www-form-urlencoded' };
  expect((await server.call('/sign-in', { key: null, body, headers: type })).status).toBe(422);
  const large = await server.call('/sign-in', { key: null, body: 'a'.repeat(70_000), headers: type });
  expect([large.status, large.headers.get('content-type')]).toEqual([413, 'text/html; charset=utf-8']);
});

test('a text that no database keeps is refused in every field and path, also behind another of its name', async () => {
  const onPostgres = await startServer({ database: 'postgres' });
  const person = await newPerson(onPostgres);
  const client = pageClient(onPostgres, person.cookies);
  await client.get('/account');
  const headers = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' };
  const cookie = [...client.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const token = encodeURIComponent(client.token());
  const send = (path: string, body: string) =>
    onPostgres.call(path, { key: null, body: `form_token=${token}&${body}`, headers: { ...headers, cookie } });
  for (const [path, body] of [
    ['/account/workspaces', 'workspace=%00&workspace=x'],
    ['/account/workspaces', 'workspace=x&%00=x'],
    ['/account/sessions/%00/end', ''],
    ['/account/passkeys/a%00b', 'name=x'],
    ['/account/passkeys/a%00b/remove', ''],
  ] as const) {
    const { status, text } = await send(path, body);
    expect([path, status]).toEqual([path, 422]);
    expect(text).not.toMatch(/22021|UTF8|invalid byte/);
  }
  expect(onPostgres.logLines.filter((line) => /"level":[56]0/.test(line))).toEqual([]);
});

test('signing in ends the session that the browser had, and gives forms a new owner', async () => {
  const [victim, attacker] = [await newPerson(server), await newPerson(server)];
  const client = pageClient(server, new Map(attacker.cookies));
  expect(plainText(await client.get('/account'))).toContain(attacker.email);
  const reply = await client.post('/sign-in', { username: victim.email, password: PASSWORD });
  expect(reply.status).toBe(303);
  expect(plainText(await client.get('/account'))).toContain(victim.email);
  expect((await attacker.call('/v1/account')).status).toBe(401);
});

test('known and unknown addresses are told the same', async () => {
  const { email } = await newPerson(server);
  const unknown = newAddress();
  const told = async (address: string) => {
    const client = pageClient(server);
    const wrong = await signInByForm(client, address, 'not the password');
    await client.get('/recover');
    const recover = await client.post('/recover', { username: address });
    await client.get('/sign-up');
    const signUp = await client.post('/sign-up', { email: address, password: PASSWORD });
    return [
      [wrong.status, plainText(wrong), wrong.headers.getSetCookie().length],
      [recover.status, recover.headers.get('location')],
      [signUp.status, signUp.headers.get('location')],
    ];
  };
  const known = await told(email);
  expect(known).toEqual(await told(unknown));
  expect(known).toEqual([
    [422, expect.stringContaining('The email or the password is wrong.'), 0],
    [303, '/recover/sent'],
    [303, '/sign-up/sent'],
  ]);
});

test('what was typed comes back to the form, but no password', async () => {
  const client = pageClient(server);
  const evil = '"><script>alert(1)</script>';
  const reply = await signInByForm(client, evil, 'my very secret');
  expect(reply.text).not.toContain('<script>alert');
  expect(reply.text).not.toContain('my very secret');
  expect(reply.text).toContain('&quot;>&lt;script>alert(1)');
});

test('an account page asks to sign in, and leads back', async () => {
  const { email } = await newPerson(server);
  const client = pageClient(server);
  const away = await client.get('/account/sessions');
  expect(away.headers.get('location')).toBe('/sign-in?return_to=%2Faccount%2Fsessions');
  const page = await client.visit('/account/sessions');
  expect(page.text).toContain('name="return_to" value="/account/sessions"');
  const fields = { username: email, password: PASSWORD, return_to: '/account/sessions' };
  expect((await client.post('/sign-in', fields)).headers.get('location')).toBe('/account/sessions');
  // Who is signed in goes on at once.
  expect((await client.get('/sign-in?return_to=/account/workspaces')).headers.get('location')).toBe(
    '/account/workspaces',
  );
});

test.each(['//evil.example', '/\\evil.example', '/%09/evil.example', 'https:evil.example'])(
  'return_to=%s leads to the account',
  async (way) => {
    const { email } = await newPerson(server);
    const client = pageClient(server);
    const page = await client.get(`/sign-in?return_to=${encodeURIComponent(way)}`);
    expect(page.text).toContain('name="return_to" value="/account"');
    const fields = { username: email, password: PASSWORD, return_to: way };
    expect((await client.post('/sign-in', fields)).headers.get('location')).toBe('/account');
    expect((await client.get(`/sign-in?return_to=${encodeURIComponent(way)}`)).headers.get('location')).toBe(
      '/account',
    );
  },
);
