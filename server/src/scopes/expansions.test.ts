import { buildScopeCatalogue, DEFAULT_SCOPES } from '@latchkey/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keepingExpansions } from './expansions.ts';

const plain = buildScopeCatalogue(DEFAULT_SCOPES);
const kept = keepingExpansions(plain);
const names = fc.array(fc.oneof(fc.constantFrom(...plain.names()), fc.string()), { maxLength: 6 });

test('answers what the catalogue answers, the first time and again', () => {
  fc.assert(
    fc.property(names, names, (some, others) => {
      for (let time = 0; time < 2; time += 1) {
        expect(kept.expand(some)).toEqual(plain.expand(some));
        expect(kept.expand(kept.expand(some))).toEqual(plain.expand(some));
        expect(kept.beyond(others, kept.expand(some))).toEqual(plain.beyond(others, plain.expand(some)));
        expect(kept.beyond(others, new Set(some))).toEqual(plain.beyond(others, new Set(some)));
      }
    }),
  );
});

test('a list is worked out once, and what only looks like it is another list', () => {
  const held = kept.expand(['read', 'write']);
  expect(kept.expand(['read', 'write'])).toBe(held);
  expect(kept.expand(held)).toBe(held);
  for (const name of ['read write', 'read,write', 'read","write']) expect(kept.expand([name]).size, name).toBe(0);
});

test('keeps no more than so many lists, and no long one', () => {
  const first = kept.expand(['delete']);
  for (let index = 0; index < 1100; index += 1) kept.expand([`unknown_${index}`]);
  expect(kept.expand(['delete'])).toEqual(first);
  expect(kept.expand(['delete'])).not.toBe(first);
  const long = ['read', 'x'.repeat(2000)];
  expect(kept.expand(long)).toEqual(plain.expand(['read']));
  expect(kept.expand(long)).not.toBe(kept.expand(long));
});
