import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalAddress, clientAddress, trustedProxies } from './client-address.ts';

describe('the canonical address', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::FFFF:A00:1', '10.0.0.1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[::1]:80', '::1'],
    ['[::1]', '::1'],
    ['[::ffff:10.0.0.1]:80', '10.0.0.1'],
    ['10.0.0.1:65535', '10.0.0.1'],
  ])('of %s is %s', (text, address) => {
    expect(canonicalAddress(text)).toBe(address);
  });

  test.each([
    '',
    ' ',
    'unknown',
    '1',
    '10.0.0',
    '10.0.0.1.',
    '010.0.0.1',
    '0x0a.0.0.1',
    '10.0.0.1/8',
    '::1::',
    '[::1',
    '::1]:80',
    'a:80',
  ])('of %j is none', (text) => {
    expect(canonicalAddress(text)).toBeNull();
  });

  test('is one text for one address, and stays what it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const canonical = String(canonicalAddress(text));
        expect(isIP(canonical)).toBeGreaterThan(0);
        expect(canonicalAddress(canonical)).toBe(canonical);
        expect(canonicalAddress(text.toUpperCase())).toBe(canonical);
        if (isIP(canonical) === 4) expect(canonicalAddress(`::ffff:${canonical}`)).toBe(canonical);
      }),
    );
  });

  test('of anything else is an address or none', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'0123456789abcdef:.[]%') })), (text) => {
        const canonical = canonicalAddress(text);
        expect(canonical === null || isIP(canonical) > 0).toBe(true);
      }),
    );
  });
});

test('a client that has no address is its peer', () => {
  const of = (ip: string | undefined, remoteAddress?: string) =>
    clientAddress({ ip, raw: { socket: { remoteAddress } } });
  expect(of('203.0.113.9', '10.0.0.1')).toBe('203.0.113.9');
  expect(of('garbage', '::ffff:10.0.0.1')).toBe('10.0.0.1');
  expect(of(undefined, '10.0.0.1')).toBe('10.0.0.1');
  expect(of(undefined)).toBe('');
});

test('a hop count trusts the nearest hops, a list and nobody stay what they are', () => {
  const trust = trustedProxies(2);
  expect(typeof trust === 'function' && [0, 1, 2, 3].map((hop) => trust('10.0.0.1', hop))).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect([trustedProxies(['10.0.0.0/8']), trustedProxies(false)]).toEqual([['10.0.0.0/8'], false]);
});
