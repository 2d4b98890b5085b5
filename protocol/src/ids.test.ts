import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import vectors from '../vectors/ids.json' with { type: 'json' };
import { ID_PREFIXES, type IdKind, idPattern, idTimeMs, isId, makeId } from './ids.ts';

const KINDS = Object.keys(ID_PREFIXES) as IdKind[];
const LATEST_MS = 62 ** 8 - 1;

const randomBytes = (count: number) => crypto.getRandomValues(new Uint8Array(count));
const kinds = fc.constantFrom(...KINDS);
const times = fc.integer({ min: 0, max: LATEST_MS });

describe('vectors', () => {
  test('name the prefixes', () => {
    expect(vectors.prefixes).toEqual(ID_PREFIXES);
  });

  test.each(vectors.valid)('$id is $kind', ({ kind, id, time_ms }) => {
    expect(KINDS.filter((each) => isId(each, id))).toEqual([kind]);
    expect(id).toMatch(new RegExp(idPattern(kind as IdKind), 'u'));
    expect(idTimeMs(id)).toBe(time_ms);
    expect(makeId(kind as IdKind, time_ms, randomBytes).slice(0, -16)).toBe(id.slice(0, -16));
  });

  test.each(vectors.invalid)('$id is not $kind: $why', ({ kind, id }) => {
    expect(isId(kind as IdKind, id)).toBe(false);
    expect(id).not.toMatch(new RegExp(idPattern(kind as IdKind), 'u'));
  });
});

test('ids read back their kind and time', () => {
  fc.assert(
    fc.property(kinds, times, (kind, nowMs) => {
      const id = makeId(kind, nowMs, randomBytes);
      expect(isId(kind, id)).toBe(true);
      expect(idTimeMs(id)).toBe(nowMs);
    }),
  );
});

test('ids of one kind sort by time', () => {
  fc.assert(
    fc.property(kinds, fc.uniqueArray(times), (kind, instants) => {
      const sorted = instants.map((nowMs) => makeId(kind, nowMs, randomBytes)).sort();
      expect(sorted.map(idTimeMs)).toEqual(instants.toSorted((left, right) => left - right));
    }),
  );
});

test('isId and the pattern agree', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^(ws|usr|key|x)_[0-9A-Za-z]{23,25}\n?$/));
  fc.assert(
    fc.property(kinds, text, (kind, id) => {
      expect(isId(kind, id)).toBe(new RegExp(idPattern(kind)).test(id));
    }),
  );
});

test('makeId refuses a time that does not fit, idTimeMs a text that is no id', () => {
  for (const nowMs of [-1, 0.5, Number.NaN, LATEST_MS + 1]) {
    expect(() => makeId('user', nowMs, randomBytes)).toThrow(RangeError);
  }
  for (const id of ['', 'ws_', `xx_${'0'.repeat(24)}`, `ws_${'0'.repeat(1_000_000)}`]) {
    expect(() => idTimeMs(id)).toThrow(RangeError);
  }
});
