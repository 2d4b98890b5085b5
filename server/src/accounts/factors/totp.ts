import type { RandomBytes } from '../../crypto/index.ts';
import type { SealedColumn } from '../../sealed-values/index.ts';

const PERIOD_SECONDS = 30;
const DIGITS = 6;
/** RFC 4226 §4: 160 bits. */
const SECRET_BYTES = 20;

export const OTP_FORM = /^\d{6}$/;

const load = () => import('otpauth');

async function totpOf(secret: string, names: { issuer: string; label: string }) {
  const { Secret, TOTP } = await load();
  return new TOTP({
    ...names,
    algorithm: 'SHA1',
    digits: DIGITS,
    period: PERIOD_SECONDS,
    secret: Secret.fromBase32(secret),
  });
}

/** A new secret in base32, as apps want it typed. */
export async function newTotpSecret(randomBytes: RandomBytes): Promise<string> {
  const { Secret } = await load();
  const bytes = randomBytes(SECRET_BYTES);
  return new Secret({ buffer: bytes.slice().buffer as ArrayBuffer }).base32;
}

/** `otpauth://totp/…`, for apps. */
export async function totpUri(secret: string, names: { issuer: string; label: string }): Promise<string> {
  return (await totpOf(secret, names)).toString();
}

/** The time step that a code belongs to, one step early or late at most; null for a wrong one. */
export async function stepOfCode(secret: string, code: string, nowMs: number): Promise<number | null> {
  const totp = await totpOf(secret, { issuer: '', label: '' });
  const delta = totp.validate({ token: code, timestamp: nowMs, window: 1 });
  return delta === null ? null : Math.floor(nowMs / 1000 / PERIOD_SECONDS) + delta;
}

/** A secret's place: sealed, it opens in no other row. */
export const totpContext = (userId: string) => `totp_factors.secret:${userId}`;

export const totpSealedColumn: SealedColumn = {
  table: 'totp_factors',
  id: 'user_id',
  column: 'secret_sealed',
  context: totpContext,
};
