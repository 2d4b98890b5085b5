const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The largest multiple of 62 that fits into a byte: bytes from here on would favour the first letters. */
const REJECT_FROM = 248;

/** Gives `count` bytes from a cryptographic source. */
export type RandomBytes = (count: number) => Uint8Array;

/**
 * Writes a whole number of at least 0 in base 62 (`0-9A-Za-z`), most significant digit first, zero-padded to `length`.
 * Equal lengths sort as their values do, because the alphabet is in ASCII order.
 * @throws RangeError when the value is negative, not whole, or needs more than `length` digits.
 */
export function encodeBase62(value: bigint | number, length: number): string {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new RangeError('The value is no safe integer.');
  if (value < 0) throw new RangeError('The value is negative.');
  const digits = value <= Number.MAX_SAFE_INTEGER ? digitsOfNumber(Number(value)) : digitsOfBigint(BigInt(value));
  if (digits.length > length) throw new RangeError(`The value does not fit into ${length} base62 digits.`);
  return digits.padStart(length, '0');
}

function digitsOfNumber(value: number): string {
  let digits = '';
  for (let rest = value; rest > 0; rest = Math.floor(rest / 62)) digits = ALPHABET.charAt(rest % 62) + digits;
  return digits;
}

function digitsOfBigint(value: bigint): string {
  let digits = '';
  for (let rest = value; rest > 0n; rest /= 62n) digits = ALPHABET.charAt(Number(rest % 62n)) + digits;
  return digits;
}

/**
 * Reads what `encodeBase62` wrote.
 * @throws RangeError on a character outside the alphabet, or a value above `Number.MAX_SAFE_INTEGER`.
 */
export function decodeBase62(text: string): number {
  let value = 0;
  for (const letter of text) {
    const digit = ALPHABET.indexOf(letter);
    if (digit < 0) throw new RangeError('The text is not base62.');
    value = value * 62 + digit;
    if (value > Number.MAX_SAFE_INTEGER) throw new RangeError('The value is no safe integer.');
  }
  return value;
}

/**
 * Draws `length` base62 letters, each of the 62 equally likely (5.95 bits a letter).
 * @throws RangeError when `randomBytes` gives fewer bytes than it was asked for.
 */
export function randomBase62(length: number, randomBytes: RandomBytes): string {
  let text = '';
  while (text.length < length) {
    const missing = length - text.length;
    // One byte in 32 is rejected; the surplus makes a second call rare.
    const count = missing + 4 + (missing >> 3);
    const bytes = randomBytes(count);
    if (bytes.length < count) throw new RangeError('The random source gave too few bytes.');
    for (const byte of bytes) {
      if (byte < REJECT_FROM) text += ALPHABET.charAt(byte % 62);
      if (text.length === length) break;
    }
  }
  return text;
}
