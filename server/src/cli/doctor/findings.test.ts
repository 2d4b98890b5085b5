import { describe, expect, test } from 'vitest';
import { clockFindings } from './clocks.ts';
import { sizeText } from './storage.ts';

describe('another clock', () => {
  const [asked, answered] = [1_000_000, 1_000_400];

  test.each([
    ['between the asking and the answer', 1_000_200],
    ['a second before', 999_000],
    ['a second after', 1_001_400],
  ])('%s agrees', (_, theirs) => {
    expect(clockFindings('Redis', theirs, asked, answered)).toEqual([
      { area: 'clock', level: 'ok', what: 'agrees with that of Redis' },
    ]);
  });

  test.each([
    [998_999, 'this machine is 1.0 s ahead of Redis'],
    [1_001_401, 'this machine is 1.0 s behind Redis'],
    [4_600_400, 'this machine is 3600.0 s behind Redis'],
  ])('that shows %i is a warning', (theirs, what) => {
    const [finding] = clockFindings('Redis', theirs, asked, answered);
    expect(finding).toMatchObject({ level: 'warning', what, cure: expect.stringContaining('NTP') });
  });
});

test.each([
  [0, '0 bytes'],
  [1023, '1023 bytes'],
  [1024, '1.0 KiB'],
  [1_572_864, '1.5 MiB'],
  [2 ** 60, '1048576.0 TiB'],
])('%i bytes are %s', (bytes, text) => {
  expect(sizeText(bytes)).toBe(text);
});
