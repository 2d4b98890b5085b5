/**
 * How strong a sign-in was (OpenID Connect Core §2, `acr`), weakest first: by one factor, such as a password; by two, such as
 * a password and a code, or a passkey whose holder was verified.
 */
export const ACR_VALUES = ['urn:latchkey:acr:1fa', 'urn:latchkey:acr:2fa'] as const;

export type Acr = (typeof ACR_VALUES)[number];

/** What a sign-in that shows this `amr` (RFC 8176) comes to. There is none without one factor. Pure. */
export function acrOf(amr: readonly string[]): Acr {
  return amr.includes('mfa') ? 'urn:latchkey:acr:2fa' : 'urn:latchkey:acr:1fa';
}

export function isAcr(value: string): value is Acr {
  return (ACR_VALUES as readonly string[]).includes(value);
}

/** Whether a sign-in is at least as strong as one of these. What is no value of ours meets nothing, and nothing meets it. Pure. */
export function meetsAcr(held: string | null, wanted: readonly string[]): boolean {
  if (held === null || !isAcr(held)) return false;
  const strength = ACR_VALUES.indexOf(held);
  return wanted.some((value) => isAcr(value) && ACR_VALUES.indexOf(value) <= strength);
}
