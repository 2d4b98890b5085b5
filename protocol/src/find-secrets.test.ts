import fc from 'fast-check';
import { expect, test } from 'vitest';
import vectors from '../vectors/find-secrets.json' with { type: 'json' };
import { LONGEST_SECRET, SECRET_MARK, secretAt } from './find-secrets.ts';
import { mintSecret, SECRET_PREFIXES, type SecretKind } from './key-text.ts';

const KINDS = Object.keys(SECRET_PREFIXES) as SecretKind[];
const randomBytes = (count: number) => crypto.getRandomValues(new Uint8Array(count));

function finds(text: string) {
  return Array.from(text, (_, at) => ({ at, kind: secretAt(text, at)?.kind })).filter(({ kind }) => kind !== undefined);
}

test.each(vectors.texts)('$text', ({ text, finds: expected }) => {
  expect(finds(text)).toEqual(expected);
});

test('every prefix has the mark second, and no secret is longer than the longest', () => {
  for (const kind of KINDS) {
    const text = mintSecret(kind, randomBytes);
    expect(text.indexOf(SECRET_MARK)).toBe(1);
    expect(text.length).toBeLessThanOrEqual(LONGEST_SECRET);
    expect(secretAt(text, 0)).toEqual({ kind, text });
  }
});

test('a secret is found whatever stands around it, and nothing else is', () => {
  const noise = fc.string({ unit: fc.constantFrom(...'sklr_testliv09AZaz%"\\\n \0é'), maxLength: 80 });
  fc.assert(
    fc.property(noise, fc.constantFrom(...KINDS), noise, (before, kind, after) => {
      const secret = mintSecret(kind, randomBytes);
      expect(finds(before + secret + after)).toEqual([{ at: before.length, kind }]);
    }),
  );
});
