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

/** Loads again whenever a change of its kind is heard; of loads that overlap, the one that began last wins. */
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
  changes.onChange((change) => {
    if (change.kind === kind) load().catch(onError);
  });
  return { current: () => current, load, onReload: (listener) => listeners.push(listener) };
}
