import type { Changes } from './changes.ts';

/** A small table that every request may ask, held whole in memory: one object, replaced by another after each change. */
export interface Live<T> {
  current(): T;
  load(): Promise<void>;
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
  const listeners: (() => void)[] = [];
  const load = async () => {
    began += 1;
    const turn = began;
    const next = await read();
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
    if (change.kind === kind) void reload();
  });
  changes.onLost(reload);
  return { current: () => current, load, onReload: (listener) => listeners.push(listener) };
}
