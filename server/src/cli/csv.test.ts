import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csvLine } from './csv.ts';

test.each([
  ['=1+1', "'=1+1"],
  ['+1', "'+1"],
  ['-1', "'-1"],
  ['@x', "'@x"],
  ['\tx', '"\'\tx"'],
  ['\r=x', '"\'\r=x"'],
  ['  =x', "'  =x"],
  ['\uFEFF=x', "'\uFEFF=x"],
  ['\uFF1Dx', "'\uFF1Dx"],
  ['a=b', 'a=b'],
  ['"', '""""'],
  ['', ''],
])('%j becomes %j', (cell, written) => {
  expect(csvLine([cell, 1, null, true])).toBe(`${written},1,,true\r\n`);
});

test('any cells come back as they were, but for the apostrophe, and none is a formula', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 2, maxLength: 5 }), (cells) => {
      const line = csvLine(['id', ...cells]);
      const [[, ...read] = []] = parse(line, { record_delimiter: '\r\n' }) as string[][];
      expect(read.map((cell, at) => (cell === `'${cells[at]}` ? cells[at] : cell))).toEqual(cells);
      for (const cell of read) expect(cell.trimStart()).not.toMatch(/^[=+\-@]/);
    }),
  );
});
