import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MadeKey } from '../domains/installation.ts';
import { stopServers } from '../harness.ts';
import { PROXIES } from './proxies.ts';
import { bearer, type Stack, startStack } from './stack.ts';
import { type Received, valuesOf } from './upstream.ts';

const stacks: Stack[] = [];
const sockets: Socket[] = [];
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  for (const stack of stacks) await stack.stop();
  await stopServers();
});

const PATHS = [
  '/orders',
  '/orders/',
  '//orders',
  '/orders//7',
  '///orders///',
  '/./orders',
  '/orders/.',
  '/orders/..',
  '/orders/../admin',
  '/healthz/../orders',
  '/healthz/..;/orders',
  '/healthz/..%2forders',
  '/healthz/%2e%2e/orders',
  '/healthz/%2E%2E/orders',
  '/healthz/.%2e/orders',
  '/healthz%2f..%2forders',
  '/healthz/%252e%252e/orders',
  '/healthz/..%5corders',
  '/healthz/..\\orders',
  '/orders/..;/admin',
  '/orders/%2e%2e/admin',
  '/orders/..%2fadmin',
  '/orders;x',
  '/orders;/healthz',
  '/healthz;/../orders',
  '/healthz;x',
  '/healthz/',
  '/healthz/x',
  '/healthz%2f',
  '/healthz%20',
  '/healthz%00',
  '/healthz%23',
  '/healthz%3f',
  '/HEALTHZ',
  '/healthz.json',
  '/%6frders',
  '/%6Frders/7',
  '/ORDERS',
  '/Orders/7',
  '/orders%2f7',
  '/orders%00',
  '/orders%0d%0aX-Latchkey-User-Id:%20forged',
  '/orders?x=/healthz',
  '/orders?/healthz',
  '/orders?x=/../healthz',
  '/orders/healthz',
  '/secret?x=/healthz',
  '/_latchkey',
  '/_latchkey/',
  '/%5flatchkey',
  '/@latchkey_refused',
  '/v1/gate',
  '/',
  '*',
  'orders',
  '?',
];

const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'PROPFIND',
  'TRACE',
  'PURGE',
  'BREW',
  'get',
];

describe.each(PROXIES)('%s is not gone round', (name) => {
  let stack: Stack;
  let reader: MadeKey;
  let admin: MadeKey;
  beforeAll(async () => {
    stack = await startStack(name);
    stacks.push(stack);
    reader = await stack.key(['orders:read']);
    admin = await stack.key(['admin']);
  });

  const expectNothingPassed = (what: unknown) => expect([what, stack.upstream.taken()]).toEqual([what, []]);

  const statusOf = (bytes: string) => stack.statusOf(bytes);

  const raw = (line: string, headers: readonly string[] = [], body = '') =>
    [`${line}`, 'Host: localhost', 'Connection: close', ...headers, '', body].join('\r\n');

  /** Which of the guarded places a program would take a path for; `other` also where programs could disagree. */
  function placeOf({ url }: Received): 'orders' | 'open' | 'other' {
    const [raw = ''] = url.split('?');
    if (/[;\\]|%2f|%5c|%2e|\.\.|\/\//i.test(raw)) return 'other';
    const path = decodeURI(raw);
    if (path === '/healthz') return 'open';
    return /^\/orders(?:\/|$)/.test(path) ? 'orders' : 'other';
  }

  test.each(PATHS)('by %s (I10)', async (path) => {
    for (const method of ['GET', 'POST', 'HEAD', 'OPTIONS']) {
      const line = `${method} ${path} HTTP/1.1`;
      await statusOf(raw(line));
      expectNothingPassed(['nobody', line]);
      const status = await statusOf(raw(line, [bearer(reader)]));
      const passed = stack.upstream.taken();
      // Caddy answers `OPTIONS *` by itself.
      if (line !== 'OPTIONS * HTTP/1.1') expect(passed.length).toBe(status === 200 ? 1 : 0);
      // A reader of orders gets to orders alone, and reads.
      for (const received of passed) {
        expect([path, placeOf(received), received.method]).toEqual([path, 'orders', expect.toBeOneOf(['GET', 'HEAD'])]);
      }
    }
    // Whoever may do all gets there, or is told to write the path plainly: nobody is let in without a name.
    const status = await statusOf(raw(`GET ${path} HTTP/1.1`, [bearer(admin)]));
    for (const received of stack.upstream.taken()) {
      expect([status, valuesOf(received, 'x-latchkey-credential-id')]).toEqual([200, [admin.id]]);
    }
  });

  test('by what is open: that is one path, and what is behind it is asked for as it is named', async () => {
    for (const line of ['GET /healthz', 'GET /%68ealthz', 'GET /healthz?x=1', 'HEAD /healthz']) {
      expect([line, (await stack.send(line)).status]).toEqual([line, 200]);
      const [received] = stack.upstream.taken();
      expect(received && placeOf(received)).toBe('open');
    }
  });

  test.each([
    '/admin/../healthz',
    '/admin/%2e%2e/healthz',
    '/admin/..%2fhealthz',
    '//healthz',
    '/./healthz',
    '/admin/..;/healthz',
    '/admin%2f..%2fhealthz',
    '/orders/..\\healthz',
  ])('by %s, which leads to what is open and to nothing else', async (path) => {
    await statusOf(raw(`GET ${path} HTTP/1.1`));
    for (const { url } of stack.upstream.taken()) expect(url).toBe('/healthz');
  });

  test.each(METHODS)('by the method %s (I11)', async (method) => {
    for (const path of ['/orders', '/', '/sandbox', '/healthz/x']) {
      for (const headers of [
        [],
        ['X-HTTP-Method-Override: GET'],
        ['Content-Length: 0'],
        ['Access-Control-Request-Method: GET', 'Origin: http://x'],
      ]) {
        const status = await statusOf(raw(`${method} ${path} HTTP/1.1`, headers));
        expect([method, path, status]).toEqual([method, path, expect.toBeOneOf([400, 401, 405, 501])]);
      }
    }
    await statusOf(raw(`${method} /orders HTTP/1.1`, [bearer(reader)]));
    const methods = stack.upstream.taken().map((received) => received.method);
    expect(methods).toEqual(['GET', 'HEAD'].includes(method) ? [method] : []);
  });

  test('by another form of the request', async () => {
    const host = `127.0.0.1:${stack.port}`;
    const chunked = 'Transfer-Encoding: chunked\r\n';
    for (const bytes of [
      'GET /orders HTTP/1.0\r\n\r\n',
      'GET /orders HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n',
      'GET /orders\r\n',
      `GET http://${host}/orders HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      `GET http://${host}/healthz/../orders HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      `GET http://app/orders HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n`,
      'GET http://localhost/orders HTTP/1.0\r\n\r\n',
      'CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
      'CONNECT /orders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
      'OPTIONS * HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
      `POST /orders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${chunked}\r\n2\r\nhi\r\n0\r\n\r\n`,
      `POST /orders HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi`,
      `POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n${chunked}Connection: close\r\n\r\n0\r\n\r\n`,
      `GET /orders HTTP/1.1\r\nHost: localhost\r\nHost: other\r\nConnection: close\r\n\r\n`,
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    ]) {
      const status = await statusOf(bytes);
      if (!bytes.startsWith('OPTIONS *')) expect([bytes, status < 300 && status > 0]).toEqual([bytes, false]);
      expectNothingPassed(bytes);
    }
    for (const line of [`GET http://${host}/orders HTTP/1.1`, 'GET /orders HTTP/1.0']) {
      expect([line, await statusOf(raw(line, [bearer(reader)]))]).toEqual([line, 200]);
      expect(stack.upstream.taken()).toHaveLength(1);
    }
    // Not as a body that hides a request: what is behind the first is a request of its own, and asks for itself.
    const hidden = `GET /orders HTTP/1.1\r\nHost: localhost\r\n${bearer(reader)}\r\n\r\n`;
    await statusOf(`${hidden}GET /admin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    expect(stack.upstream.taken().map(({ url }) => url)).toEqual(['/orders']);
  });

  const websocket = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];

  test('by an upgrade (I11)', async () => {
    for (const upgrade of ['websocket', 'WebSocket', 'h2c', 'HTTP/2.0', 'TLS/1.2', 'websocket, h2c', 'anything']) {
      const headers = ['Host: localhost', 'Connection: Upgrade, HTTP2-Settings, close', `Upgrade: ${upgrade}`];
      const bytes = (more: string[]) =>
        ['GET /orders HTTP/1.1', ...headers, 'HTTP2-Settings: AAMAAABkAAQAAP__', ...more, '', ''].join('\r\n');
      expect([upgrade, await statusOf(bytes([]))]).toEqual([upgrade, 401]);
      expectNothingPassed(upgrade);
      if (/^websocket$/i.test(upgrade)) continue;
      // With a key it is a call like any other, and no tunnel.
      expect([upgrade, await statusOf(bytes([bearer(reader)]))]).toEqual([upgrade, 200]);
      for (const received of stack.upstream.taken()) {
        expect([upgrade, valuesOf(received, 'upgrade')]).toEqual([upgrade, []]);
        expect(valuesOf(received, 'http2-settings').concat(valuesOf(received, 'connection')).join()).not.toMatch(
          /upgrade/i,
        );
      }
    }
  });

  test('but a WebSocket passes with a key, and the program knows whose it is', async () => {
    const socket = connect(stack.port, '127.0.0.1').setEncoding('latin1');
    sockets.push(socket);
    let text = '';
    const heard = async (pattern: RegExp) => {
      while (!pattern.test(text)) text += (await once(socket, 'data'))[0];
    };
    const forged = ['X-Latchkey-User-Id: forged', 'Connection: X-Latchkey-Credential-Id'];
    socket.write(
      ['GET /orders HTTP/1.1', 'Host: localhost', ...websocket, bearer(reader), ...forged, '', ''].join('\r\n'),
    );
    await heard(/\r\n\r\n/);
    expect(text).toMatch(/^HTTP\/1\.1 101 /);
    socket.write('hello');
    await heard(/heard hello/);
    const [received] = stack.upstream.taken();
    expect(received && valuesOf(received, 'x-latchkey-credential-id')).toEqual([reader.id]);
    expect(received && valuesOf(received, 'x-latchkey-user-id').join('')).toBe('');
    socket.destroy();
    const refused = await stack.send('GET /', [...websocket.slice(1), 'Connection: close, Upgrade', bearer(reader)]);
    expect([refused.status, refused.json.error]).toEqual([403, 'insufficient_scope']);
    expectNothingPassed('WebSocket at /');
  });
});
