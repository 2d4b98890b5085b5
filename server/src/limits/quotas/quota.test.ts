import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blockSize, MAX_BLOCK, periodAt, QUOTA_PERIODS } from './quota.ts';

const anyTime = fc.integer({ min: 0, max: Date.UTC(2200, 0, 1) });
const iso = (period: 'hour' | 'day' | 'month', time: string) => {
  const { startMs, endMs } = periodAt(period, Date.parse(time));
  return [startMs, endMs ?? Number.NaN].map((ms) => new Date(ms).toISOString());
};

describe('calendar periods in UTC', () => {
  test.each([
    ['hour', '2028-02-29T23:59:59.999Z', '2028-02-29T23:00:00.000Z', '2028-03-01T00:00:00.000Z'],
    ['day', '2028-02-29T23:59:59.999Z', '2028-02-29T00:00:00.000Z', '2028-03-01T00:00:00.000Z'],
    ['month', '2028-02-29T23:59:59.999Z', '2028-02-01T00:00:00.000Z', '2028-03-01T00:00:00.000Z'],
    ['month', '2027-12-31T00:00:00.000Z', '2027-12-01T00:00:00.000Z', '2028-01-01T00:00:00.000Z'],
    ['month', '2028-01-01T00:00:00.000Z', '2028-01-01T00:00:00.000Z', '2028-02-01T00:00:00.000Z'],
  ] as const)('the %s of %s', (period, time, start, end) => {
    expect(iso(period, time)).toEqual([start, end]);
  });

  test('follow on each other without gap or overlap', () => {
    fc.assert(
      fc.property(anyTime, fc.constantFrom(...QUOTA_PERIODS), (timeMs, period) => {
        const { startMs, endMs } = periodAt(period, timeMs);
        if (endMs === null) {
          expect([period, startMs]).toEqual(['total', 0]);
          return;
        }
        expect(startMs <= timeMs && timeMs < endMs).toBe(true);
        expect(periodAt(period, endMs - 1).startMs).toBe(startMs);
        expect(periodAt(period, endMs).startMs).toBe(endMs);
      }),
    );
  });
});

test('a block is enough for the first that waits, never more than remains, and small towards the end', () => {
  fc.assert(
    fc.property(fc.nat(100_000), fc.nat(5000), fc.nat(5000), (remaining, need, more) => {
      fc.pre(need > 0 && need <= remaining);
      const wanted = need + more;
      const block = blockSize({ need, wanted, remaining });
      expect(block).toBeGreaterThanOrEqual(need);
      expect(block).toBeLessThanOrEqual(remaining);
      expect(block).toBeLessThanOrEqual(Math.max(need, MAX_BLOCK));
      expect(block).toBeLessThanOrEqual(Math.max(need, wanted + remaining / 50));
    }),
  );
  expect(blockSize({ need: 1, wanted: 1, remaining: 49 })).toBe(1);
  expect(blockSize({ need: 1, wanted: 1, remaining: 1_000_000 })).toBe(MAX_BLOCK);
});
