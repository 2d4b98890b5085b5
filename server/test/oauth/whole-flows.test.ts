import { afterEach, describe, expect, test } from 'vitest';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { plainText } from '../pages/client.ts';
import { PASSWORD } from '../people/browser.ts';
import { verdictOf } from '../tokens/issuing.ts';
import {
  type App,
  allow,
  answerOf,
  decide,
  newApp,
  personAtBrowser,
  REDIRECT,
  requestPath,
  VERIFIER,
} from './authorizing.ts';

afterEach(stopServers);

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

function ask(server: TestServer, { id, secret = '' }: App, fields: Record<string, string>) {
  const body = new URLSearchParams({ client_id: id, client_secret: secret, ...fields }).toString();
  return server.call('/oauth/token', { key: null, body, headers: FORM });
}

const byCode = (code: string) => ({
  grant_type: 'authorization_code',
  code,
  redirect_uri: REDIRECT,
  code_verifier: VERIFIER,
});

describe.each(DATABASES)('whole flows on %s', (database) => {
  test('from the question to tokens, refreshed, and cut off when it is withdrawn', async () => {
    const server = await startServer({ database });
    const app = await newApp(server);
    const { client, person } = await personAtBrowser(server);
    const code = await allow(client, app, { scope: 'read openid email', nonce: 'n-1' });
    const first = await ask(server, app, byCode(code));
    expect(first.status, first.text).toBe(200);
    const { access_token, refresh_token, id_token, scope } = first.json;
    expect(scope).toBe('read openid email');
    const claims = JSON.parse(Buffer.from(id_token.split('.')[1], 'base64url').toString());
    expect(claims).toMatchObject({ iss: server.issuer, aud: app.id, sub: person.userId, nonce: 'n-1', amr: ['pwd'] });
    expect((await server.call('/v1/projects', { key: access_token })).status).toBe(200);
    const next = await ask(server, app, { grant_type: 'refresh_token', refresh_token });
    expect(next.status, next.text).toBe(200);

    const page = await client.visit('/account/applications');
    const action = /action="(\/account\/applications\/grt_\w+\/withdraw)"/.exec(page.text)?.[1] ?? '';
    await client.submit(action);
    for (const token of [access_token, next.json.access_token]) {
      expect(await verdictOf(server, token)).toBe('401 token_revoked');
    }
    const over = await ask(server, app, { grant_type: 'refresh_token', refresh_token: next.json.refresh_token });
    expect([over.status, over.json.error]).toEqual([400, 'invalid_grant']);
  });

  test('C11: a code used twice ends the tokens of its first use', async () => {
    const server = await startServer({ database });
    const app = await newApp(server);
    const { client } = await personAtBrowser(server);
    const code = await allow(client, app);
    const first = await ask(server, app, byCode(code));
    expect(await verdictOf(server, first.json.access_token)).toBe('valid');
    const second = await ask(server, app, byCode(code));
    expect([second.status, second.json.error]).toEqual([400, 'invalid_grant']);
    expect(await verdictOf(server, first.json.access_token)).toBe('401 token_revoked');
  });
});

test('C19: who was disabled after saying yes gets no tokens', async () => {
  const server = await startServer();
  const app = await newApp(server);
  const { client, person } = await personAtBrowser(server);
  const code = await allow(client, app);
  const json = { state: 'disabled' };
  await server.call(`/v1/users/${person.userId}`, { key: server.rootKey, method: 'PATCH', json });
  const reply = await ask(server, app, byCode(code));
  expect([reply.status, reply.json.error]).toEqual([400, 'invalid_grant']);
});

test('A19: an ID token of somebody else than who is here is login_required', async () => {
  const clock = manualClock();
  const server = await startServer({ clock });
  const app = await newApp(server);
  const { client } = await personAtBrowser(server);
  const { client: other, person } = await personAtBrowser(server);
  const code = await allow(client, app, { scope: 'openid' });
  const id_token_hint = (await ask(server, app, byCode(code))).json.id_token;
  expect(answerOf(await client.get(requestPath(app, { scope: 'openid', id_token_hint }))).code).toBeDefined();
  for (const prompt of ['none', 'consent']) {
    const reply = await other.get(requestPath(app, { scope: 'openid', id_token_hint, prompt }));
    expect(answerOf(reply).error).toBe('login_required');
  }
  const form = await other.visit(requestPath(app, { scope: 'openid', id_token_hint, prompt: 'login' }));
  expect(plainText(form)).toContain('Sign in');
  const way = /name="return_to" value="([^"]*)"/.exec(form.text)?.[1] ?? '';
  const back = await other.post('/sign-in', { username: person.email, password: PASSWORD, return_to: way });
  const answer = await other.get(back.headers.get('location') ?? '');
  expect(answerOf(answer).error).toBe('login_required');
});

test('a code given to who said no stays none: a denied request is over', async () => {
  const server = await startServer();
  const app = await newApp(server);
  const { client } = await personAtBrowser(server);
  const page = await client.visit(requestPath(app));
  expect(answerOf(await decide(client, page, 'deny')).code).toBeUndefined();
  expect(
    (await client.get(`/oauth/consent?request=${/name="request" value="([^"]+)"/.exec(page.text)?.[1]}`)).status,
  ).toBe(410);
});
