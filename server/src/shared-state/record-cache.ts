import { LRUCache } from 'lru-cache';
import type { Changes } from './changes.ts';

export interface RecordCacheOptions<V> {
  changes: Changes;
  maxEntries: number;
  /** Every id whose change makes this record untrue, whatever is changed of it. */
  refsOf(value: V): readonly string[];
  /** Reads the record from the database; null when there is none, which is not remembered. */
  load(key: string): Promise<V | null>;
}

/** Records that are read on every request, in memory; bounded, and never older than what this process has heard. */
export interface RecordCache<V> {
  /** The record if it is here and may be trusted: no await on the hot path. */
  peek(key: string): V | undefined;
  /** The record from memory or the database, one read for all who wait. */
  fetch(key: string): Promise<V | null>;
  /** Forgets one record, which is read again by whoever asks next. */
  drop(key: string): void;
  /** Forgets everything: something that all records were made with has changed. */
  clear(): void;
  size(): number;
}

/**
 * Promoting an entry touches its neighbors' memory. Once there are more entries than the processor's caches hold, that
 * costs more than finding the entry, so only some looks do it: what is used often is still promoted often.
 */
const PROMOTED_EACH = 8;
const SMALL = 1000;

/** Which cached keys an id makes untrue. Most name one key only, which then stands there without a set. */
class RefIndex {
  readonly #keysByRef = new Map<string, string | Set<string>>();

  add(key: string, refs: readonly string[]): void {
    for (const ref of refs) {
      const known = this.#keysByRef.get(ref);
      if (known === undefined || known === key) this.#keysByRef.set(ref, key);
      else if (typeof known === 'string') this.#keysByRef.set(ref, new Set([known, key]));
      else known.add(key);
    }
  }

  remove(key: string, refs: readonly string[]): void {
    for (const ref of refs) {
      const known = this.#keysByRef.get(ref);
      if (known === key) this.#keysByRef.delete(ref);
      else if (known instanceof Set && known.delete(key) && known.size === 0) this.#keysByRef.delete(ref);
    }
  }

  keysOf(ref: string): string[] {
    const known = this.#keysByRef.get(ref);
    return typeof known === 'string' ? [known] : [...(known ?? [])];
  }
}

/** What was heard while fills were under way, so that none of them brings an old record back. */
class Hearsay {
  readonly #heardAt = new Map<string, number>();
  #turn = 0;
  #clearedAt = 0;

  now(): number {
    return this.#turn;
  }

  hear(ref: string): void {
    this.#turn += 1;
    this.#heardAt.set(ref, this.#turn);
  }

  hearAll(): void {
    this.#turn += 1;
    this.#clearedAt = this.#turn;
  }

  isOutdated(refs: readonly string[], since: number): boolean {
    return this.#clearedAt > since || refs.some((ref) => (this.#heardAt.get(ref) ?? 0) > since);
  }

  forget(): void {
    this.#heardAt.clear();
  }
}

/**
 * A fill that raced with a change must not bring the old record back: changes heard while a fill is under way are
 * kept, and a record that one of them names is read again before anybody gets it.
 */
export function createRecordCache<V extends object>(options: RecordCacheOptions<V>): RecordCache<V> {
  const { changes, refsOf, load } = options;
  const index = new RefIndex();
  const hearsay = new Hearsay();
  const filling = new Map<string, Promise<V | null>>();
  const entries = new LRUCache<string, V>({
    maxSize: options.maxEntries,
    sizeCalculation: () => 1,
    dispose: (value, key) => index.remove(key, refsOf(value)),
  });

  let looks = 0;
  const look = (key: string): V | undefined => {
    looks = (looks + 1) % PROMOTED_EACH;
    return looks === 0 || entries.size <= SMALL ? entries.get(key) : entries.peek(key);
  };

  changes.onChange(({ ref }) => {
    if (filling.size > 0) hearsay.hear(ref);
    for (const key of index.keysOf(ref)) entries.delete(key);
  });

  const clear = () => {
    hearsay.hearAll();
    entries.clear();
  };
  changes.onLost(clear);

  const fill = async (key: string): Promise<V | null> => {
    try {
      for (;;) {
        const startedAt = hearsay.now();
        const value = await load(key);
        if (value && hearsay.isOutdated(refsOf(value), startedAt)) continue;
        if (value) {
          entries.set(key, value);
          index.add(key, refsOf(value));
        }
        return value;
      }
    } finally {
      filling.delete(key);
      if (filling.size === 0) hearsay.forget();
    }
  };

  return {
    peek: (key) => {
      const value = look(key);
      return value !== undefined && changes.isFresh() ? value : undefined;
    },
    fetch: (key) => {
      const cached = entries.get(key);
      if (cached !== undefined && changes.isFresh()) return Promise.resolve(cached);
      const under = filling.get(key);
      if (under) return under;
      const started = fill(key);
      filling.set(key, started);
      return started;
    },
    drop: (key) => void entries.delete(key),
    clear,
    size: () => entries.size,
  };
}
