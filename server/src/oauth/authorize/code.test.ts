import fc from 'fast-check';
import { expect, test } from 'vitest';
import { challengeOf, codeHashOf, isCodeText, type KnownCode, whyRefused } from './code.ts';

test('RFC 7636 appendix B: the challenge of a verifier', () => {
  const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
  expect(challengeOf(verifier)).toBe('E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM');
});

test('C15: what is no verifier has no challenge', () => {
  for (const text of [
    '',
    'a'.repeat(42),
    'a'.repeat(129),
    `${'a'.repeat(43)}=`,
    `${'a'.repeat(43)} `,
    'ä'.repeat(43),
  ]) {
    expect(challengeOf(text), text).toBeNull();
  }
  fc.assert(fc.property(fc.string(), (text) => challengeOf(text) === null || /^[\w.~-]{43,128}$/.test(text)));
});

test('C17: a code is named by its kind too', () => {
  expect(isCodeText('a'.repeat(43))).toBe(true);
  for (const text of ['', 'a'.repeat(42), 'a'.repeat(44), `${'a'.repeat(42)}=`]) expect(isCodeText(text)).toBe(false);
  expect(codeHashOf('x')).not.toBe(codeHashOf('y'));
});

test('what a code was bound to is asked before whether it was used', () => {
  const known: KnownCode = {
    clientId: 'app_1',
    redirectUri: 'https://app.example/cb',
    codeChallenge: 'c',
    expiresAtMs: 100,
    isUsed: true,
  };
  const presented = { clientId: 'app_1', redirectUri: 'https://app.example/cb', challenge: 'c' };
  expect(whyRefused(known, { ...presented, clientId: 'app_2', challenge: null }, 0)).toBe('other_client');
  expect(whyRefused(known, { ...presented, redirectUri: null }, 0)).toBe('redirect_uri');
  expect(whyRefused(known, { ...presented, challenge: null }, 0)).toBe('verifier');
  expect(whyRefused({ ...known, codeChallenge: null }, presented, 0)).toBe('verifier');
  expect(whyRefused(known, presented, 0)).toBe('used');
  expect(whyRefused(known, presented, 100)).toBe('used');
  expect(whyRefused({ ...known, isUsed: false }, presented, 100)).toBe('expired');
  expect(whyRefused({ ...known, isUsed: false }, presented, 99)).toBe('withdrawn');
});
