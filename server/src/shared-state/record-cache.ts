import { LRUCache } from 'lru-cache';
import type { Changes } from './changes.ts';

export interface RecordCacheOptions<V> {
  changes: Changes;
  maxEntries: number;
  /** Every `kind:ref` whose change makes this record untrue. */
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
  size(): number;
}

/**
 * A fill that raced with a change must not bring the old record back: changes heard while a fill is under way are
 * kept, and a record that one of them names is handed out once but not remembered.
 */
export function createRecordCache<V extends object>(options: RecordCacheOptions<V>): RecordCache<V> {
  const { changes, refsOf, load } = options;
  const keysByRef = new Map<string, Set<string>>();
  const filling = new Map<string, Promise<V | null>>();
  const heardWhileFilling = new Map<string, number>();
  let heard = 0;

  const unlink = (value: V, key: string) => {
    for (const ref of refsOf(value)) {
      const keys = keysByRef.get(ref);
      keys?.delete(key);
      if (keys?.size === 0) keysByRef.delete(ref);
    }
  };
  const entries = new LRUCache<string, V>({ max: options.maxEntries, dispose: unlink });

  const remember = (key: string, value: V) => {
    entries.set(key, value);
    for (const ref of refsOf(value)) {
      const keys = keysByRef.get(ref);
      if (keys) keys.add(key);
      else keysByRef.set(ref, new Set([key]));
    }
  };

  changes.onChange(({ kind, ref }) => {
    const name = `${kind}:${ref}`;
    heard += 1;
    if (filling.size > 0) heardWhileFilling.set(name, heard);
    for (const key of [...(keysByRef.get(name) ?? [])]) entries.delete(key);
  });

  const fill = async (key: string): Promise<V | null> => {
    const startedAt = heard;
    try {
      const value = await load(key);
      const outdated = value && refsOf(value).some((ref) => (heardWhileFilling.get(ref) ?? 0) > startedAt);
      if (value && outdated) return await load(key);
      if (value) remember(key, value);
      return value;
    } finally {
      filling.delete(key);
      if (filling.size === 0) heardWhileFilling.clear();
    }
  };

  return {
    peek: (key) => {
      const value = entries.get(key);
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
    size: () => entries.size,
  };
}
