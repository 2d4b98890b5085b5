import { invalidField } from '../../failure.ts';
import { isCommonPassword } from './common-passwords.ts';

/** In characters as people count them: code points. Nothing is ever cut off. */
export const SHORTEST_PASSWORD = 8;
export const LONGEST_PASSWORD = 256;
/** What a body may hold for it: code units, before anything is counted or hashed. */
export const PASSWORD_MAX_LENGTH = 2 * LONGEST_PASSWORD;

const CONTROL = /[\p{Cc}\p{Cs}]/u;

/**
 * The text that is hashed: NFC, so that an accent typed on one keyboard is the accent typed on another (NIST SP
 * 800-63B §3.1.1.2). Nothing else is changed, not even spaces at the ends.
 */
export function normalizePassword(text: string): string {
  return text.normalize('NFC');
}

const lengthOf = (text: string) => [...text].length;

/** The address, or its first part with too little around it. */
function repeatsEmail(password: string, emailKey: string): boolean {
  const lower = password.toLowerCase();
  const local = emailKey.slice(0, emailKey.lastIndexOf('@'));
  if (lower.includes(emailKey)) return true;
  return local.length >= 3 && lower.includes(local) && lengthOf(lower.replaceAll(local, '')) < SHORTEST_PASSWORD;
}

/**
 * A new password, ready to be hashed. Throws `validation_failed` for one that is too short, too long, holds control
 * characters, is among the most common ones, or is little more than the person's address.
 */
export async function requireGoodPassword(text: string, emailKey: string, field = 'password'): Promise<string> {
  const password = normalizePassword(text);
  const length = lengthOf(password);
  if (length < SHORTEST_PASSWORD) throw invalidField(field, `must have at least ${SHORTEST_PASSWORD} characters`);
  if (length > LONGEST_PASSWORD) throw invalidField(field, `must have at most ${LONGEST_PASSWORD} characters`);
  if (CONTROL.test(password)) throw invalidField(field, 'must not contain control characters');
  if (repeatsEmail(password, emailKey)) throw invalidField(field, 'must not be made of the email address');
  if (await isCommonPassword(password)) {
    throw invalidField(field, 'is among the most used passwords, which are tried first; choose another');
  }
  return password;
}
