import { type RandomBytes, sha256Hex } from '../../crypto/index.ts';

export const BACKUP_CODES = 10;
/** Crockford's base32: no letter that looks like a digit or spells a word. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const LENGTH = 16;
const FORM = /^[0-9a-hjkmnp-tv-z]{16}$/;
/** What people read wrongly is read as it was meant. */
const MEANT: Record<string, string> = { o: '0', i: '1', l: '1' };

/** 80 random bits, as `xxxx-xxxx-xxxx-xxxx`: too many to be found from a copy of their digests. */
export function newBackupCode(randomBytes: RandomBytes): string {
  const letters = [...randomBytes(LENGTH)].map((byte) => ALPHABET[byte % ALPHABET.length] ?? '').join('');
  return letters.replace(/(.{4})(?=.)/g, '$1-');
}

/** How a code is kept; null for what cannot be one. Random enough for a plain digest, bound to its person. */
export function backupCodeHash(userId: string, text: string): string | null {
  const letters = text.toLowerCase().replace(/[\s-]/g, '');
  const code = letters.replace(/[oil]/g, (letter) => MEANT[letter] ?? letter);
  return FORM.test(code) ? sha256Hex(`backup_code ${userId} ${code}`) : null;
}
