/** Reproducible chance: the same numbers give the same throws. */
export interface Dice {
  /** At least 0, below 1. */
  next(): number;
  /** A whole number of at least 0 and below `end`. */
  below(end: number): number;
  chance(probability: number): boolean;
  pick<T>(list: readonly T[]): T;
  bytes(count: number): Uint8Array;
}

/** The dice of one request: named by the run's seed and the request's number, so that no other request moves them. */
export function diceOf(...numbers: readonly number[]): Dice {
  let state = 0x9e3779b9;
  for (const number of numbers) state = mix(Math.imul(state ^ (number >>> 0), 0x85ebca6b));
  // Mulberry32.
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 4294967296;
  };
  const below = (end: number) => Math.floor(next() * end);
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick: (list) => {
      if (list.length === 0) throw new RangeError('there is nothing to pick from');
      return list[below(list.length)] as (typeof list)[number];
    },
    bytes: (count) => Uint8Array.from({ length: count }, () => below(256)),
  };
}

function mix(bits: number): number {
  const half = Math.imul(bits ^ (bits >>> 16), 0xc2b2ae35);
  return half ^ (half >>> 13);
}
