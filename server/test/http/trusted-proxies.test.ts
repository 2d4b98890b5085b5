import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, stopServers, type TestServer } from '../harness.ts';
import { request, sendRaw } from './raw.ts';

afterAll(stopServers);

const BODY = JSON.stringify({ name: 'x', scopes: [] });

/** The address that the audit event of a call names: what was taken for the client's. */
async function recordedAddress(server: TestServer, ...forwarded: string[]): Promise<string | null | undefined> {
  const headers = [`Authorization: Bearer ${server.key}`, 'Content-Type: application/json', ...forwarded];
  const [reply] = await sendRaw(server, request('POST /v1/api-keys', headers, BODY));
  expect(reply?.status).toBe(201);
  const events = await server.latchkey.database.read
    .selectFrom('audit_events')
    .select('address')
    .where('target_id', '=', reply?.json.id)
    .execute();
  expect(events).toHaveLength(1);
  return events[0]?.address;
}

const SPOOFS = [
  'X-Forwarded-For: 6.6.6.6',
  'X-Forwarded-For: 6.6.6.6, 127.0.0.1',
  'Forwarded: for=6.6.6.6',
  'X-Real-IP: 6.6.6.6',
  'X-Client-IP: 6.6.6.6',
  'CF-Connecting-IP: 6.6.6.6',
  'True-Client-IP: 6.6.6.6',
];

describe('without LATCHKEY_TRUST_PROXY', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });

  test.each(SPOOFS)('%s changes nothing', async (header) => {
    expect(await recordedAddress(server, header)).toBe('127.0.0.1');
  });
});

describe.each([
  ['1', ['203.0.113.9', '203.0.113.9', '2001:db8::1']],
  ['2', ['203.0.113.9', '6.6.6.6', '2001:db8::1']],
])('with a hop count of %s', (hops, [single, double, mapped]) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ env: { LATCHKEY_TRUST_PROXY: hops } });
  });

  test('the address is the one that the outermost trusted proxy saw', async () => {
    expect(await recordedAddress(server)).toBe('127.0.0.1');
    expect(await recordedAddress(server, 'X-Forwarded-For: 203.0.113.9')).toBe(single);
    expect(await recordedAddress(server, 'X-Forwarded-For: 6.6.6.6, 203.0.113.9')).toBe(double);
    expect(await recordedAddress(server, 'X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 203.0.113.9')).toBe(double);
    expect(await recordedAddress(server, 'X-Forwarded-For: 2001:DB8:0:0::1')).toBe(mapped);
  });

  test('what a caller puts before it does not reach further', async () => {
    const long = `X-Forwarded-For: ${Array(50).fill('7.7.7.7').join(', ')}, 6.6.6.6, 203.0.113.9`;
    expect(await recordedAddress(server, long)).toBe(double);
  });

  test.each(SPOOFS.slice(2))('%s changes nothing', async (header) => {
    expect(await recordedAddress(server, header)).toBe('127.0.0.1');
  });
});

describe('with a list of CIDRs', () => {
  let near: TestServer;
  let far: TestServer;
  beforeAll(async () => {
    near = await startServer({ env: { LATCHKEY_TRUST_PROXY: '127.0.0.0/8, 10.0.0.0/8, 2001:db8:ffff::/48' } });
    far = await startServer({ env: { LATCHKEY_TRUST_PROXY: '192.0.2.0/24' } });
  });

  test('the address is the nearest that is no proxy', async () => {
    expect(await recordedAddress(near, 'X-Forwarded-For: 203.0.113.9')).toBe('203.0.113.9');
    expect(await recordedAddress(near, 'X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.1.2.3')).toBe('203.0.113.9');
    expect(await recordedAddress(near, 'X-Forwarded-For: 203.0.113.9, 2001:db8:ffff::7')).toBe('203.0.113.9');
    expect(await recordedAddress(near, 'X-Forwarded-For: 203.0.113.9, ::ffff:10.1.2.3')).toBe('203.0.113.9');
    expect(await recordedAddress(near, 'X-Forwarded-For: 10.0.0.1, 10.0.0.2')).toBe('10.0.0.1');
  });

  test('a peer that is not on it is not believed', async () => {
    expect(await recordedAddress(far, 'X-Forwarded-For: 203.0.113.9')).toBe('127.0.0.1');
    expect(await recordedAddress(far, 'X-Forwarded-For: 203.0.113.9, 192.0.2.1')).toBe('127.0.0.1');
  });

  test.each([
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['::FFFF:203.0.113.9', '203.0.113.9'],
    ['::ffff:cb00:7109', '203.0.113.9'],
    ['0:0:0:0:0:ffff:203.0.113.9', '203.0.113.9'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0000::0001', '2001:db8::1'],
    ['[2001:db8::1]:4711', '2001:db8::1'],
    ['203.0.113.9:4711', '203.0.113.9'],
  ])('%s is written as %s', async (given, address) => {
    expect(await recordedAddress(near, `X-Forwarded-For: ${given}`)).toBe(address);
  });

  test.each([
    'unknown',
    '_hidden',
    '',
    ',',
    '203.0.113',
    '203.0.113.256',
    '0x7f.1',
    '1',
    "1.2.3.4'; --",
    '<b>',
    ':::',
    '2001:db8::1::2',
  ])('%j is no address: the proxy that said so is named', async (given) => {
    expect(await recordedAddress(near, `X-Forwarded-For: ${given}`)).toBe('127.0.0.1');
  });
});
