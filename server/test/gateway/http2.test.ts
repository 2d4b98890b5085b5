import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MadeKey } from '../domains/installation.ts';
import { stopServers } from '../harness.ts';
import { PROXIES } from './proxies.ts';
import { type Stack, startStack } from './stack.ts';
import { valuesOf } from './upstream.ts';

const stacks: Stack[] = [];
const sessions: ClientHttp2Session[] = [];
afterAll(async () => {
  for (const session of sessions) session.destroy();
  for (const stack of stacks) await stack.stop();
  await stopServers();
});

describe.each(PROXIES)('%s over HTTP/2', (name) => {
  let stack: Stack;
  let reader: MadeKey;
  beforeAll(async () => {
    stack = await startStack(name, { http2: true });
    stacks.push(stack);
    reader = await stack.key(['orders:read']);
  });

  /** Status and body of one request; status 0 for a stream or connection that was ended without a reply. */
  async function send(headers: OutgoingHttpHeaders): Promise<{ status: number; text: string }> {
    const session = connect(`http://127.0.0.1:${stack.port}`);
    sessions.push(session);
    session.on('error', () => {});
    const stream = session.request({ ':path': '/orders', ...headers });
    let text = '';
    let status = 0;
    stream.on('response', (reply) => {
      status = Number(reply[':status']);
    });
    stream.setEncoding('utf8').on('data', (data) => {
      text += data;
    });
    stream.on('error', () => {});
    stream.end();
    await new Promise((resolve) => stream.once('close', resolve));
    session.destroy();
    return { status, text };
  }

  const authorization = () => `Bearer ${reader.key}`;

  test('a good call passes, others are told why not', async () => {
    expect(await send({ authorization: authorization() })).toEqual({ status: 200, text: `for ${reader.id}` });
    expect(stack.upstream.taken()).toHaveLength(1);
    const nobody = await send({});
    expect([nobody.status, JSON.parse(nobody.text).error]).toEqual([401, 'missing_token']);
    const writer = await send({ ':method': 'POST', authorization: authorization() });
    expect([writer.status, JSON.parse(writer.text).error]).toEqual([403, 'insufficient_scope']);
    expect(stack.upstream.taken()).toEqual([]);
  });

  test('forged identity does not pass (I8)', async () => {
    for (const header of ['x-latchkey-user-id', 'x_latchkey_user_id', 'x-latchkey_user-id', 'x-latchkey-client-id']) {
      await send({ authorization: authorization(), [header]: 'forged' });
      await send({ ':path': '/healthz', [header]: 'forged' });
      const received = stack.upstream.taken();
      expect([header, received.length]).toEqual([header, 2]);
      for (const each of received) expect([header, valuesOf(each, header).join('')]).toEqual([header, '']);
    }
  });

  test.each([
    '//orders',
    '/healthz/../orders',
    '/healthz/..;/orders',
    '/healthz/%2e%2e/orders',
    '/healthz%2f..%2forders',
    '/orders/..;/admin',
    '/orders/../admin',
    '/Orders',
    '/orders?x=/healthz',
    'orders',
    'http://localhost/orders',
    '*',
  ])('%s is no way round (I10)', async (path) => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE']) {
      const { status } = await send({ ':path': path, ':method': method });
      expect([method, status === 200 && !(method === 'OPTIONS' && path === '*')]).toEqual([method, false]);
      expect([method, stack.upstream.taken()]).toEqual([method, []]);
    }
    await send({ ':path': path, authorization: authorization() });
    for (const { url } of stack.upstream.taken()) expect(url).toMatch(/^\/orders(?:\?|$)/);
  });
});
