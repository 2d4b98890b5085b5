// ECDSA signatures on P-256: JWS has r and s as 32 bytes each (RFC 7518 §3.4), OpenSSL a DER sequence of two integers.
const HALF = 32;
const SEQUENCE = 0x30;
const INTEGER = 0x02;

/** r and s of a DER signature that OpenSSL made, each in 32 bytes. */
export function rawOf(der: Buffer): Buffer {
  const raw = Buffer.alloc(2 * HALF);
  let at = 2;
  for (const end of [HALF, 2 * HALF]) {
    const length = der[at + 1] ?? 0;
    const from = at + 2;
    // A leading zero only keeps the number positive.
    const skipped = Math.max(0, length - HALF);
    der.copy(raw, end - (length - skipped), from + skipped, from + length);
    at = from + length;
  }
  return raw;
}

function writeInteger(raw: Buffer, from: number, der: Buffer, at: number): number {
  let first = from;
  while (first < from + HALF - 1 && raw[first] === 0) first += 1;
  const isHigh = (raw[first] ?? 0) >= 0x80;
  const length = from + HALF - first;
  der[at] = INTEGER;
  der[at + 1] = length + (isHigh ? 1 : 0);
  const start = at + 2 + (isHigh ? 1 : 0);
  raw.copy(der, start, first, from + HALF);
  return start + length;
}

function isZero(raw: Buffer, from: number): boolean {
  let at = from;
  while (at < from + HALF && raw[at] === 0) at += 1;
  return at === from + HALF;
}

/** The DER form of r and s; null when there are not 64 bytes, or one of the two is zero (CVE-2022-21449). */
export function derOf(raw: Buffer): Buffer | null {
  if (raw.length !== 2 * HALF || isZero(raw, 0) || isZero(raw, HALF)) return null;
  const der = Buffer.alloc(2 * HALF + 8);
  const end = writeInteger(raw, HALF, der, writeInteger(raw, 0, der, 2));
  der[0] = SEQUENCE;
  der[1] = end - 2;
  return der.subarray(0, end);
}
