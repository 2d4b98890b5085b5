import { createHmac, createSecretKey, hash, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';

/** SHA-256 of a text (UTF-8) in lower-case hex: how random secrets are stored. */
export function sha256Hex(text: string): string {
  return hash('sha256', text, 'hex');
}

/** SHA-256 of a text in 32 letters of one byte each: half the room of hex, for what is looked up in memory. */
export function sha256Letters(text: string): string {
  return hash('sha256', text, 'binary');
}

/** Those letters in lower-case hex, as `sha256Hex` gives them. */
export function hexOfLetters(letters: string): string {
  return Buffer.from(letters, 'latin1').toString('hex');
}

/** Compares two secrets in constant time, whatever their lengths (CWE-208). */
export function secretsEqual(a: string, b: string): boolean {
  return timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer'));
}

/** Compares two digests in hex in constant time: no need to hash them once more, as `secretsEqual` does. */
export function digestsEqual(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1'));
}

/** A key that many are made with: from its bytes Node makes a key object each time, which takes longer than the rest. */
export function macKey(bytes: Uint8Array): KeyObject {
  return createSecretKey(bytes);
}

/** HMAC-SHA-256 in base64url. */
export function hmacText(key: KeyObject | Uint8Array, text: string): string {
  return createHmac('sha256', key).update(text).digest('base64url');
}

/** HKDF-SHA-256 (RFC 5869): 32 bytes for one purpose, named by `info`. */
export function deriveKey(secret: Uint8Array | string, salt: string, info: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, salt, info, 32));
}
