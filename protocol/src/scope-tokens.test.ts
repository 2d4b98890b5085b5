import fc from 'fast-check';
import { expect, test } from 'vitest';
import vectors from '../vectors/scopes.json' with { type: 'json' };
import { isScopeToken, parseScopeString } from './scope-tokens.ts';

test.each(vectors.strings)('"$text"', ({ text, tokens }) => {
  expect(parseScopeString(text)).toEqual(tokens);
});

test('a scope-token is any of 93 visible ASCII characters', () => {
  const allowed = Array.from({ length: 0x200 }, (_, code) => String.fromCharCode(code)).filter(isScopeToken);
  expect(allowed).toHaveLength(0x7e - 0x21 + 1 - 2);
  for (const letter of ['', ' ', '"', '\\', '\x7f', '\n', 'é']) expect(isScopeToken(letter)).toBe(false);
});

test('joined tokens parse back without repetitions', () => {
  const token = fc.string({ minLength: 1 }).filter(isScopeToken);
  fc.assert(
    fc.property(fc.array(token, { minLength: 1 }), (tokens) => {
      expect(parseScopeString(tokens.join(' '))).toEqual([...new Set(tokens)]);
    }),
  );
});
