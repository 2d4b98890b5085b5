import type { BucketState } from './decision.ts';

/** Numbers of one slot: window, used, arrival, turn. Half a line of the processor's cache, and never across two. */
const WIDTH = 4;
const SLOTS_EACH = 4096;

/**
 * The states of buckets, side by side: there may be a million of them, called in any order, and what a call costs then is
 * how many places of memory it touches.
 */
export class BucketSlots {
  readonly #pages: Float64Array[] = [];
  #free: number[] = [];
  #taken = 0;

  #at(slot: number): { page: Float64Array; from: number } {
    const page = this.#pages[Math.floor(slot / SLOTS_EACH)];
    if (page === undefined) throw new RangeError(`there is no slot ${slot}`);
    return { page, from: (slot % SLOTS_EACH) * WIDTH };
  }

  take(): number {
    const slot = this.#free.pop() ?? this.#taken;
    if (slot < this.#taken) return slot;
    if (slot % SLOTS_EACH === 0) this.#pages.push(new Float64Array(SLOTS_EACH * WIDTH));
    this.#taken += 1;
    return slot;
  }

  /** Whoever holds the slot from before finds another turn there. */
  release(slot: number): void {
    const { page, from } = this.#at(slot);
    page[from + 3] = (page[from + 3] ?? 0) + 1;
    this.#free.push(slot);
  }

  /** Counts how often the slot was given back; as a whole number, which V8 keeps in the object that remembers it. */
  turnOf(slot: number): number {
    const { page, from } = this.#at(slot);
    return (page[from + 3] ?? 0) | 0;
  }

  read(slot: number): BucketState {
    const { page, from } = this.#at(slot);
    return { windowStartedAtMs: page[from] ?? 0, used: page[from + 1] ?? 0, arrivalNs: page[from + 2] ?? 0 };
  }

  write(slot: number, { windowStartedAtMs, used, arrivalNs }: BucketState): void {
    const { page, from } = this.#at(slot);
    page[from] = windowStartedAtMs;
    page[from + 1] = used;
    page[from + 2] = arrivalNs;
  }
}
