import fc from 'fast-check';
import { expect, test } from 'vitest';
import { returnTo } from './return-to.ts';

test.each([
  '//evil.example',
  '/\\evil.example',
  '\\\\evil.example',
  '/%09/evil.example',
  '/\t/evil.example',
  '/%5cevil.example',
  '/%2fevil.example',
  '/.//evil.example',
  '/a/..//evil.example',
  '/%2e//evil.example',
  'https:evil.example',
  'https://evil.example',
  'javascript:alert(1)',
  'evil.example',
  ' /account',
  '/a b',
  '/a\r\nSet-Cookie: x',
  '/%',
  '',
  null,
  `/${'a'.repeat(2000)}`,
])('%j is not followed', (text) => {
  expect(returnTo(text, '/account')).toBe('/account');
});

test.each(['/', '/account', '/oauth/authorize?client_id=a&redirect_uri=https%3A%2F%2Fb%2Fc&state=%26%25', '/a/b#c'])(
  '%j is a path of this server',
  (text) => {
    expect(returnTo(text, '/fallback')).toBe(text);
  },
);

test('whatever is followed stays on this server', () => {
  const piece = fc.constantFrom(
    '/',
    '\\',
    '%2f',
    '%5C',
    '%09',
    '\t',
    '.',
    '..',
    'evil.example',
    '@',
    ':',
    '?',
    '#',
    'a',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const target = returnTo(pieces.join(''), '/account');
      expect(new URL(target, 'https://auth.example.com/sign-in').origin).toBe('https://auth.example.com');
    }),
  );
});
