import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createStyle, jsonText, plainJson, plainText, wantsColors, widthOf } from './style.ts';
import { nearest } from './suggest.ts';
import { fieldsText, tableText } from './table.ts';
import { readTimeMs } from './times.ts';

const plain = createStyle(false);

describe('a table', () => {
  const rows = [
    { name: 'a', note: null },
    { name: '日本', note: 'x' },
    { name: 'e\u0301\u001b[1m', note: 'two\nlines' },
  ];
  const columns = [
    { title: 'NAME', value: ({ name }: (typeof rows)[number]) => name },
    { title: 'NOTE', value: ({ note }: (typeof rows)[number]) => note },
  ];

  test('is aligned by what a terminal shows, a line a row', () => {
    const lines = ['NAME        NOTE', 'a           -', '日本        x', 'e\u0301\\u{1b}[1m  two\\u{a}lines', ''];
    expect(tableText(columns, rows, plain)).toBe(lines.join('\n'));
  });

  test('fits a terminal: the longest cells are cut, the first column and whole ones never', () => {
    const long = [{ id: 'key_00000000GBnPxAwKp9pTiwPC', name: 'n'.repeat(40), note: 'w'.repeat(30) }];
    const wide = [
      { title: 'ID', value: ({ id }: (typeof long)[number]) => id },
      { title: 'NAME', value: ({ name }: (typeof long)[number]) => name },
      { title: 'NOTE', value: ({ note }: (typeof long)[number]) => note },
    ];
    const [, line = ''] = tableText(wide, long, plain, 72).split('\n');
    expect(line).toBe(`key_00000000GBnPxAwKp9pTiwPC  ${'n'.repeat(19)}…  ${'w'.repeat(19)}…`);
    expect(tableText(wide, long, plain).split('\n')[1]).toContain('w'.repeat(30));
    const [, kept = ''] = tableText(
      wide.map((column, at) => (at === 2 ? { ...column, isWhole: true as const } : column)),
      long,
      plain,
      72,
    ).split('\n');
    expect(kept).toBe(`key_00000000GBnPxAwKp9pTiwPC  ${'n'.repeat(9)}…  ${'w'.repeat(30)}`);
    for (const width of [10, 40]) expect(tableText(wide, long, plain, width)).toContain(`  ${'n'.repeat(7)}…  `);
  });

  test('takes the same room with colors', () => {
    const colored = tableText(columns, rows, createStyle(true));
    expect(colored).toContain('\u001b[');
    expect(colored.split('\n').map(widthOf)).toEqual(tableText(columns, rows, plain).split('\n').map(widthOf));
  });

  test('and fields', () => {
    expect(
      fieldsText(
        [
          ['id', 1],
          ['long name', null],
        ],
        plain,
      ),
    ).toBe('id         1\nlong name  -\n');
  });
});

test('text from elsewhere stays on its line, whatever it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come through
      expect(plainText(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
    }),
  );
  const fine = 'Zoë 日本 👩‍👩‍👧 نمی‌خواهم';
  expect(plainText(fine)).toBe(fine);
});

test('colors are for terminals, and not for those who do not want them', () => {
  expect(wantsColors({ isTTY: true }, {})).toBe(true);
  expect(wantsColors({ isTTY: false }, { FORCE_COLOR: '1' })).toBe(false);
  expect(wantsColors({ isTTY: true }, { NO_COLOR: '1' })).toBe(false);
  expect(wantsColors({ isTTY: true }, { NO_COLOR: '' })).toBe(true);
});

test('what was meant is what is near', () => {
  const known = ['keys', 'keys create', 'workspaces', 'audit'];
  expect(nearest('kyes', known)).toBe('keys');
  expect(nearest('audti', known)).toBe('audit');
  expect(nearest('keys craete', known)).toBe('keys create');
  expect(nearest('zzz', known)).toBeUndefined();
  expect(nearest('x'.repeat(100_000), known)).toBeUndefined();
});

test('times are RFC 3339, days, or durations before now', () => {
  const clock = { nowMs: () => Date.UTC(2030, 0, 10) };
  const read = (text: string) => readTimeMs('since', text, clock, 'x');
  expect(read('2030-01-02T03:04:05Z')).toBe(Date.UTC(2030, 0, 2, 3, 4, 5));
  expect(read('2030-01-02')).toBe(Date.UTC(2030, 0, 2));
  expect(read('24h')).toBe(Date.UTC(2030, 0, 9));
  for (const text of ['2030-02-30', 'now', '', '24', '-1h']) expect(() => read(text)).toThrow('--since is a time');
});

test('JSON for a terminal says the same, and moves no cursor', () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: 'binary' }), (text) => {
      expect(JSON.parse(plainJson(text))).toEqual(JSON.parse(text));
      expect(plainJson(text)).not.toMatch(/[\p{Cc}\u202e]/u);
    }),
  );
  expect(jsonText({ name: '\u001b[2J\u009b2J\u202e🙂' })).toBe('{"name":"\\u001b[2J\\u009b2J\\u202e🙂"}');
  expect(plainJson('{\n\t"not": json \u001b[2J}')).toBe('{\n\t"not": json \\u001b[2J}');
});
