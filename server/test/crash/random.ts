import { createHash } from 'node:crypto';

/** The same choices for the same seed, on every machine. Not for secrets. */
export interface SeededRandom {
  /** A whole number from 0 up to, not including, `bound`. */
  below(bound: number): number;
  /** True in `percent` of a hundred cases. */
  chance(percent: number): boolean;
  /** One of them; undefined of none. */
  pick<T>(list: readonly T[]): T | undefined;
  /** Text of that many characters, a-z and 0-9. */
  text(length: number): string;
  /** A stream of its own: what one lane draws does not depend on how far the others came. */
  fork(label: string): SeededRandom;
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** sfc32, seeded by the SHA-256 of the text. */
export function seededRandom(seed: string): SeededRandom {
  const digest = createHash('sha256').update(seed).digest();
  let a = digest.readUInt32LE(0);
  let b = digest.readUInt32LE(4);
  let c = digest.readUInt32LE(8);
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let turn = 0; turn < 12; turn += 1) next();
  const below = (bound: number) => Math.floor((next() / 2 ** 32) * bound);
  return {
    below,
    chance: (percent) => below(100) < percent,
    pick: (list) => list[below(list.length)],
    text: (length) => Array.from({ length }, () => LETTERS[below(LETTERS.length)]).join(''),
    fork: (label) => seededRandom(`${seed}/${label}`),
  };
}
