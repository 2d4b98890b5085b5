import { mintSecret, SECRET_PREFIXES, type SecretKind } from '@latchkey/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pooledRandom } from '../crypto/index.ts';
import { Failure } from '../failure.ts';
import { credentialKind, isApiKeyText } from './credential-kind.ts';

const random = pooledRandom();
const KINDS = Object.keys(SECRET_PREFIXES) as SecretKind[];
const SPOKEN = ['bearer', 'api-key'];
const FOREIGN = /^[!-~]{8,512}$/;

function refusalOf(scheme: string, text: string): Failure {
  try {
    return expect.unreachable(`accepted as ${credentialKind({ scheme, text }).kind}`);
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    return error as Failure;
  }
}

describe('the kind of a credential', () => {
  test.each(KINDS)('%s is known by its text', (kind) => {
    const text = mintSecret(kind, random);
    for (const scheme of SPOKEN) {
      if (kind === 'root') expect(credentialKind({ scheme, text })).toEqual({ kind: 'root', text });
      else if (/^(?:secret|restricted)_/.test(kind)) expect(credentialKind({ scheme, text }).kind).toBe('api_key');
      else if (kind === 'access_token' && scheme === 'bearer') {
        expect(credentialKind({ scheme, text })).toEqual({ kind, text });
      } else expect(refusalOf(scheme, text).code).toBe('invalid_token');
    }
  });

  test('a JWT is known by its form; keys of other systems that have dots stay keys', () => {
    const part = (text: string) => Buffer.from(text).toString('base64url');
    const segment = fc.string({ unit: fc.constantFrom(...'AZaz09-_'), maxLength: 40 });
    const header = fc.constantFrom('{"alg":"none"}', '{ "alg" : "ES256" }', '{\n"typ":"JWT"}', '{\t}').map(part);
    fc.assert(
      fc.property(header, fc.array(segment, { minLength: 2, maxLength: 4 }), (first, rest) => {
        const text = [first, ...rest].join('.');
        expect(credentialKind({ scheme: 'bearer', text })).toEqual({ kind: 'jwt', text });
        expect(refusalOf('api-key', text).message).toContain('Authorization: Bearer');
      }),
    );
    const others = [
      'SG.aaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbb',
      'xoxb.1234.5678abcd',
      'eyes.wide',
      'ey.a.b.c.d.e.f',
      'ex.aaa.bbb',
    ];
    for (const text of others) expect(credentialKind({ scheme: 'bearer', text }).kind).toBe('api_key');
  });

  test('any other scheme is refused, whatever it carries', () => {
    const schemes = fc.oneof(fc.constantFrom('basic', 'dpop', 'digest', 'Bearer', ''), fc.string());
    fc.assert(
      fc.property(schemes, fc.constantFrom(...KINDS), (scheme, kind) => {
        fc.pre(!SPOKEN.includes(scheme));
        expect(refusalOf(scheme, mintSecret(kind, random)).code).toBe('invalid_token');
      }),
    );
  });

  test('one changed letter is refused here, before any lookup, unless the text now has no prefix of ours', () => {
    const prefixes = Object.values(SECRET_PREFIXES);
    fc.assert(
      fc.property(
        fc.constantFrom(...KINDS),
        fc.nat(),
        fc.string({ minLength: 1, maxLength: 1 }),
        (kind, at, letter) => {
          const text = mintSecret(kind, random);
          const index = at % text.length;
          const changed = text.slice(0, index) + letter + text.slice(index + 1);
          fc.pre(changed !== text);
          if (!prefixes.some((prefix) => changed.startsWith(prefix)) && FOREIGN.test(changed)) {
            expect(credentialKind({ scheme: 'bearer', text: changed })).toEqual({ kind: 'api_key', text: changed });
          } else expect(refusalOf('bearer', changed).code).toBe('invalid_token');
        },
      ),
    );
  });

  test('a text of another system may be an imported key: 8 to 512 visible characters, and nothing else', () => {
    const length = fc.oneof(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 505, max: 520 }));
    const letters = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom('a', 'Z', '!', '~', '_', '.') },
      { weight: 1, arbitrary: fc.constantFrom(' ', '\n', '\0', '\x7f', 'é', '\u{1f511}') },
    );
    fc.assert(
      fc.property(length, fc.constantFrom('a', '~'), letters, fc.nat(), (size, filling, letter, at) => {
        const text = filling.repeat(size);
        const index = size === 0 ? 0 : at % size;
        const changed = text.slice(0, index) + letter + text.slice(index + 1);
        const isVisible = [...changed].every((each) => each > ' ' && each <= '~');
        if (isVisible && changed.length >= 8 && changed.length <= 512) {
          expect(credentialKind({ scheme: 'api-key', text: changed })).toEqual({ kind: 'api_key', text: changed });
          expect(isApiKeyText(changed)).toBe(true);
        } else {
          expect(refusalOf('api-key', changed).message).toBe('Invalid API key provided');
          expect(isApiKeyText(changed)).toBe(false);
        }
      }),
    );
  });

  test('what is too long or no text of ours never gets further, and is never repeated', () => {
    const text = mintSecret('secret_test', random);
    for (const other of ['', `${text}\0`, ` ${text}`, `${text} `, text.repeat(2), `sk_test_${'a'.repeat(1_000_000)}`]) {
      const refusal = refusalOf('api-key', other);
      expect([refusal.code, refusal.message]).toEqual(['invalid_token', 'Invalid API key provided']);
    }
  });
});
