import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NumberLine, type NumberRange } from './number-line.ts';

const numbersIn = (ranges: readonly NumberRange[]) =>
  ranges.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, index) => from + index));

describe('the number line', () => {
  test('takes each number once, in whatever order they come, and knows which are missing', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 120 }), { minLength: 1, maxLength: 100 }),
        fc.array(fc.integer({ min: 1, max: 120 }), { maxLength: 20 }),
        (order, again) => {
          const line = new NumberLine();
          const taken = new Set<number>();
          for (const seq of [...order, ...again]) {
            expect(line.take(seq, 0)).toBe(!taken.has(seq));
            taken.add(seq);
            const missing = Array.from({ length: line.highest }, (_, index) => index + 1).filter((n) => !taken.has(n));
            expect(line.highest).toBe(Math.max(...taken));
            expect(numbersIn(line.openGaps(0))).toEqual(missing);
          }
        },
      ),
    );
  });

  test('keeps few ranges however many gaps there are, and loses none of them', () => {
    const line = new NumberLine();
    for (let seq = 2; seq <= 400; seq += 2) line.take(seq, 0);
    const ranges = line.openGaps(0);
    expect(ranges.length).toBeLessThanOrEqual(64);
    expect(numbersIn(ranges)).toEqual(expect.arrayContaining(Array.from({ length: 200 }, (_, index) => 2 * index + 1)));
    for (let seq = 1; seq < 400; seq += 2) expect([seq, line.take(seq, 0)]).toEqual([seq, true]);
    expect(line.openGaps(0)).toEqual([]);
  });

  test('gives a missing number up ten seconds after it was first missed', () => {
    const line = new NumberLine();
    line.take(3, 1000);
    line.take(5, 2000);
    expect(numbersIn(line.openGaps(11_000))).toEqual([1, 2, 4]);
    expect(numbersIn(line.openGaps(11_001))).toEqual([4]);
    expect(line.take(1, 11_001)).toBe(false);
    expect(line.take(4, 12_000)).toBe(true);
    expect(line.openGaps(12_001)).toEqual([]);
    expect(line.givenUp).toBe(1);
  });

  test('begins behind what is there, with what may still come below it', () => {
    const line = new NumberLine();
    line.begin([10, 9, 7, 3], 5, 0);
    expect(line.highest).toBe(10);
    expect(numbersIn(line.openGaps(0))).toEqual([5, 6, 8]);
    expect([line.take(7, 0), line.take(6, 0), line.take(11, 0), line.take(4, 0)]).toEqual([false, true, true, false]);
  });

  test('begins at nothing', () => {
    const line = new NumberLine();
    line.begin([], 5, 0);
    expect([line.highest, line.openGaps(0), line.take(1, 0)]).toEqual([0, [], true]);
  });
});
