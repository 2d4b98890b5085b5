/** The reflected form of the IEEE 802.3 polynomial 0x04C11DB7. */
const POLYNOMIAL = 0xedb88320;

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let row = index;
  for (let bit = 0; bit < 8; bit++) row = row & 1 ? (row >>> 1) ^ POLYNOMIAL : row >>> 1;
  return row;
});

/**
 * CRC-32 (IEEE 802.3, as in zlib and gzip: RFC 1952 section 8) of an ASCII text up to `end`, one byte a character.
 * Gives an unsigned 32-bit number. Of a character above U+00FF only the low byte counts, so check the alphabet first.
 */
export function crc32(text: string, end: number = text.length): number {
  let crc = 0xffffffff;
  for (let index = 0; index < end; index++) {
    crc = (crc >>> 8) ^ (TABLE[(crc ^ text.charCodeAt(index)) & 0xff] ?? 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}
