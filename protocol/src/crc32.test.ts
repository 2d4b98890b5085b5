import { expect, test } from 'vitest';
import vectors from '../vectors/crc32.json' with { type: 'json' };
import { encodeBase62 } from './base62.ts';
import { crc32 } from './crc32.ts';

test.each(vectors.cases)('crc32 of "$text"', ({ text, crc32: expected, base62 }) => {
  expect(crc32(text)).toBe(expected);
  expect(encodeBase62(crc32(text), 6)).toBe(base62);
});
