import { generateKeyPairSync } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { afterEach, describe, expect, test } from 'vitest';
import { DOCUMENTS, MOST_AT_ONCE } from '../../src/oauth/client-documents/documents.ts';
import { manualClock, startServer, stopServers, type TestReply, type TestServer } from '../harness.ts';
import { allow, answerOf, decide, personAtBrowser, requestPath } from './authorizing.ts';
import { token, withCode, withRefresh } from './clients.ts';

const REDIRECT = 'https://app.example/cb';
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  await stopServers();
  for (const close of closing.splice(0)) await close();
});

interface Web {
  base: string;
  /** Paths that were asked for, in order. */
  asked: string[];
  /** How the next requests are answered. */
  answer(reply: (path: string, response: ServerResponse) => void): void;
}

/** Somebody's web server on this machine, which development servers may ask. */
async function web(): Promise<Web> {
  const asked: string[] = [];
  let answer = (_path: string, response: ServerResponse): void => void response.writeHead(404).end();
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(request.url ?? '', response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );
  return {
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    answer: (reply) => {
      answer = reply;
    },
  };
}

const JSON_TYPE = { 'content-type': 'application/json' };

const documentOf = (url: string, more: object = {}) => ({
  client_id: url,
  client_name: 'Described',
  redirect_uris: [REDIRECT],
  grant_types: ['authorization_code', 'refresh_token'],
  token_endpoint_auth_method: 'none',
  ...more,
});

/** A web server with one document at `/client`, the same at each of its paths but for the id. */
async function described(more: object = {}, headers: Record<string, string> = {}) {
  const site = await web();
  site.answer((path, response) => {
    response.writeHead(200, { ...JSON_TYPE, ...headers }).end(JSON.stringify(documentOf(site.base + path, more)));
  });
  return { ...site, url: `${site.base}/client` };
}

const authorize = (server: TestServer, url: string, headers: Record<string, string> = {}) =>
  server.call(requestPath({ id: url, secret: undefined }, { redirect_uri: REDIRECT }), { key: null, headers });

const refusal = ({ status, json }: TestReply) => [status, json?.error];

describe('a client that is described at the URL which is its id', () => {
  test('asks, with its host on the page, gets tokens, refreshes, and is cut off when that is withdrawn', async () => {
    const server = await startServer();
    const site = await described();
    const { person, client } = await personAtBrowser(server);
    const app = { id: site.url, secret: undefined };
    const page = await client.visit(requestPath(app, { redirect_uri: REDIRECT }));
    expect(page.text).toContain('Not checked');
    expect(page.text).toContain('Described at');
    expect(page.text).toContain(new URL(site.url).host);
    const { code } = answerOf(await decide(client, page, 'allow'));
    const proof = { id: site.url, secret: null };
    const given = await token(server, proof, withCode(code ?? '', { redirect_uri: REDIRECT }));
    expect(given.status, given.text).toBe(200);
    const who = await server.call('/v1/auth/verify', { key: given.json.access_token });
    expect(who.json).toMatchObject({ client_id: site.url, user_id: person.userId });
    const next = await token(server, proof, withRefresh(given.json.refresh_token));
    expect(next.status, next.text).toBe(200);
    expect(site.asked).toEqual(['/client']);
    const account = await client.visit('/account/applications');
    expect(account.text).toContain('Described');
    const { json } = await server.call(`/v1/grants?workspace_id=${person.workspaceId}`, { key: server.rootKey });
    expect(json.data).toHaveLength(1);
    await server.call(`/v1/grants/${json.data[0].id}?workspace_id=${person.workspaceId}`, {
      key: server.rootKey,
      method: 'DELETE',
    });
    expect((await server.call('/v1/auth/verify', { key: next.json.access_token })).status).toBe(401);
    expect(refusal(await token(server, proof, withRefresh(next.json.refresh_token)))).toEqual([400, 'invalid_grant']);
  });

  test('its tokens work on while its web server is away; after a restart too', async () => {
    const server = await startServer();
    const site = await described();
    const { client } = await personAtBrowser(server);
    const code = await allow(client, { id: site.url, secret: undefined }, { redirect_uri: REDIRECT });
    const proof = { id: site.url, secret: null };
    const given = await token(server, proof, withCode(code, { redirect_uri: REDIRECT }));
    const { dataDir } = server;
    site.answer((_path, response) => void response.writeHead(503).end());
    await server.stop();
    const again = await startServer({ dataDir, env: { LATCHKEY_ISSUER: server.issuer } });
    const askedBefore = site.asked.length;
    expect((await again.call('/v1/auth/verify', { key: given.json.access_token })).status).toBe(200);
    const at = `?workspace_id=${server.workspaceId}`;
    const grants = await again.call(`/v1/grants${at}`, { key: again.rootKey });
    expect(grants.json.data).toMatchObject([{ client_id: site.url, application_name: new URL(site.url).host }]);
    expect(site.asked).toHaveLength(askedBefore);
    expect(refusal(await token(again, proof, withRefresh(given.json.refresh_token)))).toEqual([
      503,
      'temporarily_unavailable',
    ]);
    site.answer((path, response) => {
      response.writeHead(200, JSON_TYPE).end(JSON.stringify(documentOf(site.base + path)));
    });
    expect((await token(again, proof, withRefresh(given.json.refresh_token))).status).toBe(200);
  });

  test('proves itself by a key of its document', async () => {
    const server = await startServer();
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), alg: 'ES256', kid: 'k' }] };
    const site = await described({ token_endpoint_auth_method: 'private_key_jwt', jwks });
    const { client } = await personAtBrowser(server);
    const code = await allow(client, { id: site.url, secret: undefined }, { redirect_uri: REDIRECT });
    const params = withCode(code, { redirect_uri: REDIRECT });
    expect(refusal(await token(server, { id: site.url, secret: null }, params))).toEqual([401, 'invalid_client']);
    const assertion = await new SignJWT({})
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .setIssuer(site.url)
      .setSubject(site.url)
      .setAudience(server.issuer)
      .setJti('once')
      .setIssuedAt()
      .setExpirationTime('2m')
      .sign(privateKey);
    const proven = await token(server, null, {
      ...params,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    });
    expect(proven.status, proven.text).toBe(200);
  });
});

describe('what cannot be used (security H6)', () => {
  test.each<[string, (url: string, response: ServerResponse) => void]>([
    [
      'another client_id',
      (url, response) => void response.writeHead(200, JSON_TYPE).end(JSON.stringify(documentOf(`${url}/`))),
    ],
    [
      'no client_id',
      (url, response) =>
        void response.writeHead(200, JSON_TYPE).end(JSON.stringify(documentOf(url, { client_id: undefined }))),
    ],
    ['201', (url, response) => void response.writeHead(201, JSON_TYPE).end(JSON.stringify(documentOf(url)))],
    ['404', (_url, response) => void response.writeHead(404, JSON_TYPE).end('{}')],
    ['a redirect', (url, response) => void response.writeHead(302, { location: `${url}-real` }).end()],
    [
      'more than 5 KB',
      (url, response) =>
        void response.writeHead(200, JSON_TYPE).end(JSON.stringify(documentOf(url, { x: 'x'.repeat(5 * 1024) }))),
    ],
    [
      'more than 5 KB, told in pieces',
      (url, response) => {
        response.writeHead(200, JSON_TYPE);
        response.write(JSON.stringify(documentOf(url)));
        response.end(' '.repeat(5 * 1024));
      },
    ],
    [
      'a page',
      (url, response) =>
        void response.writeHead(200, { 'content-type': 'text/html' }).end(JSON.stringify(documentOf(url))),
    ],
    ['no JSON', (_url, response) => void response.writeHead(200, JSON_TYPE).end('<html>')],
    ['a list', (_url, response) => void response.writeHead(200, JSON_TYPE).end('[]')],
    ['null', (_url, response) => void response.writeHead(200, JSON_TYPE).end('null')],
    [
      'a secret',
      (url, response) =>
        void response.writeHead(200, JSON_TYPE).end(JSON.stringify(documentOf(url, { client_secret: 'x' }))),
    ],
    [
      'a secret that never expires',
      (url, response) =>
        void response.writeHead(200, JSON_TYPE).end(JSON.stringify(documentOf(url, { client_secret_expires_at: 0 }))),
    ],
    [
      'a method with a secret',
      (url, response) =>
        void response
          .writeHead(200, JSON_TYPE)
          .end(JSON.stringify(documentOf(url, { token_endpoint_auth_method: 'client_secret_basic' }))),
    ],
    [
      'NUL in a name',
      (url, response) =>
        void response.writeHead(200, JSON_TYPE).end(JSON.stringify(documentOf(url, { client_name: 'a\0b' }))),
    ],
    [
      'a redirect URI that is none',
      (url, response) =>
        void response
          .writeHead(200, JSON_TYPE)
          .end(JSON.stringify(documentOf(url, { redirect_uris: ['javascript:1'] }))),
    ],
  ])('%s', async (_name, reply) => {
    const server = await startServer();
    const site = await web();
    const url = `${site.base}/client`;
    site.answer((path, response) => reply(site.base + path, response));
    const page = await authorize(server, url);
    expect([page.status, page.headers.get('location')]).toEqual([400, null]);
    expect(page.text).toContain('This application cannot be looked up');
    expect(site.asked).toEqual(['/client']);
    const asked = await token(server, { id: url, secret: null }, withCode('x', { redirect_uri: REDIRECT }));
    expect(refusal(asked)).toEqual([401, 'invalid_client']);
    expect(asked.json.error_description).toContain('document');
    expect(site.asked).toEqual(['/client', '/client']);
  });

  test.each([
    ['no path', (base: string) => base],
    ['only a slash', (base: string) => `${base}/`],
    ['dot segments', (base: string) => `${base}/a/../client`],
    ['a fragment', (base: string) => `${base}/client#x`],
    ['a user', (base: string) => `${base.replace('//', '//me@')}/client`],
    ['another spelling of the address', (base: string) => `${base.replace('127.0.0.1', '2130706433')}/client`],
    ['upper case', (base: string) => `${base.replace('http', 'HTTP')}/client`],
    ['too long a path', (base: string) => `${base}/${'x'.repeat(500)}`],
  ])('an id with %s, which is not even asked for', async (_name, spell) => {
    const server = await startServer();
    const site = await described();
    const page = await authorize(server, spell(site.base));
    expect([page.status, page.text.includes('cannot be looked up')]).toEqual([400, true]);
    expect(site.asked).toEqual([]);
  });

  test('private addresses, where no setting says that they may be asked', async () => {
    const server = await startServer({ env: { LATCHKEY_OUTBOUND_ALLOW: 'none' } });
    const site = await described();
    const page = await authorize(server, site.url);
    expect([page.status, page.text.includes('cannot be looked up')]).toEqual([400, true]);
    expect((await authorize(server, site.url.replace('http:', 'https:'))).status).toBe(400);
    expect(site.asked).toEqual([]);
  });

  test('any, where registration is off', async () => {
    const server = await startServer({ env: { LATCHKEY_CLIENT_REGISTRATION: 'off' } });
    const site = await described();
    const page = await authorize(server, site.url);
    expect([page.status, page.text.includes('is not known here')]).toEqual([400, true]);
    expect(site.asked).toEqual([]);
  });
});

describe('how often it is asked for (security H7)', () => {
  test('once for all who come at once', async () => {
    const server = await startServer();
    const site = await described();
    const replies = await Promise.all(Array.from({ length: 30 }, () => authorize(server, site.url)));
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([303]));
    expect(site.asked).toEqual(['/client']);
  });

  test.each([
    [{}, 3600],
    [{ 'cache-control': 'max-age=7200' }, 7200],
    [{ 'cache-control': 'max-age=1' }, 60],
    [{ 'cache-control': 'no-store' }, 60],
    [{ 'cache-control': 'public, max-age=31536000' }, 86_400],
  ] as [Record<string, string>, number][])(
    'again when it is too old: %j means %d seconds',
    async (headers, seconds) => {
      const clock = manualClock();
      const server = await startServer({ clock });
      const site = await described({}, headers);
      await authorize(server, site.url);
      clock.advance(seconds * 1000 - 1);
      await authorize(server, site.url);
      expect(site.asked).toHaveLength(1);
      clock.advance(1);
      await authorize(server, site.url);
      expect(site.asked).toHaveLength(2);
    },
  );

  test('what failed is not remembered: neither an error nor a document that was mended', async () => {
    const server = await startServer();
    const site = await web();
    const url = `${site.base}/client`;
    site.answer((_path, response) => void response.writeHead(500).end());
    expect((await authorize(server, url)).status).toBe(503);
    site.answer((_path, response) => void response.destroy());
    expect((await authorize(server, url)).status).toBe(503);
    site.answer((_path, response) => void response.writeHead(200, JSON_TYPE).end('{}'));
    expect((await authorize(server, url)).status).toBe(400);
    site.answer((_path, response) => void response.writeHead(200, JSON_TYPE).end(JSON.stringify(documentOf(url))));
    expect((await authorize(server, url)).status).toBe(303);
  });

  test('so many at once, for everybody', async () => {
    const server = await startServer({ env: { LATCHKEY_TRUST_PROXY: '1' } });
    const site = await web();
    const waiting: (() => void)[] = [];
    site.answer((path, response) => {
      waiting.push(() => response.writeHead(200, JSON_TYPE).end(JSON.stringify(documentOf(site.base + path))));
    });
    const ask = (index: number) =>
      authorize(server, `${site.base}/${index}`, { 'x-forwarded-for': `192.0.2.${index}` });
    const first = Array.from({ length: MOST_AT_ONCE }, (_, index) => ask(index));
    await expect.poll(() => waiting.length, { timeout: 10_000 }).toBe(MOST_AT_ONCE);
    const late = await ask(MOST_AT_ONCE);
    expect([late.status, late.headers.get('retry-after')]).toEqual([503, '1']);
    for (const answer of waiting.splice(0)) answer();
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual(first.map(() => 303));
    const next = ask(MOST_AT_ONCE);
    await expect.poll(() => waiting.length, { timeout: 10_000 }).toBe(1);
    waiting[0]?.();
    expect((await next).status).toBe(303);
  });

  test('one network has so many read an hour; what is known costs nothing, and others go on', async () => {
    const server = await startServer({ env: { LATCHKEY_TRUST_PROXY: '1' } });
    const site = await described();
    const most = DOCUMENTS.perHour ?? 0;
    const from = (address: string) => ({ 'x-forwarded-for': address });
    for (let index = 0; index < most; index += 1) {
      expect((await authorize(server, `${site.base}/${index}`, from('192.0.2.1'))).status).toBe(303);
    }
    expect((await authorize(server, `${site.base}/more`, from('192.0.2.1'))).status).toBe(429);
    expect((await authorize(server, `${site.base}/0`, from('192.0.2.1'))).status).toBe(303);
    expect((await authorize(server, `${site.base}/more`, from('198.51.100.1'))).status).toBe(303);
    expect(site.asked).toHaveLength(most + 1);
    const { text } = await server.call('/metrics', { key: server.rootKey });
    expect(text).toContain(`latchkey_client_documents_total{outcome="read"} ${most + 1}`);
  });
});
