import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBase62, encodeBase62, randomBase62 } from './base62.ts';

describe('encodeBase62', () => {
  test('writes the most significant digit first and pads with zeros', () => {
    expect(encodeBase62(0, 3)).toBe('000');
    expect(encodeBase62(61, 1)).toBe('z');
    expect(encodeBase62(62, 3)).toBe('010');
    expect(encodeBase62(2n ** 64n, 11)).toBe('LygHa16AHYG');
  });

  test('refuses what does not fit, what is negative and what is not whole', () => {
    for (const value of [62, 62n, -1, -1n, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      expect(() => encodeBase62(value, 1)).toThrow(RangeError);
    }
  });

  test('is undone by decodeBase62', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(decodeBase62(encodeBase62(value, 10))).toBe(value);
        expect(encodeBase62(BigInt(value), 10)).toBe(encodeBase62(value, 10));
      }),
    );
  });

  test('keeps the order of values of any size', () => {
    const big = fc.bigInt({ min: 0n, max: 2n ** 128n });
    fc.assert(
      fc.property(big, big, (left, right) => {
        expect(encodeBase62(left, 22) < encodeBase62(right, 22)).toBe(left < right);
      }),
    );
  });
});

test('decodeBase62 refuses other letters and too large values', () => {
  for (const text of ['-', 'a b', 'é', 'z'.repeat(10)]) expect(() => decodeBase62(text)).toThrow(RangeError);
});

describe('randomBase62', () => {
  test('gives every letter for exactly four byte values, and rejects the other eight', () => {
    const counts = new Map<string, number>();
    for (let byte = 0; byte < 256; byte++) {
      let first = true;
      const letter = randomBase62(1, (count) => {
        const bytes = new Uint8Array(count).fill(first ? byte : 61);
        first = false;
        return bytes;
      });
      counts.set(letter, (counts.get(letter) ?? 0) + 1);
    }
    expect(counts.size).toBe(62);
    expect(counts.get('z')).toBe(4 + 8);
    counts.delete('z');
    expect(new Set(counts.values())).toEqual(new Set([4]));
  });

  test('asks again until it has enough', () => {
    let calls = 0;
    const text = randomBase62(40, (count) => new Uint8Array(count).map((_, index) => (index % 2 ? 255 : ++calls % 62)));
    expect(text).toMatch(/^[0-9A-Za-z]{40}$/);
  });

  test('refuses a source that gives too little', () => {
    expect(() => randomBase62(4, () => new Uint8Array(0))).toThrow(RangeError);
  });
});
