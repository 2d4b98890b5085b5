import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { pageClient, plainText } from '../pages/client.ts';
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

const clock = manualClock();
let server: TestServer;
let elsewhere: string;
let app: App;
beforeAll(async () => {
  server = await startServer({ clock });
  const made = await server.call('/v1/workspaces', { key: server.rootKey, json: { name: 'Elsewhere' } });
  elsewhere = made.json.id;
  app = await newApp(server, {
    name: 'Latchkey Security',
    workspace_id: elsewhere,
    scopes: ['admin', 'read', 'openid'],
    consent: 'skip',
    logo_uri: 'https://evil.example/logo.png',
  });
});
afterAll(stopServers);
beforeEach(() => clock.advance(1000));

async function join(userId: string): Promise<void> {
  const json = { user_id: userId, role: 'admin', workspace_id: elsewhere };
  expect((await server.call('/v1/members', { key: server.rootKey, json })).status).toBe(201);
}

test('A21: an application of a workspace that is not theirs sends nobody on with an error unasked', async () => {
  const { client } = await personAtBrowser(server);
  for (const visitor of [pageClient(server), client]) {
    const reply = await visitor.get(requestPath(app, { scope: 'nothing' }));
    expect([reply.status, reply.headers.get('location')]).toEqual([400, null]);
    expect(reply.text).not.toContain('evil.example');
  }
});

test('A15: it is asked about, with a warning and without its picture, and never manages anything', async () => {
  const { client } = await personAtBrowser(server);
  const page = await client.visit(requestPath(app, { scope: 'admin read' }));
  expect(plainText(page)).toContain('Nobody has checked who made this application.');
  expect(plainText(page)).toContain('Not checked');
  expect(page.text).not.toContain('evil.example');
  const { code = '' } = answerOf(await decide(client, page, 'allow'));
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    redirect_uri: REDIRECT,
    code_verifier: VERIFIER,
    client_id: app.id,
    client_secret: app.secret ?? '',
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const given = await server.call('/oauth/token', { key: null, method: 'POST', body: body.toString(), headers });
  expect([given.status, given.json.scope]).toEqual([200, 'read']);
});

test('its own members, and everybody for those of the operator, are asked as ever', async () => {
  const { client, person } = await personAtBrowser(server);
  await join(person.userId);
  const choice = await client.visit(requestPath(app, { scope: 'read' }));
  const page = await client
    .submit('/oauth/consent', {
      request: /name="request" value="([^"]*)"/.exec(choice.text)?.[1] ?? '',
      workspace: elsewhere,
    })
    .catch(() => null);
  // Trusted by its own workspace: nobody is asked once the workspace is chosen.
  expect(page).toBeNull();
  const operators = await newApp(server);
  const { client: other } = await personAtBrowser(server);
  expect(plainText(await other.visit(requestPath(operators)))).toContain('Registered here');
  expect(await allow(other, operators)).toMatch(/^[\w-]{43}$/);
});
