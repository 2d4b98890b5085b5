import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/harness.ts';
import { newCertificate } from '../../test/running/certificate.ts';
import { isPublicAddress } from './address-rules.ts';
import { createOutbound, type OutboundOptions } from './outbound.ts';
import { OutboundRefusal } from './refusal.ts';
import { problemOfTarget } from './target.ts';

const LOOPBACK = ['127.0.0.0/8', '::1/128'];
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A real server on the loopback, which counts who came. */
async function listen(answer: RequestListener, host = '127.0.0.1') {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.headers.host}${request.url}`);
    answer(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return { port: (server.address() as AddressInfo).port, seen };
}

const ok: RequestListener = (_request, response) => response.end('fine');

const nobody = async (): Promise<string[]> => expect.unreachable('a name was resolved');
const outbound = (options: Partial<OutboundOptions> = {}) => createOutbound({ allow: [], resolve: nobody, ...options });

async function reasonOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'answered';
  } catch (error) {
    expect(error).toBeInstanceOf(OutboundRefusal);
    return (error as OutboundRefusal).reason;
  }
}

describe('H8: which addresses', () => {
  test.each([
    ...['127.0.0.1', '127.9.9.9', '0.0.0.0', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
    ...['169.254.169.254', '100.64.0.1', '100.127.255.255', '192.0.0.1', '192.0.2.1', '198.18.0.1', '198.51.100.7'],
    ...['203.0.113.9', '224.0.0.1', '239.1.1.1', '240.0.0.1', '255.255.255.255', '192.88.99.1'],
    ...['::', '::1', '::7f00:1', '::ffff:127.0.0.1', '::ffff:10.0.0.1', '0:0:0:0:0:ffff:7f00:1', 'fc00::1'],
    ...['fd12:3456::1', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'ff02::1', '64:ff9b::7f00:1', '64:ff9b:1::1'],
    ...['2001:db8::1', '2001::1', '2002:7f00:1::', '3fff::1', '100::1', '5f00::1', 'not an address', ''],
  ])('%s is not public', (address) => expect(isPublicAddress(address)).toBe(false));

  test.each([
    ...['1.1.1.1', '8.8.8.8', '172.15.0.1', '172.32.0.1', '100.63.0.1', '100.128.0.1', '198.17.0.1', '223.255.255.255'],
    ...['::ffff:8.8.8.8', '2606:4700:4700::1111', '2a00:1450::1', '2001:200::1', '2003::1'],
  ])('%s is public', (address) => expect(isPublicAddress(address)).toBe(true));

  test('a name that leads inside is refused, also when only one of its addresses does; nobody is asked', async () => {
    const { port, seen } = await listen(ok);
    for (const inside of [
      '127.0.0.1',
      '::ffff:127.0.0.1',
      '10.1.1.1',
      'fd00::1',
      '64:ff9b::a00:1',
      '169.254.169.254',
    ]) {
      for (const addresses of [[inside], ['93.184.215.14', inside], [inside, '93.184.215.14']]) {
        const get = outbound({ resolve: async () => addresses });
        expect([inside, await reasonOf(get({ url: `https://keys.example.com:${port}/` }))]).toEqual([
          inside,
          'address',
        ]);
      }
    }
    expect(await reasonOf(outbound()({ url: `https://127.0.0.1:${port}/` }))).toBe('address');
    expect(await reasonOf(outbound()({ url: `https://[::1]:${port}/` }))).toBe('address');
    expect(await reasonOf(outbound()({ url: 'https://[::ffff:7f00:1]/' }))).toBe('address');
    expect(seen).toEqual([]);
  });

  test('what is exempt is reached, without TLS too; all else needs https', async () => {
    const { port, seen } = await listen(ok);
    const get = outbound({ allow: LOOPBACK });
    const reply = await get({ url: `http://127.0.0.1:${port}/a?b=c` });
    expect([reply.status, reply.body.toString(), seen]).toEqual([200, 'fine', [`GET 127.0.0.1:${port}/a?b=c`]]);
    const narrow = outbound({ allow: ['127.0.0.1'], resolve: async () => ['127.0.0.1', '127.0.0.2'] });
    expect(await reasonOf(narrow({ url: `http://keys.example.com:${port}/` }))).toBe('target');
    const outside = outbound({ allow: LOOPBACK, resolve: async () => ['93.184.215.14'] });
    expect(await reasonOf(outside({ url: 'http://keys.example.com/' }))).toBe('target');
    expect(seen).toHaveLength(1);
  });
});

describe('H9: how hosts are written', () => {
  test.each([
    ...['https://2130706433/', 'https://0x7f000001/', 'https://0x7f.1/', 'https://0177.0.0.1/', 'https://127.1/'],
    ...['https://127.0.0.1./', 'https://example.com./', 'https://EXAMPLE%2ecom/', 'https://１２７.0.0.1/'],
    ...['https://[0:0:0:0:0:0:0:1]/', 'https://[::ffff:127.0.0.1]/', 'https://a@b.example/', 'https://a:b@b.example/'],
    ...['https://b.example#x', 'https://b.example/ x', 'https:\\\\b.example/', 'https:/b.example/', 'https:b.example'],
    ...['ftp://b.example/', 'file:///etc/passwd', 'data:,x', 'gopher://b.example', '//b.example', 'b.example', ''],
    ...['https://', 'https://b.example:0/', 'https://b.example:99999/', 'https://bücher.example/', 'javascript:1'],
    `https://b.example/${'a'.repeat(2048)}`,
  ])('%s is refused unresolved', async (url) => {
    expect(problemOfTarget(url)).toMatch(/^must /);
    expect(await reasonOf(outbound({ allow: LOOPBACK })({ url }))).toBe('target');
  });

  test('localhost and what ends in it are the loopback, whatever a resolver says', async () => {
    const { port, seen } = await listen(ok);
    for (const host of ['localhost', 'LOCALHOST', 'a.localhost', 'a.b.localhost']) {
      const resolve = async () => ['93.184.215.14'];
      expect(await reasonOf(outbound({ resolve })({ url: `https://${host}:${port}/` }))).toBe('address');
      expect((await outbound({ allow: LOOPBACK, resolve })({ url: `http://${host}:${port}/` })).status).toBe(200);
    }
    // Aliases of the hosts file go by where they lead.
    for (const host of ['ip6-localhost', 'localhost.localdomain', 'loopback']) {
      expect(await reasonOf(outbound({ resolve: async () => ['::1'] })({ url: `https://${host}/` }))).toBe('address');
    }
    expect(seen).toHaveLength(4);
  });

  test.each([
    'https://example.com/jwks',
    'https://EXAMPLE.com:8443/a?b',
    'https://xn--bcher-kva.example/',
    'http://[::1]/',
  ])('%s is good', (url) => expect(problemOfTarget(url)).toBeNull());
});

test('H10: the name is resolved once, and only what was vetted is connected to', async () => {
  const inside = await listen(ok);
  const answers = [['127.0.0.2'], ['127.0.0.1'], ['127.0.0.1']];
  let asked = 0;
  const resolve = async () => answers[asked++] ?? ['127.0.0.1'];
  // Only 127.0.0.2 stands for the public internet here; the second answer, which a rebinding server would give, is never asked for.
  const get = outbound({ allow: ['127.0.0.2'], resolve });
  const outside = await listen((_request, response) => response.end('outside'), '127.0.0.2');
  expect((await get({ url: `http://rebind.example:${outside.port}/` })).body.toString()).toBe('outside');
  expect([asked, outside.seen, inside.seen]).toEqual([1, [`GET rebind.example:${outside.port}/`], []]);
  expect(await reasonOf(get({ url: `https://rebind.example:${inside.port}/` }))).toBe('address');
  expect(inside.seen).toEqual([]);
});

test('H11: a redirect is an answer, and is not followed', async () => {
  const inside = await listen(ok);
  for (const status of [301, 302, 303, 307, 308]) {
    const { port } = await listen((_request, response) =>
      response.writeHead(status, { location: `http://127.0.0.1:${inside.port}/secret` }).end(),
    );
    const reply = await outbound({ allow: LOOPBACK })({ url: `http://127.0.0.1:${port}/` });
    expect(reply.status).toBe(status);
  }
  expect(inside.seen).toEqual([]);
});

describe('what an answer may cost', () => {
  const get = outbound({ allow: LOOPBACK });

  test('a body over the limit is cut off, announced or not', async () => {
    const announced = await listen((_request, response) => response.end('x'.repeat(2000)));
    const chunked = await listen((_request, response) => {
      response.write('x'.repeat(600));
      response.write('x'.repeat(600));
      setImmediate(() => response.end('x'.repeat(600)));
    });
    for (const { port } of [announced, chunked]) {
      expect(await reasonOf(get({ url: `http://127.0.0.1:${port}/`, limitBytes: 1000 }))).toBe('too_large');
    }
    expect((await get({ url: `http://127.0.0.1:${announced.port}/`, limitBytes: 2000 })).body).toHaveLength(2000);
  });

  test('no answer, half an answer and a resolver without end are given up', async () => {
    const silent = await listen(() => {});
    const half = await listen((_request, response) => void response.write('x'));
    for (const { port } of [silent, half]) {
      expect(await reasonOf(get({ url: `http://127.0.0.1:${port}/`, timeoutMs: 100 }))).toBe('timeout');
    }
    const endless = outbound({ resolve: () => new Promise(() => {}) });
    expect(await reasonOf(endless({ url: 'https://keys.example.com/', timeoutMs: 100 }))).toBe('timeout');
  });

  test('compressed answers, broken ones and closed doors have their own reasons', async () => {
    const zipped = await listen((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'),
    );
    expect(await reasonOf(get({ url: `http://127.0.0.1:${zipped.port}/` }))).toBe('encoded');
    const broken = await listen((request, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.write('x', () => request.socket.destroy());
    });
    expect(await reasonOf(get({ url: `http://127.0.0.1:${broken.port}/` }))).toBe('unreachable');
    expect(await reasonOf(get({ url: 'http://127.0.0.1:1/' }))).toBe('unreachable');
    for (const resolve of [async () => [], async () => Promise.reject(new Error('ENOTFOUND'))]) {
      expect(await reasonOf(outbound({ resolve })({ url: 'https://keys.example.com/' }))).toBe('unresolved');
    }
  });

  test('a method, headers and a body go out as they are', async () => {
    const { port } = await listen((request, response) => request.pipe(response));
    const reply = await get({
      url: `http://127.0.0.1:${port}/`,
      method: 'POST',
      headers: { 'x-a': 'b' },
      body: '{"a":1}',
    });
    expect(reply.body.toString()).toBe('{"a":1}');
  });
});

test('TLS is checked: a certificate that nobody vouches for is refused, also where the address is exempt', async () => {
  const files = newCertificate(temporaryFolder());
  const server = https.createServer({ cert: readFileSync(files.cert), key: readFileSync(files.key) }, ok);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  expect(await reasonOf(outbound({ allow: LOOPBACK })({ url: `https://localhost:${port}/` }))).toBe('unreachable');
});

test('proxies of the environment are not asked', async () => {
  const proxy = await listen(ok);
  const { port } = await listen((_request, response) => response.end('direct'));
  const script = `
    import { createOutbound } from ${JSON.stringify(new URL('./outbound.ts', import.meta.url).href)};
    const get = createOutbound({ allow: ['127.0.0.0/8'] });
    process.stdout.write((await get({ url: 'http://127.0.0.1:${port}/' })).body.toString());`;
  const url = `http://127.0.0.1:${proxy.port}`;
  const env = { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: url, HTTPS_PROXY: url, http_proxy: url, https_proxy: url };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { env });
  expect([stdout, proxy.seen]).toEqual(['direct', []]);
});
