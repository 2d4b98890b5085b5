import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { afterEach, expect, test } from 'vitest';
import { createResolve } from './resolve.ts';

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

/** A nameserver on the loopback; `answer` null says nothing. */
async function nameserver(answer: (query: Buffer) => Buffer | null): Promise<string> {
  const socket = createSocket('udp4');
  sockets.push(socket);
  socket.on('message', (query, { port, address }) => {
    const reply = answer(query);
    if (reply !== null) socket.send(reply, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return `127.0.0.1:${socket.address().port}`;
}

/** RFC 1035 §4.1: the question again, with a code and the given addresses of it. */
function reply(query: Buffer, code: number, addresses: readonly string[]): Buffer {
  const end = query.indexOf(0, 12) + 5;
  const isA = query.readUInt16BE(end - 4) === 1;
  const given = isA ? addresses : [];
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180 | code, 2);
  for (const [at, count] of [
    [4, 1],
    [6, given.length],
    [8, 0],
    [10, 0],
  ] as const) {
    header.writeUInt16BE(count, at);
  }
  const records = given.map((address) =>
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]),
  );
  return Buffer.concat([header, query.subarray(12, end), ...records]);
}

const NXDOMAIN = 3;
const unasked = async (): Promise<string[]> => expect.unreachable('the system was asked');

test('all addresses that DNS has for a name', async () => {
  const servers = [await nameserver((query) => reply(query, 0, ['93.184.215.14', '93.184.215.15']))];
  const resolve = createResolve({ system: unasked, servers });
  expect([...(await resolve('client.example'))].sort()).toEqual(['93.184.215.14', '93.184.215.15']);
});

test('a name that DNS does not have is asked of the system, where that is to be asked', async () => {
  const servers = [await nameserver((query) => reply(query, NXDOMAIN, []))];
  const system = async (hostname: string) => [`${hostname} by the system`];
  expect(await createResolve({ system, servers })('here.example')).toEqual(['here.example by the system']);
  await expect(createResolve({ system: null, servers })('here.example')).rejects.toMatchObject({ code: 'ENOTFOUND' });
});

test('H7: names whose nameservers never answer hold up no other name, and are not asked of the system', async () => {
  const servers = [await nameserver(() => null)];
  const resolve = createResolve({ system: unasked, servers });
  const ended: string[] = [];
  const slow = Array.from({ length: 50 }, (_, index) =>
    resolve(`client-${index}.example`).catch(({ code }: { code: string }) => {
      ended.push('slow');
      return code;
    }),
  );
  await lookup('127.0.0.1', { family: 4 });
  await lookup('localhost');
  ended.push('other');
  expect(await Promise.all(slow)).toEqual(Array.from({ length: 50 }, () => 'ETIMEOUT'));
  expect(ended[0]).toBe('other');
});
