import { BlockList } from 'node:net';
import { mintSecret } from '@latchkey/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pooledRandom } from '../crypto/index.ts';
import { parseEncryptionKeys, parseIssuer, parseRootKeys, parseTrustProxy } from './parsers.ts';

const randomBytes = pooledRandom();
const root = () => mintSecret('root', randomBytes);
const encoded = (count = 32) => Buffer.from(randomBytes(count)).toString('base64');

/** The message with which it is refused; null when it is accepted. */
function refusal(parse: (text: string) => unknown, text: string): string | null {
  try {
    parse(text);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

describe('encryption keys', () => {
  test('are read in their order', () => {
    const [first, second] = [encoded(), encoded()];
    const keys = parseEncryptionKeys(`2030-01-01:${first}, old_key.1:${second}`);
    expect(keys.map(({ id }) => id)).toEqual(['2030-01-01', 'old_key.1']);
    expect(keys.map(({ bytes }) => Buffer.from(bytes).toString('base64'))).toEqual([first, second]);
  });

  test.each([
    ['no id', encoded(), 'number 1'],
    ['an empty id', `:${encoded()}`, 'number 1'],
    ['an id with a space', `a b:${encoded()}`, 'number 1'],
    ['31 bytes', `a:${encoded(31)}`, 'number 1'],
    ['33 bytes', `a:${encoded(33)}`, 'number 1'],
    ['hex', `a:${'0f'.repeat(32)}`, 'number 1'],
    ['base64url', `a:${'_-'.repeat(21)}_=`, 'number 1'],
    ['an empty second entry', `a:${encoded()},`, 'number 2'],
    ['zeros', `a:${'A'.repeat(43)}=`, 'not random'],
    ['one letter again and again', `a:${Buffer.alloc(32, 'x').toString('base64')}`, 'not random'],
    ['one id twice', `a:${encoded()},a:${encoded()}`, 'twice'],
  ])('with %s are refused', (_, text, why) => {
    expect(refusal(parseEncryptionKeys, text)).toContain(why);
  });
});

describe('root keys', () => {
  test('are one, or two while rotating', () => {
    const [first, second] = [root(), root()];
    expect(parseRootKeys(first)).toEqual([first]);
    expect(parseRootKeys(`${first}, ${second}`)).toEqual([first, second]);
  });

  test.each([
    ['three', [root(), root(), root()].join(',')],
    ['a trailing comma', `${root()},`],
    ['a wrong checksum', `${root().slice(0, -1)}${'-'}`],
    ['another kind of secret', mintSecret('secret_test', randomBytes)],
    ['a word', 'password'],
  ])('that are %s are refused', (_, text) => {
    expect(refusal(parseRootKeys, text)).not.toBeNull();
  });

  test('are refused when one letter is wrong', () => {
    const key = root();
    for (let at = 0; at < key.length; at += 1) {
      const wrong = `${key.slice(0, at)}${key[at] === 'a' ? 'b' : 'a'}${key.slice(at + 1)}`;
      expect([at, refusal(parseRootKeys, wrong)]).toEqual([at, 'is not an lk_root_ key with a valid checksum']);
    }
  });
});

test('a refusal never repeats the secret', () => {
  const almost = fc.constantFrom(root, () => `a:${encoded()}`).map((make) => make());
  const texts = fc.oneof(
    fc.string({ minLength: 4 }),
    fc.tuple(almost, fc.string()).map(([text, more]) => `${text},${more}x`),
  );
  fc.assert(
    fc.property(texts, fc.constantFrom(parseRootKeys, parseEncryptionKeys), (text, parse) => {
      const message = refusal(parse, text);
      for (const part of text.split(/[,:]/).filter((piece) => piece.length > 12))
        expect(message ?? '').not.toContain(part);
    }),
  );
});

describe('the issuer', () => {
  test.each(['https://auth.example.com', 'http://localhost:4000', 'https://example.com/auth/v2', 'https://[::1]:8443'])(
    '%s is one',
    (text) => expect(parseIssuer(text)).toBe(text),
  );

  test.each([
    'auth.example.com',
    '/auth',
    'ftp://example.com',
    'javascript:alert(1)',
    'https://',
    'https://example.com/',
    'https://example.com/auth/',
    'https://example.com?',
    'https://example.com?a=b',
    'https://example.com#',
    'https://example.com#top',
    'https://user@example.com',
    'https://user:password@example.com',
    'https://example.com/a b',
    'https://exa mple.com',
    'https://example.com\n',
  ])('%j is none', (text) => expect(refusal(parseIssuer, text)).not.toBeNull());

  test('can always stand in front of a path', () => {
    const urls = fc.oneof(
      fc.webUrl({ withFragments: true, withQueryParameters: true }),
      fc.string().map((text) => `https://${text}`),
    );
    fc.assert(
      fc.property(urls, (text) => {
        if (refusal(parseIssuer, text) !== null) return;
        const url = new URL(`${text}/oauth/token`);
        expect(url.pathname.endsWith('/oauth/token')).toBe(true);
        expect([url.origin, url.search, url.hash, url.username]).toEqual([new URL(text).origin, '', '', '']);
      }),
    );
  });
});

describe('trusted proxies', () => {
  test.each([
    ['1', 1],
    ['32', 32],
    ['10.0.0.0/8', ['10.0.0.0/8']],
    ['10.0.0.0/8, 192.168.1.1,::1, fd00::/8', ['10.0.0.0/8', '192.168.1.1', '::1', 'fd00::/8']],
  ])('%s', (text, expected) => expect(parseTrustProxy(text)).toEqual(expected));

  test.each([
    '0',
    '33',
    '-1',
    '1.5',
    'true',
    '*',
    'loopback',
    '10.0.0.0/33',
    '10.0.0/8',
    '::/129',
    '10.0.0.0/',
    '10.0.0.1/8/8',
    ',',
    '10.0.0.1,',
    'example.com',
  ])('%j is refused', (text) => expect(refusal(parseTrustProxy, text)).not.toBeNull());

  test('whatever is accepted can be looked up', () => {
    const pieces = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.tuple(fc.ipV4(), fc.nat(40)).map(([ip, bits]) => `${ip}/${bits}`),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(pieces, { minLength: 1, maxLength: 3 }), (list) => {
        const text = list.join(',');
        if (refusal(parseTrustProxy, text) !== null) return;
        const parsed = parseTrustProxy(text);
        if (typeof parsed === 'number') expect(parsed).toBeGreaterThan(0);
        else
          for (const cidr of parsed) {
            const [address = '', prefix = address.includes(':') ? '128' : '32'] = cidr.split('/');
            new BlockList().addSubnet(address, Number(prefix), address.includes(':') ? 'ipv6' : 'ipv4');
          }
      }),
    );
  });
});
