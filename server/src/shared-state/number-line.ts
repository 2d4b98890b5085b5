/** Numbers from `from` to `to`, both included. */
export interface NumberRange {
  from: number;
  to: number;
}

interface Gap extends NumberRange {
  sinceMs: number;
}

/** Longer than a transaction may last (`database/postgres.ts`): after that a missing number was most likely rolled back. */
const GAP_LIFETIME_MS = 10_000;
/** Bounds the query; beyond it what lies between the gaps is read again too. */
const MAX_RANGES = 64;

/**
 * Numbers are given out before commits, so a lower number can appear after a higher one. What is missing below the
 * highest seen is asked for again until no transaction can still hold it.
 */
export class NumberLine {
  highest = 0;
  /** How many gaps were given up without their numbers ever being seen. */
  givenUp = 0;
  #gaps: Gap[] = [];

  /** Begins behind `newest`, highest first; what is missing among them, and just below, may still come. */
  begin(newest: readonly number[], lookBack: number, nowMs: number): void {
    const highest = newest[0] ?? 0;
    this.#gaps = [];
    const first = Math.max(1, highest - lookBack);
    this.highest = first - 1;
    for (const seq of [...newest].reverse()) if (seq >= first) this.take(seq, nowMs);
  }

  /** False when this number was taken in before. */
  take(seq: number, nowMs: number): boolean {
    if (seq > this.highest) {
      if (seq > this.highest + 1) this.#gaps.push({ from: this.highest + 1, to: seq - 1, sinceMs: nowMs });
      this.highest = seq;
      return true;
    }
    const index = this.#gaps.findIndex(({ from, to }) => from <= seq && seq <= to);
    const gap = this.#gaps[index];
    if (!gap) return false;
    const rest = [
      { ...gap, to: seq - 1 },
      { ...gap, from: seq + 1 },
    ];
    this.#gaps.splice(index, 1, ...rest.filter(({ from, to }) => from <= to));
    return true;
  }

  /** Where numbers are missing that may still come, in order; a few ranges, however many gaps there are. */
  openGaps(nowMs: number): NumberRange[] {
    const open = this.#gaps.filter(({ sinceMs }) => nowMs - sinceMs <= GAP_LIFETIME_MS);
    this.givenUp += this.#gaps.length - open.length;
    this.#gaps = open;
    const [first] = this.#gaps;
    const last = this.#gaps.at(-1);
    if (!first || !last || this.#gaps.length <= MAX_RANGES) return this.#gaps;
    return [{ from: first.from, to: last.to }];
  }
}
