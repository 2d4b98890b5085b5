const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const CODES = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0));
/** The value of each letter by its code; -1 for every other character. */
const VALUES = Int8Array.from({ length: 128 }, (_, code) => ALPHABET.indexOf(String.fromCharCode(code)));

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
  return lettersOf(digits.reverse()).padStart(length, '0');
}

/** The codes of the digits, the least significant first. */
function digitsOfNumber(value: number): number[] {
  const codes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 62)) codes.push(CODES[rest % 62] ?? 0);
  return codes;
}

function digitsOfBigint(value: bigint): number[] {
  const codes: number[] = [];
  for (let rest = value; rest > 0n; rest /= 62n) codes.push(CODES[Number(rest % 62n)] ?? 0);
  return codes;
}

/** All at once: a text that grows by a letter at a time is ten texts. */
function lettersOf(codes: readonly number[]): string {
  return String.fromCharCode(...codes);
}

/** Whether all characters from there on are base62 letters. */
export function isBase62From(text: string, from: number): boolean {
  for (let index = from; index < text.length; index++) {
    if ((VALUES[text.charCodeAt(index)] ?? -1) < 0) return false;
  }
  return true;
}

/**
 * Reads what `encodeBase62` wrote.
 * @throws RangeError on a character outside the alphabet, or a value above `Number.MAX_SAFE_INTEGER`.
 */
export function decodeBase62(text: string): number {
  let value = 0;
  for (let index = 0; index < text.length; index++) {
    const digit = VALUES[text.charCodeAt(index)] ?? -1;
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
  const codes: number[] = [];
  while (codes.length < length) {
    const missing = length - codes.length;
    // One byte in 32 is rejected; the surplus makes a second call rare.
    const count = missing + 4 + (missing >> 3);
    const bytes = randomBytes(count);
    if (bytes.length < count) throw new RangeError('The random source gave too few bytes.');
    for (let index = 0; index < count && codes.length < length; index++) {
      const byte = bytes[index] ?? REJECT_FROM;
      if (byte < REJECT_FROM) codes.push(CODES[byte % 62] ?? 0);
    }
  }
  return lettersOf(codes);
}
