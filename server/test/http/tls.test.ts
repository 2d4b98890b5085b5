import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { type ClientHttp2Session, connect as connectHttp2, type OutgoingHttpHeaders } from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, stopServers, type TestServer, temporaryFolder } from '../harness.ts';
import { newCertificate } from '../running/certificate.ts';
import { exchange, portOf } from './raw.ts';

interface Reply {
  status: number;
  headers: Record<string, unknown>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: replies are looked into freely in tests
  json: any;
}

const HSTS = 'max-age=31536000; includeSubDomains';
const folder = temporaryFolder();
let ca: string;
let server: TestServer;
let session: ClientHttp2Session;

beforeAll(async () => {
  const { cert, key } = newCertificate(folder);
  ca = readFileSync(cert, 'utf8');
  // The harness lifts limits by a client that trusts no such certificate.
  server = await startServer({ limits: 'real', env: { LATCHKEY_TLS_CERT: cert, LATCHKEY_TLS_KEY: key } });
  session = connectHttp2(`https://localhost:${portOf(server)}`, { ca });
  const headers = { authorization: `Bearer ${server.rootKey}`, 'content-type': 'application/json' };
  const plan = JSON.stringify({ api_key: {}, nobody: {} });
  const lifted = await http2({ ':path': '/v1/plans/standard', ':method': 'PATCH', ...headers }, plan);
  if (lifted.status !== 200) throw new Error(lifted.text);
});

afterAll(async () => {
  session.close();
  await stopServers();
  rmSync(folder, { recursive: true, force: true });
});

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function http2(headers: OutgoingHttpHeaders, body?: string): Promise<Reply> {
  const stream = session.request(headers);
  const chunks: Buffer[] = [];
  stream.on('data', (chunk) => chunks.push(chunk));
  stream.end(body);
  const [[response]] = await Promise.all([once(stream, 'response'), once(stream, 'close')]);
  const text = Buffer.concat(chunks).toString('utf8');
  return { status: response[':status'], headers: response, text, json: parse(text) };
}

function http1(path: string, headers: Record<string, string> = {}): Promise<Reply & { version: string }> {
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(
      { host: 'localhost', port: portOf(server), path, headers, ca, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const { statusCode = 0, httpVersion: version } = response;
          resolve({ status: statusCode, headers: response.headers, text, json: parse(text), version });
        });
      },
    );
    sent.on('error', reject).end();
  });
}

const bearer = () => ({ authorization: `Bearer ${server.key}` });

test('the issuer is https', () => {
  expect(server.issuer).toBe(`https://localhost:${portOf(server)}`);
});

describe('HTTP/1.1 over TLS', () => {
  test('serves, with HSTS', async () => {
    const reply = await http1('/v1/auth/verify', bearer());
    expect([reply.status, reply.version, reply.json.authenticated]).toEqual([200, '1.1', true]);
    expect(reply.headers['strict-transport-security']).toBe(HSTS);
    const refused = await http1('/v1/auth/verify');
    expect([refused.status, refused.headers['strict-transport-security']]).toEqual([401, HSTS]);
    expect(refused.json.docs_url).toBe(`${server.issuer}/docs/errors#missing_token`);
  });

  test('answers bytes that are no request, and closes', async () => {
    for (const bytes of ['FROB / HTTP/1.1\r\nHost: a\r\n\r\n', 'GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n']) {
      const socket = connectTls({ host: 'localhost', port: portOf(server), ca });
      await once(socket, 'secureConnect');
      const [reply] = await exchange(socket, bytes);
      expect([reply?.status, reply?.json.error.reason]).toEqual([400, 'invalid_request']);
      expect(reply?.headers.get('strict-transport-security')).toBe(HSTS);
    }
  });

  test('is not served without TLS', async () => {
    const socket = connectTcp(portOf(server), '127.0.0.1');
    await once(socket, 'connect');
    expect(await exchange(socket, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n').catch(String)).not.toMatchObject([
      { status: 200 },
    ]);
    expect((await http1('/healthz')).status).toBe(200);
  });
});

describe('HTTP/2', () => {
  test('serves, with HSTS', async () => {
    const reply = await http2({ ':path': '/v1/auth/verify', ...bearer() });
    expect(session.alpnProtocol).toBe('h2');
    expect([reply.status, reply.json.authenticated]).toEqual([200, true]);
    expect(reply.headers['strict-transport-security']).toBe(HSTS);
    expect(reply.json).toEqual((await http1('/v1/auth/verify', bearer())).json);
  });

  test('creates, lists and revokes', async () => {
    const headers = { ...bearer(), 'content-type': 'application/json', 'idempotency-key': 'over-http2' };
    const create = () => http2({ ':path': '/v1/api-keys', ':method': 'POST', ...headers }, '{"name":"h2","scopes":[]}');
    const made = await create();
    expect([made.status, (await create()).text]).toEqual([201, made.text]);
    const path = `/v1/api-keys/${made.json.id}/revoke`;
    expect((await http2({ ':path': path, ':method': 'POST', ...bearer() })).json.state).toBe('revoked');
    const refused = await http2({ ':path': '/v1/auth/verify', authorization: `Bearer ${made.json.key}` });
    expect([refused.status, refused.json.error]).toEqual([401, 'token_revoked']);
  });

  test('many streams at once keep their credentials apart', async () => {
    const replies = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        http2({ ':path': '/v1/auth/verify', ...(index % 3 === 0 ? bearer() : {}), 'x-request-id': `s${index}` }),
      ),
    );
    replies.forEach((reply, index) => {
      expect([reply.status, reply.headers['x-request-id']]).toEqual([index % 3 === 0 ? 200 : 401, `s${index}`]);
    });
  });

  test.each([
    ['an unknown path', { ':path': '/v1/nowhere' }, 404],
    ['an unreadable path', { ':path': '/v1/%zz' }, 400],
    ['a wrong method', { ':path': '/v1/auth/verify', ':method': 'PUT' }, 405],
    ['no credential', { ':path': '/v1/auth/verify' }, 401],
    ['two keys', { ':path': '/v1/auth/verify', 'x-api-key': ['a', 'b'] }, 400],
    ['headers over 16 KiB', { ':path': '/healthz', 'x-a': 'a'.repeat(17_000) }, 413],
    ['a key of 40 KiB', { ':path': '/v1/auth/verify', authorization: `Bearer ${'a'.repeat(40_000)}` }, 413],
    ['a method that is none', { ':path': '/v1/auth/verify', ':method': 'FROB' }, 400],
  ])('%s is refused in the house style', async (_, headers, status) => {
    const reply = await http2(headers);
    expect(reply.status).toBe(status);
    expect(reply.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(reply.headers['cache-control']).toBe('no-store');
    expect(reply.headers['strict-transport-security']).toBe(HSTS);
    expect(reply.json.request_id ?? reply.json.error.request_id).toBe(reply.headers['x-request-id']);
  });

  test('a body over the cap is 413', async () => {
    const headers = { ':path': '/v1/projects', ':method': 'POST', 'content-type': 'application/json', ...bearer() };
    expect((await http2(headers, `{"name":"${'a'.repeat(70_000)}"}`)).json.error).toBe('payload_too_large');
    expect((await http2(headers, '{"name":"fits"}')).status).toBe(201);
  });

  test('invented methods do not become series of their own', async () => {
    for (let index = 0; index < 20; index += 1) await http2({ ':path': '/v1/nowhere', ':method': `FROB${index}` });
    const { text } = await http2({ ':path': '/metrics', authorization: `Bearer ${server.rootKey}` });
    expect(text).toContain('latchkey_http_request_duration_seconds');
    expect(text).not.toContain('FROB');
  });
});
