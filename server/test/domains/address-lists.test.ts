import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addressList, cidrWithin, parseCidr } from '../../src/address.ts';
import { startServer, stopServers, type TestServer } from '../harness.ts';
import { request, sendRaw } from '../http/raw.ts';
import { answerTo, makeKey, UNKNOWN, WORKS } from './installation.ts';

afterAll(stopServers);

/** Status and code of a call with this key, from an address that the proxy in front of the server has told. */
async function answerFrom(server: TestServer, key: string, forwarded: readonly string[]): Promise<string> {
  const headers = [`Authorization: Bearer ${key}`, ...forwarded];
  const [reply] = await sendRaw(server, request('GET /v1/auth/verify', headers));
  return reply?.status === 200 ? 'ok' : reply?.json.error;
}

describe('an address list, asked directly', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });

  test.each([
    '127.0.0.1',
    '127.0.0.1/32',
    '127.0.0.77/8',
    '127.255.255.255/1',
    '0.0.0.0/0',
    '::ffff:127.0.0.1',
    '::FFFF:7f00:1',
    '0:0:0:0:0:ffff:127.0.0.1/128',
    '::ffff:127.0.0.0/104',
  ])('%s lets this machine in', async (cidr) => {
    expect(await answerTo(server, (await makeKey(server, { ip_allowlist: ['203.0.113.0/24', cidr] })).key)).toEqual(
      WORKS,
    );
  });

  test.each(['127.0.0.2', '128.0.0.1/1', '10.0.0.0/8', '::1', '::ffff:128.0.0.0/97', '2001:db8::/32', '::127.0.0.1'])(
    '%s does not',
    async (cidr) => {
      const { key } = await makeKey(server, { ip_allowlist: [cidr] });
      expect(await answerTo(server, key)).toEqual([403, 'ip_not_allowed']);
      const v2 = await server.call('/v2/projects', { key });
      expect([v2.status, v2.json.error.code, v2.json.error.reason]).toEqual([403, 'FORBIDDEN', 'ip_not_allowed']);
    },
  );

  test('is shown in one spelling', async () => {
    const given = ['10.0.0.7', '203.0.113.77/24', '::ffff:10.0.0.0/104', '2001:DB8:0:0::1', '2001:db8:0000::/48'];
    const { ip_allowlist } = await makeKey(server, { ip_allowlist: given });
    const shown = ['10.0.0.7/32', '203.0.113.77/24', '10.0.0.0/8', '2001:db8::1/128', '2001:db8::/48'];
    expect(ip_allowlist).toEqual(shown);
  });

  test.each([
    '',
    'localhost',
    '10.0.0',
    '010.0.0.1',
    '0x0a.0.0.1',
    '10.0.0.1/33',
    '10.0.0.1/-1',
    '10.0.0.1/',
    '10.0.0.1/8/8',
    '10.0.0.1/8x',
    ' 10.0.0.1',
    '10.0.0.1:80',
    '[::1]',
    '::1/129',
    '::ffff:10.0.0.1/95',
    '1.2.3.4/0.0.0.255',
    '*',
    "'; --",
  ])('%j is no network', async (cidr) => {
    const json = { name: 'x', scopes: [], ip_allowlist: ['10.0.0.0/8', cidr] };
    const refused = await server.call('/v1/api-keys', { json });
    expect([refused.status, refused.json.fields[0].path]).toEqual([422, 'ip_allowlist.1']);
  });

  test('has one entry at least and 200 at most, or is null: from anywhere', async () => {
    const many = Array.from({ length: 201 }, (_, index) => `10.0.${index}.0/24`);
    for (const ip_allowlist of [[], many, '10.0.0.0/8', [5], {}]) {
      const refused = await server.call('/v1/api-keys', { json: { name: 'x', scopes: [], ip_allowlist } });
      expect(refused.status).toBe(422);
    }
    expect((await makeKey(server, { ip_allowlist: many.slice(1) })).ip_allowlist).toHaveLength(200);
    expect(await answerTo(server, (await makeKey(server, { ip_allowlist: null })).key)).toEqual(WORKS);
  });

  test.each([
    'X-Forwarded-For: 10.0.0.1',
    'X-Forwarded-For: 10.0.0.1, 127.0.0.1',
    'Forwarded: for=10.0.0.1',
    'X-Real-IP: 10.0.0.1',
    'X-Client-IP: 10.0.0.1',
    'X-Original-Forwarded-For: 10.0.0.1',
    'CF-Connecting-IP: 10.0.0.1',
    'True-Client-IP: 10.0.0.1',
  ])('is not fooled by %s (J15)', async (header) => {
    const { key } = await makeKey(server, { ip_allowlist: ['10.0.0.0/8'] });
    expect(await answerFrom(server, key, [header])).toBe('ip_not_allowed');
    const { key: local } = await makeKey(server, { ip_allowlist: ['127.0.0.1'] });
    expect(await answerFrom(server, local, [header])).toBe('ok');
  });

  test('is told only to who has the key, and before its scopes', async () => {
    const { key } = await makeKey(server, { ip_allowlist: ['10.0.0.0/8'], scopes: [] });
    const wrong = key.slice(0, -1) + (key.endsWith('a') ? 'b' : 'a');
    expect(await answerTo(server, wrong)).toEqual(UNKNOWN);
    expect((await server.call('/v1/projects', { key })).json.error).toBe('ip_not_allowed');
    expect((await server.call('/v1/gate', { key })).status).toBe(403);
  });
});

describe('an address list behind a trusted proxy', () => {
  let server: TestServer;
  let office: string;
  beforeAll(async () => {
    server = await startServer({ env: { LATCHKEY_TRUST_PROXY: '127.0.0.0/8, 192.0.2.0/24' } });
    office = (await makeKey(server, { ip_allowlist: ['203.0.113.0/24', '2001:db8:7::/48'] })).key;
  });

  test.each([
    ['ok', 'X-Forwarded-For: 203.0.113.9'],
    ['ok', 'X-Forwarded-For: ::ffff:203.0.113.9'],
    ['ok', 'X-Forwarded-For: ::ffff:cb00:7109'],
    ['ok', 'X-Forwarded-For: 2001:DB8:7:0:0::1'],
    ['ok', 'X-Forwarded-For: [2001:db8:7::1]:443'],
    ['ok', 'X-Forwarded-For: 6.6.6.6, 203.0.113.9'],
    ['ok', 'X-Forwarded-For: 203.0.113.9, 192.0.2.1'],
    ['ip_not_allowed', 'X-Forwarded-For: 203.0.114.9'],
    ['ip_not_allowed', 'X-Forwarded-For: 203.0.113.9, 6.6.6.6'],
    ['ip_not_allowed', 'X-Forwarded-For: 203.0.113.9, 6.6.6.6, 192.0.2.1'],
    ['ip_not_allowed', 'X-Forwarded-For: 2001:db8:8::1'],
    ['ip_not_allowed', 'X-Forwarded-For: ::203.0.113.9'],
    ['ip_not_allowed', 'X-Forwarded-For: unknown'],
    ['ip_not_allowed', 'X-Forwarded-For: 203.0.113.9, unknown'],
    ['ip_not_allowed', 'Forwarded: for=203.0.113.9'],
    ['ip_not_allowed', 'X-Real-IP: 203.0.113.9'],
  ])('%s with %s (J15, I12)', async (answer, header) => {
    expect(await answerFrom(server, office, [header])).toBe(answer);
  });

  test('two headers are read as one list', async () => {
    const spoofed = ['X-Forwarded-For: 203.0.113.9', 'X-Forwarded-For: 6.6.6.6'];
    expect(await answerFrom(server, office, spoofed)).toBe('ip_not_allowed');
    expect(await answerFrom(server, office, spoofed.toReversed())).toBe('ok');
  });

  test('the gate asks for the same address', async () => {
    const gate = async (forwarded: string) =>
      (await server.call('/v1/gate', { key: office, headers: { 'x-forwarded-for': forwarded } })).status;
    expect(await gate('203.0.113.9')).toBe(200);
    expect(await gate('6.6.6.6')).toBe(403);
  });
});

describe('networks', () => {
  const ipv4 = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([address, bits]) => `${address}/${bits}`);
  const ipv6 = fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })).map(([address, bits]) => `${address}/${bits}`);
  const network = fc.oneof(ipv4, ipv6);
  const spelled = (text: string) => {
    const cidr = parseCidr(text);
    return cidr && `${cidr.address}/${cidr.prefix}`;
  };

  test('are read, and read the same again from their own spelling', () => {
    fc.assert(
      fc.property(network, (text) => {
        const once = spelled(text);
        // ::ffff:…/n with n below 96 is more than IPv4 has.
        fc.pre(once !== null);
        expect(spelled(once ?? '')).toBe(once);
      }),
    );
  });

  test('hold their own address, in any spelling of it', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 32 }), (address, bits) => {
        const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
        const hex = `::ffff:${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
        for (const list of [`${address}/${bits}`, `::ffff:${address}/${bits + 96}`, `${hex}/${bits + 96}`]) {
          for (const text of [address, `::ffff:${address}`, hex.toUpperCase()]) {
            expect(addressList([list]).has(text), `${list} ${text}`).toBe(true);
          }
        }
      }),
    );
  });

  test('are within one another as their numbers are', () => {
    const bits = fc.integer({ min: 0, max: 32 });
    const numberOf = (address: string) => address.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
    fc.assert(
      fc.property(fc.ipV4(), bits, fc.ipV4(), bits, fc.boolean(), (inner, innerBits, other, outerBits, isNear) => {
        const outer = isNear ? inner : other;
        const shift = BigInt(32 - outerBits);
        const expected = innerBits >= outerBits && numberOf(inner) >> shift === numberOf(outer) >> shift;
        expect(cidrWithin(`${inner}/${innerBits}`, `${outer}/${outerBits}`)).toBe(expected);
      }),
    );
  });

  test('that are within others let nobody in whom those keep out', () => {
    fc.assert(
      fc.property(network, network, fc.oneof(fc.ipV4(), fc.ipV6()), (inner, outer, address) => {
        fc.pre(spelled(inner) !== null && spelled(outer) !== null && cidrWithin(inner, outer));
        for (const each of [address, inner.split('/')[0] ?? '']) {
          if (addressList([inner]).has(each)) expect(addressList([outer]).has(each)).toBe(true);
        }
      }),
      { numRuns: 20, maxSkipsPerRun: 1000 },
    );
  });
});
