import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createCounter, createHistogram } from './series.ts';

/** Reads the text form back: the value of each series by its name and labels as written. */
function read(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

describe('a counter', () => {
  test('counts each combination of labels apart', () => {
    const counter = createCounter('seen_total', 'What was seen.', ['kind', 'code']);
    counter.add('a', 'x');
    counter.add('a', 'x');
    counter.add('a', 'y');
    counter.add('x', 'a');
    expect(read(counter.expose())).toEqual(
      new Map([
        ['seen_total{kind="a",code="x"}', 2],
        ['seen_total{kind="a",code="y"}', 1],
        ['seen_total{kind="x",code="a"}', 1],
      ]),
    );
  });

  test('is announced before it counted anything', () => {
    expect(createCounter('seen_total', 'What was seen.', ['kind']).expose()).toBe(
      '# HELP seen_total What was seen.\n# TYPE seen_total counter\n',
    );
  });

  test('needs no labels', () => {
    const counter = createCounter('seen_total', 'What was seen.', []);
    counter.add('');
    expect(read(counter.expose()).get('seen_total')).toBe(1);
  });

  test('keeps any label on its own line and inside its quotes', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: 'binary' }), { minLength: 1 }), (labels) => {
        const counter = createCounter('seen_total', 'What was seen.', ['kind']);
        for (const label of labels) counter.add(label);
        const [, , ...lines] = counter.expose().split('\n');
        expect(lines.pop()).toBe('');
        expect(lines).toHaveLength(labels.length);
        for (const line of lines) expect(line).toMatch(/^seen_total\{kind="(?:[^"\\\n]|\\["\\n])*"\} 1$/u);
        expect(new Set(lines).size).toBe(labels.length);
      }),
    );
  });
});

describe('a histogram', () => {
  const BOUNDS = [0.1, 1, 10];

  test('puts a value on a bound into the bucket of that bound', () => {
    const histogram = createHistogram('wait_seconds', 'How long.', ['route'], BOUNDS);
    for (const seconds of [0, 0.1, 0.11, 10, 11]) histogram.observe(seconds, '/x');
    const values = read(histogram.expose());
    const bucket = (bound: string) => values.get(`wait_seconds_bucket{route="/x",le="${bound}"}`);
    expect([bucket('0.1'), bucket('1'), bucket('10'), bucket('+Inf')]).toEqual([2, 3, 4, 5]);
  });

  test('counts every value once, each bucket holding those below it', () => {
    const values = fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(values, (seconds) => {
        const histogram = createHistogram('wait_seconds', 'How long.', [], BOUNDS);
        for (const each of seconds) histogram.observe(each, '');
        const shown = read(histogram.expose());
        for (const bound of BOUNDS) {
          const expected = seconds.filter((each) => each <= bound).length;
          expect(shown.get(`wait_seconds_bucket{le="${bound}"}`)).toBe(expected);
        }
        expect(shown.get('wait_seconds_bucket{le="+Inf"}')).toBe(seconds.length);
        expect(shown.get('wait_seconds_count')).toBe(seconds.length);
        const sum = seconds.reduce((total, each) => total + each, 0);
        expect(shown.get('wait_seconds_sum')).toBeCloseTo(sum, 6);
      }),
    );
  });
});
