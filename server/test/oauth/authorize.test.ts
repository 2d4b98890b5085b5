import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventsAbout } from '../domains/installation.ts';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { pageClient, plainText } from '../pages/client.ts';
import { PASSWORD } from '../people/browser.ts';
import {
  type App,
  allow,
  answerOf,
  decide,
  hidden,
  markSelfRegistered,
  newApp,
  personAtBrowser,
  REDIRECT,
  redeem,
  requestPath,
} from './authorizing.ts';

const clock = manualClock();
let server: TestServer;
let app: App;
beforeAll(async () => {
  server = await startServer({ clock });
  app = await newApp(server);
});
afterAll(stopServers);
beforeEach(() => clock.advance(1000));

test('sign in, say yes, come back with a code that stands for what was asked', async () => {
  const { person } = await personAtBrowser(server);
  const client = pageClient(server);
  const signIn = await client.visit(requestPath(app, { scope: 'read email', nonce: 'n-0', state: 'a b&c=d%/ü' }));
  expect(plainText(signIn)).toContain('Then you go on to Notes.');
  const question = await client.submit('/sign-in', {
    username: person.email,
    password: PASSWORD,
    return_to: hidden(signIn, 'return_to'),
  });
  expect(plainText(question)).toContain('Let Notes act for you?');
  const signedInAtMs = clock.nowMs();
  clock.advance(5000);
  const answer = answerOf(await decide(client, question, 'allow'));
  expect(answer).toEqual({ code: expect.any(String), state: 'a b&c=d%/ü', iss: server.issuer });
  const redeemed = await redeem(server, app, answer.code ?? '');
  expect(redeemed).toMatchObject({
    outcome: 'redeemed',
    code: {
      clientId: app.id,
      userId: person.userId,
      workspaceId: server.workspaceId,
      environment: 'test',
      scopes: ['read', 'email'],
      audience: `${server.issuer}/v1`,
      nonce: 'n-0',
      redirectUri: REDIRECT,
      authTimeMs: signedInAtMs,
      methods: ['pwd'],
    },
  });
});

test('who said yes before comes back at once, by one GET', async () => {
  const { client } = await personAtBrowser(server);
  await allow(client, app);
  const answer = answerOf(await client.get(requestPath(app, { state: null })));
  expect(Object.keys(answer)).toEqual(['code', 'iss']);
  expect(answerOf(await client.get(requestPath(app, {}, '/authorize'))).code).toMatch(/^[\w-]{43}$/);
});

test('a redirect URI that was taken away while the person was asked is answered at no more', async () => {
  const { client } = await personAtBrowser(server);
  const mine = await newApp(server);
  const page = await client.visit(requestPath(mine));
  const json = { redirect_uris: ['https://moved.example/callback'] };
  const path = `/v1/applications/${mine.id}?workspace_id=${server.workspaceId}`;
  const moved = await server.call(path, { method: 'PATCH', key: server.rootKey, json });
  expect(moved.status, moved.text).toBe(200);
  const answer = await decide(client, page, 'allow');
  expect([answer.status, answer.headers.get('location')]).toEqual([410, null]);
});

test('no is told as access_denied, and gives nothing', async () => {
  const { client, person } = await personAtBrowser(server);
  const page = await client.visit(requestPath(app));
  const { error_description: _, ...answer } = answerOf(await decide(client, page, 'deny'));
  expect(answer).toEqual({ error: 'access_denied', state: 's', iss: server.issuer });
  expect((await decide(client, page, 'allow')).status).toBe(410);
  const told = (await eventsAbout(server, app.id)).filter(({ action }) => action === 'authorization.denied');
  expect(told.map((event) => [event.actor_id, event.workspace_id, JSON.parse(event.data)])).toEqual([
    [person.userId, server.workspaceId, { user_id: person.userId, scopes: ['read'] }],
  ]);
  const grants = await server.call(`/v1/grants?user_id=${person.userId}`, { key: server.rootKey });
  expect(grants.json.data).toEqual([]);
});

describe('nobody to answer to: a page, and no redirect', () => {
  const cases: [string, Record<string, string | string[] | null>][] = [
    ['A1 unknown client', { client_id: 'app_000000000000000000000000' }],
    ['A1 no client', { client_id: null }],
    ['A1 unregistered redirect URI', { redirect_uri: 'https://evil.example/cb' }],
    ['A2 like the registered one', { redirect_uri: `${REDIRECT}/../x` }],
    ['A2 with a query', { redirect_uri: `${REDIRECT}?x=1` }],
    ['A5 client twice', { client_id: ['app_1', 'app_1'] }],
    ['A5 redirect URI twice', { redirect_uri: [REDIRECT, 'https://evil.example/cb'] }],
    ['A5 state twice', { state: ['a', 'b'] }],
    ['script', { redirect_uri: 'javascript:alert(1)' }],
  ];
  test.each(cases)('%s', async (_name, params) => {
    const { client } = await personAtBrowser(server);
    const reply = await client.get(requestPath(app, params));
    expect([reply.status, reply.headers.get('location')]).toEqual([400, null]);
    expect(reply.text).toMatch(/<code>invalid_(?:request|client)<\/code>/);
    expect(reply.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  });

  test('another port is told of to those alone whose port may differ', async () => {
    const { client } = await personAtBrowser(server);
    for (const type of ['web', 'native', 'public']) {
      const made = await newApp(server, { type, redirect_uris: ['http://localhost:8080/callback'] });
      const path = requestPath(made, { redirect_uri: 'http://localhost:9999/other' });
      const words = plainText(await client.get(path));
      expect(words).toContain('redirect_uri must be a registered one, character by character');
      expect(words.includes('the port of a loopback address may differ'), type).toBe(type !== 'web');
    }
  });

  test('a parameter that is no UTF-8, or holds NUL', async () => {
    for (const broken of ['%FF', '%00', '%ED%A0%80']) {
      const reply = await pageClient(server).get(`${requestPath(app)}&nonce=${broken}`);
      expect(reply.status, broken).toBe(400);
    }
  });

  test('A26: left out where several are registered, and where one is', async () => {
    const several = await newApp(server, { redirect_uris: [REDIRECT, `${REDIRECT}2`] });
    const { client } = await personAtBrowser(server);
    expect((await client.get(requestPath(several, { redirect_uri: null }))).status).toBe(400);
    const code = await allow(client, app, { redirect_uri: null });
    expect(await redeem(server, app, code, { redirectUri: null })).toMatchObject({ outcome: 'redeemed' });
  });

  test('a disabled application', async () => {
    const disabled = await newApp(server);
    const json = { state: 'disabled' };
    await server.call(`/v1/applications/${disabled.id}?workspace_id=${server.workspaceId}`, {
      key: server.rootKey,
      method: 'PATCH',
      json,
    });
    const reply = await pageClient(server).get(requestPath(disabled));
    expect(reply.status).toBe(400);
    expect(plainText(reply)).toContain('switched off');
  });
});

test('errors that the application is told carry state and iss, once, and no code', async () => {
  const { client } = await personAtBrowser(server);
  const cases: [string, Record<string, string | string[] | null>][] = [
    ['unsupported_response_type', { response_type: 'token' }],
    ['unsupported_response_type', { response_type: 'code id_token' }],
    ['invalid_request', { code_challenge_method: 'plain' }],
    ['invalid_request', { code_challenge_method: null }],
    ['invalid_request', { scope: ['read', 'read'] }],
    ['invalid_request', { prompt: 'none login' }],
    ['invalid_request', { max_age: 'soon' }],
    ['invalid_request', { id_token_hint: 'x.y.z' }],
    ['invalid_scope', { scope: 'delete' }],
    ['invalid_target', { resource: 'https://other.example' }],
    ['invalid_target', { resource: 'relative' }],
    ['request_not_supported', { request: 'e30.e30.' }],
    ['invalid_authorization_details', { authorization_details: '[{"type":"payment"}]' }],
    ['request_uri_not_supported', { request_uri: 'http://127.0.0.1/' }],
    ['consent_required', { prompt: 'none' }],
  ];
  for (const [error, params] of cases) {
    const { error_description: said, ...answer } = answerOf(await client.get(requestPath(app, params)));
    expect(answer, JSON.stringify(params)).toEqual({ error, state: 's', iss: server.issuer });
    expect(said).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
  }
  expect(answerOf(await pageClient(server).get(requestPath(app, { prompt: 'none' }))).error).toBe('login_required');
});

test('A7: those without a secret send a challenge', async () => {
  const open = await newApp(server, { type: 'public' });
  const { client } = await personAtBrowser(server);
  const params = { code_challenge: null, code_challenge_method: null };
  expect(answerOf(await client.get(requestPath(open, params))).error).toBe('invalid_request');
  await allow(client, open);
});

test('A5: what stands once in the query and once in the form stands twice', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const query = requestPath(app).slice('/oauth/authorize?'.length);
  const twice = await server.call('/oauth/authorize?state=x', { key: null, body: query, headers });
  expect(twice.status).toBe(303);
  const { client } = await personAtBrowser(server);
  expect((await client.get(twice.headers.get('location') ?? '')).status).toBe(400);
});

test('a request may be sent as a form of another site, and goes on as a link', async () => {
  const { client } = await personAtBrowser(server);
  await allow(client, app);
  const body = requestPath(app).slice('/oauth/authorize?'.length);
  for (const path of ['/oauth/authorize', '/authorize']) {
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      origin: 'https://app.example',
      'sec-fetch-site': 'cross-site',
    };
    const reply = await server.call(path, { key: null, body, headers });
    expect(reply.status).toBe(303);
    expect(answerOf(await client.get(reply.headers.get('location') ?? '')).code).toBeDefined();
  }
});

test('a secret that such a form brings along does not get into the link', async () => {
  const body = `${requestPath(app).slice('/oauth/authorize?'.length)}&client_secret=${app.secret}&x=${app.secret}`;
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const reply = await server.call('/oauth/authorize', { key: null, body: `${body}&client_assertion=e.y.j`, headers });
  expect(reply.status).toBe(303);
  const location = reply.headers.get('location') ?? '';
  expect(location).toContain(`client_id=${app.id}`);
  expect(location).not.toMatch(/lk_cs_|client_assertion/);
});

test('A21: one that registered itself gets errors only by a link', async () => {
  const stranger = await newApp(server, { redirect_uris: ['https://evil.example/cb'] });
  await markSelfRegistered(server, stranger);
  const { client } = await personAtBrowser(server);
  for (const params of [{ scope: 'nope' }, { prompt: 'none' }, { response_type: 'token' }]) {
    const path = requestPath(stranger, { redirect_uri: 'https://evil.example/cb', ...params });
    const reply = await client.get(path);
    expect([reply.status, reply.headers.get('location')]).toEqual([400, null]);
    expect(reply.text).toMatch(/href="https:\/\/evil\.example\/cb\?error=\w+&amp;/);
  }
});

describe('prompt and max_age', () => {
  test('A18: login and max_age ask again, and looking away from the form gives nothing', async () => {
    const { client, person } = await personAtBrowser(server);
    await allow(client, app);
    clock.advance(10 * 60_000);
    for (const params of [{ prompt: 'login' }, { max_age: '60' }, { max_age: '0' }]) {
      const form = await client.visit(requestPath(app, params));
      expect(plainText(form)).toContain('Sign in');
      const way = hidden(form, 'return_to');
      expect(plainText(await client.visit(way))).toContain('Sign in');
      clock.advance(1000);
      const back = await client.post('/sign-in', { username: person.email, password: PASSWORD, return_to: way });
      const { code = '' } = answerOf(await client.get(back.headers.get('location') ?? ''));
      expect(await redeem(server, app, code)).toMatchObject({ code: { authTimeMs: clock.nowMs() } });
      clock.advance(10 * 60_000);
    }
    expect(answerOf(await client.get(requestPath(app, { max_age: '3600' }))).code).toBeDefined();
  });

  test('none with an old sign-in is login_required', async () => {
    const { client } = await personAtBrowser(server);
    await allow(client, app);
    expect(answerOf(await client.get(requestPath(app, { prompt: 'none' }))).code).toBeDefined();
    clock.advance(120_000);
    expect(answerOf(await client.get(requestPath(app, { prompt: 'none', max_age: '60' }))).error).toBe(
      'login_required',
    );
  });

  test('consent asks again; select_account lets one choose, and go on as somebody else', async () => {
    const { client, person } = await personAtBrowser(server);
    await allow(client, app);
    expect(plainText(await client.visit(requestPath(app, { prompt: 'consent' })))).toContain('Notes');
    const choice = await client.visit(requestPath(app, { prompt: 'select_account' }));
    expect(plainText(choice)).toContain(person.email);
    const chosen = await client.post('/oauth/consent', { request: hidden(choice, 'request'), account: 'continue' });
    expect(answerOf(chosen).code).toBeDefined();

    const { person: other } = await personAtBrowser(server);
    const again = await client.visit(requestPath(app, { prompt: 'select_account' }));
    clock.advance(1000);
    const form = await client.visit(
      /href="(\/sign-in\?again=1[^"]*)"/.exec(again.text)?.[1]?.replaceAll('&amp;', '&') ?? '',
    );
    const question = await client.submit('/sign-in', {
      username: other.email,
      password: PASSWORD,
      return_to: hidden(form, 'return_to'),
    });
    expect(plainText(question)).toContain(other.email);
  });

  test('login_hint stands in the form', async () => {
    const form = await pageClient(server).visit(requestPath(app, { login_hint: '"><b>ada@example.com' }));
    expect(form.text).toContain('value="&quot;>&lt;b>ada@example.com"');
  });
});

test('A24: form_post is a form to the redirect URI with everything escaped', async () => {
  const { client } = await personAtBrowser(server);
  await allow(client, app);
  const params = { response_mode: 'form_post', state: `"'></script><b>` };
  const reply = await client.get(requestPath(app, params));
  expect(reply.status).toBe(200);
  expect(reply.text).toContain(`<form method="post" action="${REDIRECT}">`);
  expect(reply.text).not.toContain('<b>');
  expect(hidden(reply, 'code')).toMatch(/^[\w-]{43}$/);
  expect(hidden(reply, 'iss')).toBe(server.issuer);
  expect(reply.headers.get('cache-control')).toBe('no-store');
  expect(reply.headers.get('content-security-policy')).toMatch(/script-src 'self'; .*form-action 'self' https:;/);
  const failed = await client.get(requestPath(app, { ...params, scope: 'nope' }));
  expect(hidden(failed, 'error')).toBe('invalid_scope');
});

test('A2, A3: the URL after signing in is never a place elsewhere', async () => {
  const { client } = await personAtBrowser(server);
  for (const way of ['//evil.example', '/\\evil.example', 'https://evil.example']) {
    const reply = await client.get(`/sign-in?return_to=${encodeURIComponent(way)}`);
    expect(reply.headers.get('location')).toBe('/account');
  }
});
