import type { Tx } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import type { PersonRow } from '../store.ts';

export type ProofMethod = 'password' | 'otp' | 'backup_code' | 'passkey' | 'mail';
export type SecondFactor = 'otp' | 'backup_code' | 'passkey';

/** Whether one of these ways is a second factor, or a passkey, which is both. */
export function provesSecondFactor(methods: readonly string[]): boolean {
  return methods.some((method) => method === 'otp' || method === 'backup_code' || method === 'passkey');
}

/** What was proved is not worth anything any more: the challenge is over, or password or account have changed since. */
export function endedChallenge(): Failure {
  return new Failure('invalid_credentials', 'This sign-in has ended. Begin again with the password.');
}

/** That a visitor is this person, and by what. Nothing lets anybody in without one. */
export interface Proof {
  person: PersonRow;
  methods: readonly ProofMethod[];
}

/** The password was right, and the account asks for more. */
export interface SecondFactorNeeded {
  kind: 'second_factor';
  /** Answers to it name it; it lives for ten minutes and five attempts. */
  challenge: string;
  methods: SecondFactor[];
  expiresAtMs: number;
}

/** What follows a proof, in the transaction that spends it: a session begins, or tokens are made. */
export type Finish<T> = (tx: Tx, proof: Proof) => Promise<T>;

export type Passed<T> = { kind: 'passed'; result: T } | SecondFactorNeeded;

/** Which second factors a person has; backup codes only beside another. */
export function secondFactorsOf({ totp, passkeys }: Pick<PersonRow, 'totp' | 'passkeys'>): SecondFactor[] {
  const factors: SecondFactor[] = [];
  if (totp > 0) factors.push('otp');
  if (passkeys > 0) factors.push('passkey');
  return factors.length > 0 ? [...factors, 'backup_code'] : [];
}
