import type { Changes } from './changes.ts';

/** A small table that every request may ask, held whole in memory: one object, replaced by another after each change. */
export interface Live<T> {
  current(): T;
  load(): Promise<void>;
  /** Whether `current` knows all that was heard: false from a change, or from a loss of changes, until it is read again. */
  isCurrent(): boolean;
  /** Hears when `current` has become another, after it has. */
  onReload(listener: () => void): void;
}

export interface LiveOptions<T> {
  changes: Changes;
  /** The kind of change that makes it untrue. */
  kind: string;
  initial: T;
  read(): Promise<T>;
  onError(error: unknown): void;
}

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 5000;

/** Loads again whenever a change of its kind is heard, or may have been missed, and until that has succeeded; of loads that overlap, the one that began last wins. */
export function createLive<T>({ changes, kind, initial, read, onError }: LiveOptions<T>): Live<T> {
  let current = initial;
  let began = 0;
  let shown = 0;
  let heard = 0;
  let known = 0;
  const listeners: (() => void)[] = [];
  const load = async () => {
    began += 1;
    const turn = began;
    const knows = heard;
    const next = await read();
    known = Math.max(known, knows);
    if (turn < shown) return;
    shown = turn;
    current = next;
    for (const listener of listeners) listener();
  };
  let retryMs = FIRST_RETRY_MS;
  let retry: NodeJS.Timeout | undefined;
  const reload = async (): Promise<void> => {
    try {
      await load();
      retryMs = FIRST_RETRY_MS;
    } catch (error) {
      onError(error);
      if (changes.isStopped()) return;
      clearTimeout(retry);
      retry = setTimeout(() => {
        if (!changes.isStopped()) void reload();
      }, retryMs).unref();
      retryMs = Math.min(2 * retryMs, LONGEST_RETRY_MS);
    }
  };
  changes.onChange((change) => {
    if (change.kind !== kind) return;
    heard += 1;
    void reload();
  });
  changes.onLost(() => {
    heard += 1;
    return reload();
  });
  return {
    current: () => current,
    load,
    isCurrent: () => known >= heard,
    onReload: (listener) => listeners.push(listener),
  };
}
