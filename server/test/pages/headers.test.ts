import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, stopServers, type TestServer } from '../harness.ts';
import { sendRaw } from '../http/raw.ts';
import { newPerson, type Person } from '../people/browser.ts';
import { pageClient } from './client.ts';

let server: TestServer;
let person: Person;
beforeAll(async () => {
  server = await startServer();
  person = await newPerson(server, { name: '<script>alert("name")</script>' });
});
afterAll(stopServers);

const OPEN = [
  '/sign-in',
  '/sign-up',
  '/sign-up/sent',
  '/recover',
  '/recover/sent',
  '/recover/password',
  '/no/such/page',
  '/dev/mail',
  '/docs/errors',
  '/dev/callback?code=abc&state=x',
];
const OWN = [
  '/account',
  '/account/password',
  '/account/email',
  '/account/passkeys/new',
  '/account/sessions',
  '/account/workspaces',
];

describe.each([...OPEN, ...OWN])('%s', (path) => {
  test('loads nothing of others, runs nothing inline, is framed and kept by nobody', async () => {
    const client = pageClient(server, OWN.includes(path) ? new Map(person.cookies) : new Map());
    const { headers, text } = await client.get(path);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(text).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:|<script(?! type="module" src="\/assets\/)/i);
    for (const [, url] of text.matchAll(/(?:src|href|action)="([^"#]*)"/g)) {
      expect(url).toMatch(/^\/|^http:\/\/localhost:\d+\//);
    }
  });
});

test('a name that is a script is text', async () => {
  const { text } = await pageClient(server, new Map(person.cookies)).get('/account');
  expect(text).toContain('&lt;script>alert(&quot;name&quot;)');
});

test('nor is any part of what a browser calls itself in a page', async () => {
  const agent = `<script>alert("agent")</script>" onload="x" Firefox/1`;
  const reply = await server.call('/v1/account/sign-in', {
    key: null,
    json: { email: person.email, password: person.password },
    headers: { 'user-agent': agent },
  });
  expect(reply.status).toBe(201);
  const { text } = await pageClient(server, new Map(person.cookies)).get('/account/sessions');
  expect(text).toContain('Firefox');
  expect(text).not.toMatch(/alert\(|onload|&quot;agent/);
});

test('over https, cookies are __Host- and Secure', async () => {
  const secure = await startServer({ env: { LATCHKEY_ISSUER: 'https://auth.example.com' } });
  const lines = (await secure.call('/sign-in', { key: null })).headers.getSetCookie();
  expect(lines).toEqual([
    expect.stringMatching(
      /^__Host-latchkey_visitor=[\w-]{22}; Path=\/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax$/,
    ),
  ]);
});

test('below a path of the issuer, every link stands there too', async () => {
  const below = await startServer({ env: { LATCHKEY_ISSUER: 'https://example.com/auth' } });
  const { text } = await below.call('/sign-in', { key: null });
  for (const [, url] of text.matchAll(/(?:src|href|action|data-options)="([^"#]*)"/g)) expect(url).toMatch(/^\/auth\//);
  expect((await below.call('/account', { key: null })).headers.get('location')).toBe(
    '/auth/sign-in?return_to=%2Fauth%2Faccount',
  );
});

test('who calls the API gets JSON, also for a path that is none; a browser gets a page', async () => {
  const browser = { accept: 'text/html,application/xhtml+xml' };
  const page = await server.call('/no/such/page', { key: null, headers: browser });
  expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
  expect(page.text).toContain(page.headers.get('x-request-id') ?? 'no id');
  for (const [path, headers] of [
    ['/no/such/page', {}],
    ['/v1/no/such/route', browser],
    ['/oauth/none', browser],
    ['/.well-known/none', browser],
  ] as const) {
    const reply = await server.call(path, { key: null, headers });
    expect([path, reply.status, reply.headers.get('content-type')]).toEqual([
      path,
      404,
      'application/json; charset=utf-8',
    ]);
  }
  const wrong = await server.call('/sign-in', { key: null, method: 'DELETE' });
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS, POST']);
});

test('nor is a page what a program asks for in an odd way', async () => {
  const lines = 'Host: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n';
  for (const [target, status] of [
    ['*', 400],
    ['/sign-in#x', 400],
    ['http://evil.example/none?x=%ff', 404],
    ['http://evil.example/v1/none', 404],
    ['/%76%31/none?x=%ff', 404],
  ] as const) {
    const [reply] = await sendRaw(server, `GET ${target} HTTP/1.1\r\n${lines}`);
    expect([target, reply?.status, reply?.headers.get('content-type')]).toEqual([
      target,
      status,
      'application/json; charset=utf-8',
    ]);
  }
});

test.each(['/dev/mail', '/dev/callback'])(
  '%s is a page for a browser, and JSON for whoever shows a key',
  async (path) => {
    const headers = { accept: 'text/html' };
    const types = [null, server.rootKey].map(async (key) => {
      const reply = await server.call(path, { key, headers });
      return [reply.status, reply.headers.get('content-type')];
    });
    expect(await Promise.all(types)).toEqual([
      [200, 'text/html; charset=utf-8'],
      [200, 'application/json; charset=utf-8'],
    ]);
  },
);

test('/dev/mail answers under a loopback name alone', async () => {
  const head = 'GET /dev/mail HTTP/1.1\r\nAccept: text/html\r\nConnection: close\r\n';
  const [own] = await sendRaw(server, `${head}Host: localhost\r\n\r\n`);
  const [foreign] = await sendRaw(server, `${head}Host: evil.example\r\n\r\n`);
  expect([own?.status, foreign?.status]).toEqual([200, 403]);
});
