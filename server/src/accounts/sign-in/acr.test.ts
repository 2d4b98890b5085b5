import { expect, test } from 'vitest';
import { ACR_VALUES, acrOf, meetsAcr } from './acr.ts';
import { amrOf } from './amr.ts';
import type { ProofMethod } from './proof.ts';

const [ONE, TWO] = ACR_VALUES;

const SIGN_INS: [ProofMethod[], string[], string][] = [
  [['password'], ['pwd'], ONE],
  [['password', 'mail'], ['pwd'], ONE],
  [['mail'], [], ONE],
  [['password', 'otp'], ['pwd', 'otp', 'mfa'], TWO],
  [['password', 'backup_code'], ['pwd', 'otp', 'mfa'], TWO],
  [['password', 'passkey'], ['pwd', 'pop', 'mfa'], TWO],
  // Its holder was verified: the device, and its lock.
  [['passkey'], ['pop', 'mfa'], TWO],
];

test.each(SIGN_INS)('B10: %j is %j', (methods, amr, acr) => {
  expect(amrOf(methods)).toEqual(amr);
  expect(acrOf(amr)).toBe(acr);
});

test('B9: a sign-in meets what is as strong as it or weaker; what is no value of ours meets nothing', () => {
  for (const [held, wanted, isMet] of [
    [ONE, [ONE], true],
    [ONE, [TWO], false],
    [ONE, [TWO, ONE], true],
    [TWO, [ONE], true],
    [TWO, [TWO], true],
    [TWO, ['gold'], false],
    [TWO, ['gold', ONE], true],
    [TWO, [], false],
    ['gold', ['gold', ONE], false],
    ['', [ONE], false],
    [null, [ONE], false],
    [null, [], false],
  ] as const) {
    expect(meetsAcr(held, wanted), `${held} for ${wanted}`).toBe(isMet);
  }
});
