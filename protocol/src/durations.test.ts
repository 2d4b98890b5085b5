import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import vectors from '../vectors/durations.json' with { type: 'json' };
import { DURATION_PATTERN, formatDuration, parseDurationMs } from './durations.ts';

describe('vectors', () => {
  test.each(vectors.valid)('$text is $ms ms', ({ text, ms, formatted }) => {
    expect(parseDurationMs(text)).toBe(ms);
    expect(formatDuration(ms)).toBe(formatted);
    expect(text).toMatch(new RegExp(DURATION_PATTERN, 'u'));
  });

  test.each(vectors.zero)('$text counts only where zero is allowed', ({ text }) => {
    expect(parseDurationMs(text)).toBeNull();
    expect(parseDurationMs(text, { allowZero: false })).toBeNull();
    expect(parseDurationMs(text, { allowZero: true })).toBe(0);
  });

  test.each(vectors.invalid)('"$text" is no duration', ({ text }) => {
    expect(parseDurationMs(text, { allowZero: true })).toBeNull();
  });
});

test('what is formatted parses back, in at most as many characters as seconds take', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 36_525 * 86_400 }), (seconds) => {
      const text = formatDuration(seconds * 1000);
      expect(parseDurationMs(text)).toBe(seconds * 1000);
      expect(text.length).toBeLessThanOrEqual(`${seconds}s`.length);
    }),
  );
});

test('what parses, formats and parses to the same', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[0-9]{1,6}[smhd]$/), (text) => {
      const ms = parseDurationMs(text, { allowZero: true });
      if (ms !== null) expect(parseDurationMs(formatDuration(ms), { allowZero: true })).toBe(ms);
    }),
  );
});

test('formatDuration refuses what no duration can say', () => {
  expect(formatDuration(0)).toBe('0s');
  for (const ms of [-1000, 1, 1500, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => formatDuration(ms)).toThrow(RangeError);
  }
});
