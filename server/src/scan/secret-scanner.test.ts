import { mintSecret, SECRET_PREFIXES, type SecretKind } from '@latchkey/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import vectors from '../../../protocol/vectors/find-secrets.json' with { type: 'json' };
import { pooledRandom } from '../crypto/index.ts';
import { type Match, SecretScanner } from './secret-scanner.ts';

const randomBytes = pooledRandom();
const KINDS = Object.keys(SECRET_PREFIXES) as SecretKind[];

function scan(pieces: readonly Buffer[]): Match[] {
  const matches: Match[] = [];
  const scanner = new SecretScanner((match) => matches.push(match));
  // One buffer for all pieces, as the reader of files has.
  const shared = Buffer.alloc(Math.max(1, ...pieces.map(({ length }) => length)));
  for (const piece of pieces) {
    piece.copy(shared);
    scanner.feed(shared.subarray(0, piece.length), false);
  }
  shared.fill(0);
  scanner.feed(shared.subarray(0, 0), true);
  return matches;
}

/** The bytes, cut after so many each time. */
function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

test.each(vectors.texts)('finds in $text what the protocol says', ({ text, finds }) => {
  const kinds = finds.map(({ kind }) => kind);
  expect(scan([Buffer.from(text)]).map(({ secret }) => secret.kind)).toEqual(kinds);
  expect(scan(cut(Buffer.from(text), [1])).map(({ secret }) => secret.kind)).toEqual(kinds);
});

describe('a secret at any offset, in pieces of any size', () => {
  const noise = fc.string({ unit: fc.constantFrom(...'sklr_testliv09AZaz"\\\n \0é'), maxLength: 300 });
  const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 });
  const encodings = fc.constantFrom('utf8' as const, 'utf16le' as const);

  test('is found once, with its line and column', () => {
    fc.assert(
      fc.property(
        noise,
        fc.constantFrom(...KINDS),
        noise,
        sizes,
        encodings,
        (before, kind, after, borders, encoding) => {
          const secret = mintSecret(kind, randomBytes);
          const bytes = Buffer.from(before + secret + after, encoding);
          const head = Buffer.from(before, encoding);
          const found = scan(cut(bytes, borders));
          expect(found.map((match) => match.secret)).toEqual([{ kind, text: secret }]);
          expect(found[0]).toMatchObject({
            line: head.filter((byte) => byte === 10).length + 1,
            column: head.length - head.lastIndexOf(10),
          });
        },
      ),
    );
  });

  test('is found with big-endian UTF-16 too', () => {
    const secret = mintSecret('secret_live', randomBytes);
    const bytes = Buffer.from(`\ufeff{"key":"${secret}"}`, 'utf16le').swap16();
    expect(scan([bytes]).map((match) => match.secret.text)).toEqual([secret]);
    expect(scan(cut(bytes, [7])).map((match) => match.secret.text)).toEqual([secret]);
  });

  test('two in a row are two', () => {
    const [one, two] = [mintSecret('root', randomBytes), mintSecret('secret_test', randomBytes)];
    expect(scan([Buffer.from(one + two + one)]).map((match) => match.secret.text)).toEqual([one, two, one]);
  });
});

test.each(['sk_test_', 'k_', 'sk_test_0123456789', `sk_test_${'0'.repeat(46)}`, 'lk_rat', 's\0k\0_\0'])(
  'a long run of "%s" holds no secret, and work is bounded by its length',
  (unit) => {
    // The run is fed in pieces that make every byte a border once; a scanner that looked back further would not end.
    const bytes = Buffer.from(unit.repeat(Math.ceil(2_000_000 / unit.length)));
    expect(scan(cut(bytes, [65_536]))).toEqual([]);
  },
);
