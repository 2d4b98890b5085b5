import type { ProofMethod } from './proof.ts';

const VALUES: Readonly<Partial<Record<ProofMethod, string>>> = {
  password: 'pwd',
  otp: 'otp',
  backup_code: 'otp',
  passkey: 'pop',
};

/** How somebody signed in, in the words of RFC 8176. A passkey is two factors by itself: the device, and its lock. Pure. */
export function amrOf(methods: readonly ProofMethod[]): string[] {
  const values = new Set(methods.flatMap((method) => VALUES[method] ?? []));
  if (values.size > 1 || values.has('pop')) values.add('mfa');
  return [...values];
}
