import { mintSecret, SECRET_PREFIXES, type SecretKind } from '@latchkey/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Failure } from '../failure.ts';
import { presentedCredential } from './credentials.ts';

/** Any UTF-16 code unit: control characters and halves of surrogate pairs too. */
const anyChar = fc.nat({ max: 0xffff }).map((code) => String.fromCharCode(code));

/** Headers as node:http hands them over: the first of two Authorization lines, X-API-Key lines joined. */
function present(lines: [name: string, value: string][], url = '/v1/auth/verify') {
  const headers: Record<string, string> = {};
  for (const [name, value] of lines) {
    const key = name.toLowerCase();
    if (headers[key] === undefined) headers[key] = value;
    else if (key !== 'authorization') headers[key] += `, ${value}`;
  }
  return presentedCredential({ rawHeaders: lines.flat(), headers, url });
}

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof Failure ? error.code : String(error);
  }
  return 'not refused';
}

const token = fc.string({ unit: fc.constantFrom(...'abcXYZ019-._~+/=%€'), minLength: 1, maxLength: 80 });
const kinds = fc.constantFrom(...(Object.keys(SECRET_PREFIXES) as SecretKind[]));
const secret = fc.tuple(kinds, fc.uint8Array({ minLength: 64, maxLength: 64, max: 247 })).map(([kind, pool]) => {
  return mintSecret(kind, (count) => pool.subarray(0, count));
});

test('no header, no credential', () => {
  expect(present([])).toBeNull();
  expect(present([['Host', 'localhost']], '/v1/auth/verify?limit=1&cursor=x')).toBeNull();
});

describe('Authorization', () => {
  test('is a scheme, spaces, and one word', () => {
    fc.assert(
      fc.property(
        token,
        fc.constantFrom('Bearer', 'bearer', 'BEARER'),
        fc.integer({ min: 1, max: 4 }),
        (text, scheme, spaces) => {
          expect(present([['Authorization', `${scheme}${' '.repeat(spaces)}${text}`]])).toEqual({
            scheme: 'bearer',
            text,
          });
        },
      ),
    );
  });

  test('anything else is invalid_token', () => {
    const value = fc.oneof(fc.string({ unit: anyChar }), fc.string({ unit: fc.constantFrom(...'aB1-,:= \t') }));
    fc.assert(
      fc.property(value, (header) => {
        const words = header.replace(/ +$/, '').split(/ +/);
        const [scheme = '', text = ''] = words;
        const isRight = words.length === 2 && /^[a-z][a-z0-9-]{0,31}$/i.test(scheme) && /^\S+$/.test(text);
        const run = () => present([['Authorization', header]]);
        if (isRight) expect(run()).toEqual({ scheme: scheme.toLowerCase(), text });
        else expect(refusal(run)).toBe('invalid_token');
      }),
    );
  });

  test.each(['', 'Bearer', 'Bearer ', ' Bearer x', 'Bearer\tx', 'Bearer a b', 'x', `${'a'.repeat(33)} x`, '1Bearer x'])(
    '%j is invalid_token',
    (value) => {
      expect(refusal(() => present([['Authorization', value]]))).toBe('invalid_token');
    },
  );
});

describe('two lines', () => {
  const NAMES = ['authorization', 'Authorization', 'AUTHORIZATION', 'x-api-key', 'X-API-Key'];

  test('of one header are ambiguous, the same or not, in any case and place', () => {
    const lines = fc.array(fc.tuple(fc.constantFrom(...NAMES, 'Host', 'Accept'), token), {
      minLength: 2,
      maxLength: 6,
    });
    fc.assert(
      fc.property(lines, (chosen) => {
        const count = (header: string) => chosen.filter(([name]) => name.toLowerCase() === header).length;
        fc.pre(count('authorization') > 1 || count('x-api-key') > 1);
        const shaped = chosen.map(([name, text]): [string, string] =>
          name.toLowerCase() === 'authorization' ? [name, `Bearer ${text}`] : [name, text],
        );
        expect(refusal(() => present(shaped))).toBe('ambiguous_credentials');
      }),
    );
  });

  test('one of each is one credential exactly when both say the same', () => {
    fc.assert(
      fc.property(token, token, (text, other) => {
        const both = (key: string) => () =>
          present([
            ['Authorization', `Bearer ${text}`],
            ['X-API-Key', key],
          ]);
        expect(both(text)()).toEqual({ scheme: 'bearer', text });
        if (other !== text) expect(refusal(both(other))).toBe('ambiguous_credentials');
      }),
    );
  });

  test('a name is not taken for another of its length', () => {
    expect(
      present([
        ['Authorisation', 'Bearer a'],
        ['Authorization', 'Bearer b'],
      ]),
    ).toEqual({ scheme: 'bearer', text: 'b' });
    expect(
      present([
        ['X-API-Kex', 'a'],
        ['X-API-Key', 'b'],
      ]),
    ).toEqual({ scheme: 'api-key', text: 'b' });
  });
});

describe('the URL', () => {
  const header: [string, string][] = [['Authorization', 'Bearer x']];

  test('never carries a secret, wherever in the query it stands and however it is encoded', () => {
    const encode = (text: string, every: number) =>
      [...text].map((char, index) => (index % every === 0 ? `%${char.charCodeAt(0).toString(16)}` : char)).join('');
    const around = fc.string({ unit: fc.constantFrom(...'abc019.:/-'), maxLength: 10 });
    fc.assert(
      fc.property(
        secret,
        around,
        around,
        fc.integer({ min: 1, max: 60 }),
        fc.boolean(),
        (text, before, after, every, isName) => {
          const encoded = `${before}${encode(text, every)}${after}`;
          const query = isName ? `a=1&${encoded}=1` : `a=1&b=${encoded}&c`;
          expect(refusal(() => present(header, `/v1/projects?${query}`))).toBe('invalid_request');
          expect(refusal(() => present([], `/v1/projects?${query}`))).toBe('invalid_request');
        },
      ),
    );
  });

  test.each(['access_token=1', 'api_key', 'a&API_KEY=', '%61pi_key=x', 'access%5Ftoken=x', 'x?&access_token=1'])(
    '?%s',
    (query) => {
      expect(refusal(() => present(header, `/?${query}`))).toBe('invalid_request');
    },
  );

  test('may hold anything else', () => {
    fc.assert(
      fc.property(fc.webQueryParameters(), (query) => {
        expect(present(header, `/v1/projects?${query}`)).toEqual({ scheme: 'bearer', text: 'x' });
      }),
    );
    for (const query of ['', '?', '?api_key_id=1', '?token=x', '?key=sk_test_short', '?%', '?a=%zz', '?=&&=']) {
      expect(present(header, `/v1/projects${query}`)).toEqual({ scheme: 'bearer', text: 'x' });
    }
  });
});
