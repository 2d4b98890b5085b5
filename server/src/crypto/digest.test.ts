import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  deriveKey,
  digestsEqual,
  hexOfLetters,
  hmacText,
  macKey,
  secretsEqual,
  sha256Hex,
  sha256Letters,
} from './digest.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('digests', () => {
  test('SHA-256 of NIST FIPS 180-2, and of UTF-8', () => {
    expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(sha256Hex('')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    expect(sha256Hex('é')).toBe('4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c');
  });

  test('are equal when they are the same, and are not when one is shorter', () => {
    const [a, b] = [sha256Hex('a'), sha256Hex('b')];
    expect(digestsEqual(a, sha256Hex('a'))).toBe(true);
    for (const other of [b, '', a.slice(1), `${a}0`, a.toUpperCase()])
      expect(digestsEqual(a, other), other).toBe(false);
  });

  test('HMAC is the same under a key and under its bytes', () => {
    const bytes = new Uint8Array(32).fill(7);
    expect(hmacText(macKey(bytes), 'text')).toBe(hmacText(bytes, 'text'));
    expect(hmacText(macKey(bytes.fill(8)), 'text')).not.toBe(hmacText(new Uint8Array(32).fill(7), 'text'));
  });

  test('SHA-256 in letters is the same digest', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => hexOfLetters(sha256Letters(text)) === sha256Hex(text)),
    );
    expect(sha256Letters('abc')).toHaveLength(32);
  });

  test('HMAC-SHA-256 of RFC 4231, case 2', () => {
    const expected = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
    const text = hmacText(new TextEncoder().encode('Jefe'), 'what do ya want for nothing?');
    expect(hex(Buffer.from(text, 'base64url'))).toBe(expected);
    expect(text).toMatch(/^[\w-]{43}$/);
  });

  test('HKDF-SHA-256 of RFC 5869, case 3: the first 32 bytes', () => {
    const expected = '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d';
    expect(hex(deriveKey(new Uint8Array(22).fill(0x0b), '', ''))).toBe(expected);
  });

  test('keys for different purposes, salts and secrets have nothing in common', () => {
    const keys = [
      deriveKey('secret', 'salt', 'one'),
      deriveKey('secret', 'salt', 'two'),
      deriveKey('secret', 'other', 'one'),
      deriveKey('other', 'salt', 'one'),
    ];
    expect(new Set(keys.map(hex)).size).toBe(4);
    expect(hex(deriveKey('secret', 'salt', 'one'))).toBe(hex(keys[0]!));
  });
});

test('secrets are equal exactly when their texts are, whatever their lengths', () => {
  const similar = fc
    .string()
    .chain((text) => fc.tuple(fc.constant(text), fc.constantFrom(text, `${text} `, text.slice(1))));
  fc.assert(
    fc.property(fc.oneof(similar, fc.tuple(fc.string(), fc.string())), ([a, b]) => secretsEqual(a, b) === (a === b)),
  );
});
