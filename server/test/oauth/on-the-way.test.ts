import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { manualClock, startServer, stopServers, type TestReply, type TestServer } from '../harness.ts';
import { type PageClient, pageClient, plainText } from '../pages/client.ts';
import { allow, answerOf, newApp, personAtBrowser, redeem, requestPath } from './authorizing.ts';

const clock = manualClock();
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ clock });
});
afterAll(stopServers);
beforeEach(() => clock.advance(1000));

/** What a browser is told of a page: nothing frames it, keeps it, or hears of it by a referrer. */
function expectGuarded({ headers, text }: TestReply): void {
  expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  expect(headers.get('x-frame-options')).toBe('DENY');
  expect(headers.get('referrer-policy')).toBe('no-referrer');
  expect(headers.get('cache-control')).toBe('no-store');
  for (const [, url] of text.matchAll(/<(?:img|script|link)[^>]*(?:src|href)="([^"]*)"/g)) expect(url).toMatch(/^\//);
}

type Page = (client: PageClient, userId: string) => Promise<TestReply>;

const PAGES: [string, string, Page][] = [
  ['the question', 'act for you?', async (client) => client.visit(requestPath(await newApp(server)))],
  [
    'the choice of a workspace',
    'In which workspace?',
    async (client, userId) => {
      const root = { key: server.rootKey };
      const made = await server.call('/v1/workspaces', { ...root, json: { name: 'Second' } });
      const json = { user_id: userId, role: 'admin', workspace_id: made.json.id };
      expect((await server.call('/v1/members', { ...root, json })).status).toBe(201);
      return client.visit(requestPath(await newApp(server)));
    },
  ],
  [
    'the choice of an account',
    'Who are you?',
    async (client) => client.visit(requestPath(await newApp(server), { prompt: 'select_account' })),
  ],
  ['an error', 'not known here', (client) => client.get(requestPath({ id: 'app_unknown', secret: undefined }))],
  [
    'a form for the application',
    'Going on to the application',
    async (client) => {
      const app = await newApp(server);
      await allow(client, app);
      return client.get(requestPath(app, { response_mode: 'form_post' }));
    },
  ],
  ['signing out', 'Sign out', async (client) => client.get(`/oauth/logout?client_id=${(await newApp(server)).id}`)],
  ['the connected applications', 'Applications', (client) => client.visit('/account/applications')],
];

test.each(PAGES)('A12, A22: %s is framed by nobody, and no referrer tells of it', async (_name, says, open) => {
  const { client, person } = await personAtBrowser(server);
  const page = await open(client, person.userId);
  expect(plainText(page)).toContain(says);
  expectGuarded(page);
});

test('A22: the way back to the application tells no referrer either, and no page has the code in its URL', async () => {
  const app = await newApp(server);
  const { client } = await personAtBrowser(server);
  await allow(client, app);
  const back = await client.get(requestPath(app));
  const { code = '' } = answerOf(back);
  expect(back.headers.get('referrer-policy')).toBe('no-referrer');
  expect(back.headers.get('cache-control')).toBe('no-store');
  expect(back.text).not.toContain(code);
});

describe.each([{ prompt: 'login' }, { max_age: '60' }])('A18: %o, cancelled', (params) => {
  test('gives no code, and leaves the sign-in of before as old as it was', async () => {
    const app = await newApp(server);
    const { client, person } = await personAtBrowser(server);
    const signedInAtMs = clock.nowMs();
    await allow(client, app);
    clock.advance(600_000);
    const form = await client.visit(requestPath(app, params));
    expect(plainText(form)).toContain('Sign in again');
    expect(plainText(form)).toContain('Notes asks for it');
    expect(form.text).toContain(`value="${person.email}"`);
    // The person closes the form and goes on elsewhere.
    const { code = '' } = answerOf(await client.get(requestPath(app)));
    expect(await redeem(server, app, code)).toMatchObject({ code: { authTimeMs: signedInAtMs } });
    expect(plainText(await client.visit(requestPath(app, params)))).toContain('Sign in');
    const silent = await client.get(requestPath(app, { ...params, prompt: 'none', max_age: '60' }));
    expect(answerOf(silent).error).toBe('login_required');
  });
});

test('A20: what a request_uri names is not fetched', async () => {
  let asked = 0;
  const elsewhere = createServer((_request, response) => {
    asked += 1;
    response.end('e30.e30.');
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  const { port } = elsewhere.address() as AddressInfo;
  const app = await newApp(server);
  const { client } = await personAtBrowser(server);
  for (const visitor of [client, pageClient(server)]) {
    const reply = await visitor.get(requestPath(app, { request_uri: `http://127.0.0.1:${port}/request` }));
    expect(answerOf(reply).error).toBe('request_uri_not_supported');
  }
  elsewhere.close();
  expect(asked).toBe(0);
});
