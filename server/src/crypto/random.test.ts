import { expect, test } from 'vitest';
import { pooledRandom } from './random.ts';

test('gives as many bytes as asked for, also more than its pool holds', () => {
  const randomBytes = pooledRandom();
  for (const count of [0, 1, 16, 8191, 8192, 8193, 100_000]) expect(randomBytes(count)).toHaveLength(count);
});

test('never gives the same bytes twice, also where one pool ends and the next begins', () => {
  const randomBytes = pooledRandom();
  const seen = new Set(Array.from({ length: 5000 }, () => Buffer.from(randomBytes(15)).toString('hex')));
  expect(seen.size).toBe(5000);
  expect([...seen]).not.toContain('00'.repeat(15));
});

test('gives bytes away: what a caller does to them changes no others', () => {
  const randomBytes = pooledRandom();
  const first = randomBytes(32);
  first.fill(7);
  expect(randomBytes(32)).not.toEqual(first);
  expect(new Uint8Array(first.buffer)).toHaveLength(32);
});
