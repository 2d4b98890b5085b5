import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import vectors from '../vectors/key-text.json' with { type: 'json' };
import {
  containsSecret,
  mintSecret,
  readSecret,
  redactSecrets,
  SECRET_PATTERN,
  SECRET_PATTERN_SOURCE,
  SECRET_PREFIXES,
  type SecretKind,
  secretHint,
} from './key-text.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const KINDS = Object.keys(SECRET_PREFIXES) as SecretKind[];

const randomBytes = (count: number) => crypto.getRandomValues(new Uint8Array(count));
const kinds = fc.constantFrom(...KINDS);
const letters = (length: number) =>
  fc.string({ unit: fc.constantFrom(...ALPHABET), minLength: length, maxLength: length });
const minted = kinds.chain((kind) =>
  fc.uint8Array({ minLength: 64, maxLength: 64, max: 247 }).map((pool) => ({
    kind,
    text: mintSecret(kind, (count) => pool.subarray(0, count)),
  })),
);
const lookalike = fc.tuple(kinds, letters(46)).map(([kind, body]) => SECRET_PREFIXES[kind] + body);

describe('vectors', () => {
  test.each(vectors.valid)('$text is $kind', ({ kind, text, hint }) => {
    expect(readSecret(text)).toBe(kind);
    expect(secretHint(text)).toBe(hint);
    expect(SECRET_PATTERN.test(`key=${text};`)).toBe(true);
  });

  test('cover every kind', () => {
    expect(new Set(vectors.valid.map(({ kind }) => kind))).toEqual(new Set(KINDS));
  });

  test.each(vectors.invalid)('$reads: $why', ({ text, reads }) => {
    expect(readSecret(text)).toBe(reads);
  });

  test.each(vectors.redactions)('redacts $text', ({ text, redacted }) => {
    expect(redactSecrets(text)).toBe(redacted);
    expect(containsSecret(text)).toBe(text !== redacted);
  });
});

describe('mintSecret', () => {
  test('makes secrets that read back as their kind', () => {
    fc.assert(
      fc.property(minted, ({ kind, text }) => {
        expect(readSecret(text)).toBe(kind);
        expect(text).toHaveLength(SECRET_PREFIXES[kind].length + 46);
        expect(text.match(SECRET_PATTERN)?.[0]).toBe(text);
      }),
    );
  });

  test('makes each one anew', () => {
    const texts = Array.from({ length: 1000 }, () => mintSecret('secret_live', randomBytes));
    expect(new Set(texts).size).toBe(1000);
  });
});

describe('readSecret', () => {
  test('refuses every substitution of one character', () => {
    const text = mintSecret('secret_test', randomBytes);
    for (let at = 0; at < text.length; at++) {
      for (const letter of `${ALPHABET}_-. \0\u0130\uD83D`) {
        if (letter === text[at]) continue;
        const changed = text.slice(0, at) + letter + text.slice(at + 1);
        expect(readSecret(changed), changed).toBeOneOf(['malformed', 'foreign']);
      }
    }
  });

  test('refuses a substitution in a secret of any kind', () => {
    fc.assert(
      fc.property(minted, fc.nat(), fc.string({ minLength: 1, maxLength: 1 }), ({ text }, place, letter) => {
        const at = place % text.length;
        fc.pre(text[at] !== letter);
        const changed = text.slice(0, at) + letter + text.slice(at + 1);
        expect(readSecret(changed)).toBeOneOf(['malformed', 'foreign']);
      }),
    );
  });

  test('says foreign exactly when no prefix is ours, and never throws', () => {
    const anything = fc.oneof(fc.string({ unit: 'binary' }), lookalike, fc.constantFrom('sk_', 'lk_rat_', 'k_', ''));
    fc.assert(
      fc.property(anything, anything, (left, right) => {
        const text = left + right;
        const ours = Object.values(SECRET_PREFIXES).some((prefix) => text.startsWith(prefix));
        expect(readSecret(text) === 'foreign').toBe(!ours);
      }),
    );
  });

  test.each(['sk_test_', 'lk_rat_', 'k_', 'sk_', '0', '\u0130', '\uD83D'])('takes a megabyte of "%s"', (unit) => {
    const text = unit.repeat(Math.ceil(1_000_000 / unit.length));
    const ours = unit.length >= 7;
    expect(readSecret(text)).toBe(ours ? 'malformed' : 'foreign');
    expect(readSecret(`sk_test_${text}`)).toBe('malformed');
    expect(redactSecrets(redactSecrets(text))).toBe(redactSecrets(text));
  });
});

test('secretHint shows no more of an unknown text than four characters, and of a short one nothing', () => {
  expect(secretHint('acme-0123456789-0123456789')).toBe('…6789');
  expect(secretHint('hunter2')).toBe('…');
});

describe('redactSecrets', () => {
  const piece = fc.oneof(
    lookalike,
    minted.map(({ text }) => text),
    fc.string(),
    fc.constantFrom(' ', '%3D', '_', 'sk'),
  );
  const line = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''));

  test('leaves nothing that a scanner would find', () => {
    fc.assert(
      fc.property(line, (text) => {
        const redacted = redactSecrets(text);
        expect(redacted).not.toMatch(new RegExp(SECRET_PATTERN_SOURCE));
        expect(containsSecret(redacted)).toBe(false);
      }),
    );
  });

  test('finds whatever a scanner finds', () => {
    fc.assert(
      fc.property(line, (text) => {
        if (SECRET_PATTERN.test(text)) expect(containsSecret(text)).toBe(true);
      }),
    );
  });

  test('keeps none of a secret, whatever surrounds it', () => {
    const around = fc.string({ unit: fc.constantFrom(...'09azAZ%=&?,. "/-') });
    fc.assert(
      fc.property(around, lookalike, around, (before, secret, after) => {
        expect(redactSecrets(before + secret + after)).not.toContain(secret.slice(-46));
      }),
    );
  });
});

test('the patterns keep no state between calls', () => {
  const { text } = vectors.valid[0]!;
  for (let time = 0; time < 3; time++) {
    expect(SECRET_PATTERN.test(text)).toBe(true);
    expect(containsSecret(text)).toBe(true);
    expect(redactSecrets(text)).toBe('sk_test_[redacted]');
  }
});
