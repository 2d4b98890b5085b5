import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startServer, stopServers, type TestServer } from '../harness.ts';
import { portOf, request, sendRaw } from './raw.ts';

afterAll(stopServers);

let server: TestServer;
let authorization: string;

beforeAll(async () => {
  server = await startServer();
  authorization = `Authorization: Bearer ${server.key}`;
});

const projects = async () =>
  (await server.call('/v1/projects?limit=100')).json.data.map(({ name }: { name: string }) => name);

afterEach(async () => {
  expect((await server.call('/v1/auth/verify')).status).toBe(200);
  expect(await projects()).not.toContain('smuggled');
});

const POST = 'POST /v1/projects HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const SMUGGLED = () =>
  request('POST /v1/projects', [authorization, 'Content-Type: application/json'], '{"name":"smuggled"}');

describe('what two readers could read in two ways is 400, in JSON, and the end of the connection', () => {
  const cases: [string, () => string][] = [
    [
      'Content-Length and Transfer-Encoding',
      () => `${POST}${authorization}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      'Transfer-Encoding and Content-Length',
      () => `${POST}${authorization}\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    ],
    ['two Content-Lengths that differ', () => `${POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    ['two Content-Lengths that agree', () => `${POST}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`],
    ['a list of Content-Lengths', () => `${POST}Content-Length: 2, 2\r\n\r\n{}`],
    ['a Content-Length with a sign', () => `${POST}Content-Length: +2\r\n\r\n{}`],
    ['a Content-Length in hex', () => `${POST}Content-Length: 0x2\r\n\r\n{}`],
    ['a negative Content-Length', () => `${POST}Content-Length: -1\r\n\r\n{}`],
    ['a Content-Length that overflows', () => `${POST}Content-Length: 99999999999999999999999\r\n\r\n{}`],
    ['two Hosts', () => 'GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
    ['two Hosts that agree', () => 'GET /healthz HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n'],
    ['no Host', () => 'GET /healthz HTTP/1.1\r\n\r\n'],
    ['a folded header', () => 'GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n'],
    ['a space before the colon', () => `${POST}Content-Length : 2\r\n\r\n{}`],
    ['a header without a name', () => 'GET /healthz HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n'],
    ['a header without a colon', () => 'GET /healthz HTTP/1.1\r\nHost: a\r\nX-A\r\n\r\n'],
    ['NUL in a header', () => 'GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n'],
    ['a lone line feed', () => 'GET /healthz HTTP/1.1\nHost: a\n\n'],
    ['a lone carriage return', () => 'GET /healthz HTTP/1.1\r\nHost: a\rX-A: b\r\n\r\n'],
    ['a chunk of no size', () => `${POST}${authorization}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`],
    [
      'a chunk that is longer than it says',
      () => `${POST}${authorization}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{}}}\r\n0\r\n\r\n`,
    ],
    [
      'a chunk size that overflows',
      () => `${POST}${authorization}\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}\r\n0\r\n\r\n`,
    ],
    ['a method that is none', () => 'FROB /healthz HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a method in lower case', () => 'get /healthz HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['CONNECT', () => 'CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n'],
    ['a version of HTTP that is none', () => 'GET /healthz HTTP/1.2\r\nHost: a\r\n\r\n'],
    ['HTTP/2 without TLS', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a TLS handshake', () => '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003'],
    ['a space in the path', () => 'GET /healthz x HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['no HTTP at all', () => 'hello\r\n\r\n'],
  ];

  test.each(cases)('%s', async (_, bytes) => {
    // What follows would be a request of its own to whoever reads the lengths differently.
    const replies = await sendRaw(server, Buffer.concat([Buffer.from(bytes(), 'latin1'), SMUGGLED()]));
    const last = replies.at(-1);
    expect(replies.every(({ status }) => status >= 400 && status < 500)).toBe(true);
    expect(last?.status).toBe(400);
    expect(last?.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(last?.headers.get('connection')).toBe('close');
    expect(last?.headers.get('cache-control')).toBe('no-store');
    expect(last?.headers.get('x-content-type-options')).toBe('nosniff');
    expect(last?.json.error).toMatchObject({
      code: 'BAD_REQUEST',
      reason: 'invalid_request',
      request_id: last?.headers.get('x-request-id'),
    });
  });

  test('a coding that nobody knows', async () => {
    for (const coding of ['xchunked', 'identity', 'gzip', 'chunked, identity']) {
      const head = `${POST}${authorization}\r\nTransfer-Encoding: ${coding}\r\n\r\n`;
      const replies = await sendRaw(server, Buffer.concat([Buffer.from(head), SMUGGLED()]));
      expect(replies.at(-1)?.status).toBe(400);
      expect(replies.every(({ status }) => status >= 400 && status < 500)).toBe(true);
    }
  });
});

describe('a fragment in the request target', () => {
  test.each(['/healthz#', '/v1/auth/verify#/../healthz', '/v1/projects#?limit=1', '/nowhere#', '/healthz?a=b#c'])(
    'is 400: %s',
    async (target) => {
      const [reply] = await sendRaw(server, request(`GET ${target}`, [authorization]));
      const { error } = reply?.json ?? {};
      expect([reply?.status, error?.reason ?? error]).toEqual([400, 'invalid_request']);
    },
  );
});

describe('headers', () => {
  test('over 16 KiB are 413 and the end of the connection', async () => {
    const big = [
      [`X-A: ${'a'.repeat(17_000)}`],
      Array.from({ length: 90 }, (_, index) => `X-${index}: ${'a'.repeat(250)}`),
    ];
    for (const headers of [...big, [`Authorization: Bearer ${'a'.repeat(20_000)}`]]) {
      const [reply] = await sendRaw(server, request('GET /v1/auth/verify', ['Connection: keep-alive', ...headers]));
      expect([reply?.status, reply?.json.error.reason]).toEqual([413, 'payload_too_large']);
    }
    const [line] = await sendRaw(server, request(`GET /healthz?${'a'.repeat(17_000)}`));
    expect(line?.status).toBe(413);
  });

  test('up to that are fine', async () => {
    const [reply] = await sendRaw(
      server,
      request('GET /v1/auth/verify', [authorization, `X-A: ${'a'.repeat(15_000)}`]),
    );
    expect(reply?.status).toBe(200);
  });

  test('over 100 are refused, not overlooked', async () => {
    const many = Array.from({ length: 120 }, (_, index) => `X-${index}: a`);
    const [reply] = await sendRaw(
      server,
      request('GET /v1/auth/verify', ['Connection: close', ...many, authorization]),
    );
    expect([reply?.status, reply?.json.error.reason]).toEqual([413, 'payload_too_large']);
    const [fits] = await sendRaw(server, request('GET /v1/auth/verify', [...many.slice(0, 90), authorization]));
    expect(fits?.status).toBe(200);
  });

  test('an Expect that nobody knows is no obstacle', async () => {
    const [reply] = await sendRaw(server, request('GET /v1/auth/verify', [authorization, 'Expect: the-unexpected']));
    expect([reply?.status, reply?.json.authenticated]).toEqual([200, true]);
  });

  test('an Upgrade is not followed', async () => {
    const headers = [
      authorization,
      'Connection: Upgrade, close',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
    ];
    const [reply] = await sendRaw(server, request('GET /v1/auth/verify', headers));
    expect([reply?.status, reply?.json.authenticated]).toEqual([200, true]);
  });

  test('HTTP/1.0 needs no Host', async () => {
    const [reply] = await sendRaw(server, 'GET /healthz HTTP/1.0\r\n\r\n');
    expect([reply?.status, reply?.json]).toEqual([200, { status: 'ok' }]);
  });
});

describe('a client that leaves', () => {
  const half = () => `${POST}${authorization}\r\nContent-Length: 30\r\n\r\n{"name":"smuggled"`;

  test('in the middle of its body is told so', async () => {
    const [reply] = await sendRaw(server, half(), { end: true });
    expect([reply?.status, reply?.headers.get('connection')]).toEqual([400, 'close']);
  });

  test('in the middle of its headers is told so', async () => {
    const [reply] = await sendRaw(server, 'GET /v1/auth/verify HTTP/1.1\r\nHost: loc', { end: true });
    expect([reply?.status, reply?.headers.get('connection')]).toEqual([400, 'close']);
  });

  test('without a word or by a reset harms nobody', async () => {
    const leaving = [half(), 'GET / HT', '', request('GET /v1/auth/verify', [authorization]).toString('latin1')];
    await Promise.all(
      leaving.map(async (bytes) => {
        const socket = connect(portOf(server), '127.0.0.1').on('error', () => {});
        await once(socket, 'connect');
        if (bytes !== '') await new Promise((resolve) => socket.write(bytes, resolve));
        const closed = once(socket, 'close');
        socket.resetAndDestroy();
        await closed;
      }),
    );
    expect(server.logLines.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
  });
});

describe('pipelined requests', () => {
  const get = (path: string, id: string, ...headers: string[]) =>
    request(`GET ${path}`, [authorization, `X-Request-ID: ${id}`, 'Connection: keep-alive', ...headers]);

  test('are answered one by one, in their order', async () => {
    const paths = ['/v1/auth/verify', '/healthz', '/v1/nowhere', '/v1/api-keys', '/v2/auth/test', '/v1/%zz'];
    const bytes = paths.map((path, index) => get(path, `r${index}`));
    const last = request('GET /healthz', ['X-Request-ID: last', 'Connection: close']);
    const replies = await sendRaw(server, Buffer.concat([...bytes, last]));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 404, 200, 200, 400, 200]);
    expect(replies.map(({ headers }) => headers.get('x-request-id'))).toEqual([
      'r0',
      'r1',
      'r2',
      'r3',
      'r4',
      'r5',
      'last',
    ]);
  });

  test('with different credentials do not mix them up', async () => {
    const { key } = (await server.call('/v1/api-keys', { json: { name: 'x', scopes: [] } })).json;
    const verify = (...headers: string[]) => request('GET /v1/auth/verify', ['Connection: keep-alive', ...headers]);
    const last = request('GET /v1/auth/verify');
    const replies = await sendRaw(
      server,
      Buffer.concat([verify(authorization), verify(), verify(`X-API-Key: ${key}`), verify(authorization), last]),
    );
    expect(replies.map(({ json }) => json.scopes?.length ?? json.error)).toEqual([
      6,
      'missing_token',
      0,
      6,
      'missing_token',
    ]);
  });

  test('behind a body that was refused are not part of it', async () => {
    const refused = request(
      'POST /v1/projects',
      [authorization, 'Content-Type: text/plain', 'Connection: keep-alive'],
      '{}',
    );
    const replies = await sendRaw(server, Buffer.concat([refused, request('GET /healthz')]));
    expect(replies.map(({ status }) => status)).toEqual([415, 200]);
  });

  test('end with the first that is no request', async () => {
    const replies = await sendRaw(
      server,
      Buffer.concat([get('/healthz', 'a'), Buffer.from('FROB\r\n\r\n'), SMUGGLED()]),
    );
    expect(replies.at(-1)?.status).toBe(400);
  });
});
