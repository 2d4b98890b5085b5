import { Secret, TOTP } from 'otpauth';
import { isProtected, type Person, spendCode } from './people-model.ts';
import type { SeededRandom } from './random.ts';

const PERIOD_MS = 30_000;

export const stepAt = (nowMs: number): number => Math.floor(nowMs / PERIOD_MS);

/** What an authenticator app shows in that step. */
export const codeOfStep = (secret: string, step: number): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: step * PERIOD_MS });

/** A code that is good now, and what it costs when it was accepted. */
export interface Otp {
  code: string;
  /** The event that it leaves. */
  actions: string[];
  spend(): void;
}

/** A backup code, mostly: each step of an authenticator app is good once, and they come slowly. Null when none is left. */
export function nextOtp(person: Person, random: SeededRandom): Otp | null {
  const { totp, codes } = person;
  if (totp === null || !isProtected(person)) return null;
  // The server takes a step early, and the present one for sure.
  const step = stepAt(Date.now());
  const code = random.pick(codes.known);
  if (totp.lastStep < step && (code === undefined || random.chance(30))) {
    return {
      code: codeOfStep(totp.secret, step),
      actions: [],
      spend: () => void Object.assign(totp, { lastStep: step }),
    };
  }
  if (code === undefined) return null;
  return { code, actions: ['user.backup_code_used'], spend: () => spendCode(person, code) };
}
