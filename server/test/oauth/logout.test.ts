import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { type PageClient, pageClient, plainText } from '../pages/client.ts';
import { forgerOf } from '../tokens/issuing.ts';
import { type App, hidden, newApp, personAtBrowser } from './authorizing.ts';

const clock = manualClock();
const BACK = 'https://app.example/bye?a=1';
let server: TestServer;
let app: App;
beforeAll(async () => {
  server = await startServer({ clock });
  app = await newApp(server, { post_logout_redirect_uris: [BACK] });
});
afterAll(stopServers);

/** An ID token as the server signs it. */
async function idToken(userId: string, changes: Record<string, unknown> = {}, typ = 'JWT'): Promise<string> {
  const now = Math.floor(clock.nowMs() / 1000);
  const { sign, kid } = await forgerOf(server);
  const claims = { iss: server.issuer, sub: userId, aud: app.id, iat: now, exp: now + 3600, ...changes };
  return sign({ alg: 'ES256', typ, kid }, claims);
}

const path = (params: Record<string, string>) => `/oauth/logout?${new URLSearchParams(params)}`;
const isIn = async (client: PageClient) => (await client.get('/account')).status === 200;

test('with an ID token of who is here: signed out at once, and back with the state', async () => {
  const { client, person } = await personAtBrowser(server);
  const id_token_hint = await idToken(person.userId);
  const reply = await client.get(path({ id_token_hint, post_logout_redirect_uri: BACK, state: 'a&b' }));
  expect([reply.status, reply.headers.get('location')]).toEqual([303, `${BACK}&state=a%26b`]);
  expect(await isIn(client)).toBe(false);
});

test('E8: an expired one will do; without a place to go back to, our own page', async () => {
  const { client, person } = await personAtBrowser(server);
  const id_token_hint = await idToken(person.userId, { exp: 1000, iat: 1 });
  const reply = await client.get(path({ id_token_hint }));
  expect([reply.status, reply.headers.get('location')]).toEqual([303, '/sign-in?done=signed_out']);
  expect(await isIn(client)).toBe(false);
});

describe('E7: without a valid ID token of who is here, the person is asked', () => {
  const hints: [string, (userId: string) => Promise<Record<string, string>>][] = [
    ['none', async () => ({})],
    ['no token', async () => ({ id_token_hint: 'x.y.z' })],
    ['somebody else', async () => ({ id_token_hint: await idToken('usr_000000000000000000000000') })],
    ['an access token', async (id) => ({ id_token_hint: await idToken(id, {}, 'at+jwt') })],
    ['of another issuer', async (id) => ({ id_token_hint: await idToken(id, { iss: 'https://evil.example' }) })],
    ['altered', async (id) => ({ id_token_hint: `${(await idToken(id)).slice(0, -8)}AAAAAAAA` })],
    ['only a client_id', async () => ({ client_id: app.id, post_logout_redirect_uri: BACK })],
  ];
  test.each(hints)('%s', async (_name, paramsOf) => {
    const { client, person } = await personAtBrowser(server);
    const page = await client.get(path(await paramsOf(person.userId)));
    expect(page.status).toBe(200);
    expect(plainText(page)).toContain('Sign out?');
    expect(plainText(page)).toContain(person.email);
    expect(await isIn(client)).toBe(true);
  });

  test('a yes needs the token of the form, and goes where the application has registered', async () => {
    const { client } = await personAtBrowser(server);
    const page = await client.get(path({ client_id: app.id, post_logout_redirect_uri: BACK, state: 's' }));
    expect(page.headers.get('content-security-policy')).toContain("form-action 'self' https:;");
    const fields = Object.fromEntries(
      ['client_id', 'post_logout_redirect_uri', 'state'].map((name) => [name, hidden(page, name)]),
    );
    expect((await client.post('/oauth/logout/confirm', { ...fields, form_token: 'x' })).status).toBe(403);
    const cross = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' };
    expect((await client.post('/oauth/logout/confirm', fields, cross)).status).toBe(403);
    expect(await isIn(client)).toBe(true);
    await client.get(path({ client_id: app.id }));
    const reply = await client.post('/oauth/logout/confirm', fields);
    expect(reply.headers.get('location')).toBe(`${BACK}&state=s`);
    expect(await isIn(client)).toBe(false);
  });
});

describe('E8: nobody is sent where the application has not registered', () => {
  const wrong: [string, Record<string, string>][] = [
    ['unregistered', { post_logout_redirect_uri: 'https://evil.example/' }],
    ['like the registered one', { post_logout_redirect_uri: `${BACK}&x=1` }],
    ['of no application', { post_logout_redirect_uri: BACK, client_id: '' }],
    ['of an unknown one', { post_logout_redirect_uri: BACK, client_id: 'app_000000000000000000000000' }],
  ];
  test.each(wrong)('%s', async (_name, params) => {
    const { client } = await personAtBrowser(server);
    const reply = await client.get(path({ client_id: app.id, ...params }));
    expect([reply.status, reply.headers.get('location')]).toEqual([400, null]);
    expect(await isIn(client)).toBe(true);
  });

  test('a hint that was given to another client than the one named', async () => {
    const other = await newApp(server, { post_logout_redirect_uris: ['https://other.example/'] });
    const { client, person } = await personAtBrowser(server);
    const id_token_hint = await idToken(person.userId);
    const params = { id_token_hint, client_id: other.id, post_logout_redirect_uri: 'https://other.example/' };
    expect((await client.get(path(params))).status).toBe(400);
    expect((await client.get(path({ id_token_hint, post_logout_redirect_uri: 'https://other.example/' }))).status).toBe(
      400,
    );
    expect(await isIn(client)).toBe(true);
  });
});

test('where nobody is signed in, a page says so, with the way back as a link', async () => {
  const page = await pageClient(server).get(path({ client_id: app.id, post_logout_redirect_uri: BACK }));
  expect(page.status).toBe(200);
  expect(plainText(page)).toContain('You are signed out');
  expect(page.text).toContain(`href="${BACK.replaceAll('&', '&amp;')}"`);
});

test('a form of another site is asked again as a link, and twice is refused', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://app.example' };
  const body = `client_id=${app.id}`;
  const reply = await server.call('/oauth/logout', { key: null, body, headers });
  expect([reply.status, reply.headers.get('location')]).toEqual([303, `/oauth/logout?client_id=${app.id}`]);
  const twice = await server.call(`/oauth/logout?state=a&state=b`, { key: null });
  expect(twice.status).toBe(400);
});

test('E8: an application that was disabled sends nobody anywhere, and signs nobody out', async () => {
  const { client, person } = await personAtBrowser(server);
  const gone = await newApp(server, { post_logout_redirect_uris: [BACK] });
  const json = { state: 'disabled', workspace_id: server.workspaceId };
  await server.call(`/v1/applications/${gone.id}`, { method: 'PATCH', key: server.rootKey, json });
  const id_token_hint = await idToken(person.userId, { aud: gone.id });
  for (const params of [{ id_token_hint }, { client_id: gone.id }]) {
    const reply = await client.get(path({ ...params, post_logout_redirect_uri: BACK }));
    expect([reply.status, reply.headers.get('location')]).toEqual([400, null]);
    expect(reply.text).not.toContain('app.example');
    expect(await isIn(client)).toBe(true);
  }
});

test('a client_id that is described nowhere is told on a page, as any that there is none of', async () => {
  const { client } = await personAtBrowser(server);
  const reply = await client.get(path({ client_id: 'https://app.example/', post_logout_redirect_uri: BACK }));
  expect(reply.status).toBe(400);
  expect(plainText(reply)).toContain('invalid_request');
});
