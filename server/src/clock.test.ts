import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTimestampMs, systemClock, toTimestamp } from './clock.ts';

const START_MS = Date.UTC(2030, 0, 1);

describe('times in bodies', () => {
  test('are RFC 3339 in UTC; null stays null', () => {
    expect(toTimestamp(0)).toBe('1970-01-01T00:00:00.000Z');
    expect(toTimestamp(Date.UTC(2030, 11, 31, 23, 59, 59, 7))).toBe('2030-12-31T23:59:59.007Z');
    expect(toTimestamp(null)).toBeNull();
  });

  test('are what a Date says of any time, of the same day as the one before or not', () => {
    const times = fc.oneof(
      fc.integer({ min: -(2 ** 50), max: 2 ** 50 }),
      fc.integer({ min: START_MS, max: START_MS + 2 * 86_400_000 }),
      fc.double({ min: -1e13, max: 1e13, noNaN: true }),
    );
    fc.assert(fc.property(times, (timeMs) => toTimestamp(timeMs) === new Date(timeMs).toISOString()));
    expect(() => toTimestamp(Number.NaN)).toThrow(RangeError);
  });

  test('are read back as they were written', () => {
    const times = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31, 23, 59, 59, 999) });
    fc.assert(fc.property(times, (timeMs) => parseTimestampMs(toTimestamp(timeMs)) === timeMs));
  });

  test.each([
    ['2030-01-31T12:00:00Z', Date.UTC(2030, 0, 31, 12)],
    ['2030-01-31t12:00:00z', Date.UTC(2030, 0, 31, 12)],
    ['2030-01-31T12:00:00.5Z', Date.UTC(2030, 0, 31, 12, 0, 0, 500)],
    ['2030-01-31T12:00:00.123456789Z', Date.UTC(2030, 0, 31, 12, 0, 0, 123)],
    ['2030-01-31T12:00:00+02:00', Date.UTC(2030, 0, 31, 10)],
    ['2030-01-31T12:00:00-11:30', Date.UTC(2030, 0, 31, 23, 30)],
    ['2028-02-29T00:00:00Z', Date.UTC(2028, 1, 29)],
    ['2000-02-29T00:00:00Z', Date.UTC(2000, 1, 29)],
  ])('%s is a time', (text, timeMs) => {
    expect(parseTimestampMs(text)).toBe(timeMs);
  });

  test.each([
    '',
    '2030-01-31',
    '2030-01-31 12:00:00Z',
    '2030-01-31T12:00:00',
    '2030-01-31T12:00Z',
    '2030-02-29T00:00:00Z',
    '2100-02-29T00:00:00Z',
    '2030-04-31T00:00:00Z',
    '2030-00-10T00:00:00Z',
    '2030-13-10T00:00:00Z',
    '2030-01-00T00:00:00Z',
    '2030-01-32T00:00:00Z',
    '2030-01-31T24:00:00Z',
    '2030-01-31T12:60:00Z',
    '2030-01-31T12:00:61Z',
    '2030-01-31T12:00:00.Z',
    '2030-01-31T12:00:00.1234567890Z',
    '2030-01-31T12:00:00+2:00',
    '2030-01-31T12:00:00+24:00',
    '20300-01-31T12:00:00Z',
    '+002030-01-31T12:00:00Z',
    ' 2030-01-31T12:00:00Z',
    '2030-01-31T12:00:00Z\n',
    '1893456000',
    'tomorrow',
  ])('%j is none', (text) => {
    expect(parseTimestampMs(text)).toBeNull();
  });

  test('whatever is read is a time that can be shown', () => {
    const digits = (length: number) => fc.stringMatching(new RegExp(`^\\d{${length}}$`));
    const shapes = fc.tuple(digits(4), digits(2), digits(2), digits(2), digits(2), digits(2));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          shapes.map(([y, mo, d, h, mi, s]) => `${y}-${mo}-${d}T${h}:${mi}:${s}Z`),
        ),
        (text) => {
          const timeMs = parseTimestampMs(text);
          if (timeMs !== null) expect(toTimestamp(timeMs).slice(0, 19)).toBe(text.slice(0, 19));
        },
      ),
    );
  });
});

test('the system clock tells whole milliseconds of this century', () => {
  const nowMs = systemClock.nowMs();
  expect(Number.isInteger(nowMs)).toBe(true);
  expect(new Date(nowMs).getUTCFullYear()).toBeGreaterThan(2000);
});
