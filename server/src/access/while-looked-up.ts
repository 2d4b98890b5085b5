/** What is being looked up, by key, with how many wait for it: gone with the last of them. */
export class WhileLookedUp<V> {
  readonly #byKey = new Map<string, { value: V; waiting: number }>();

  async during<T>(key: string, value: V, run: () => Promise<T>): Promise<T> {
    const entry = this.#byKey.get(key) ?? { value, waiting: 0 };
    entry.waiting += 1;
    this.#byKey.set(key, entry);
    try {
      return await run();
    } finally {
      entry.waiting -= 1;
      if (entry.waiting === 0) this.#byKey.delete(key);
    }
  }

  get(key: string): V | undefined {
    return this.#byKey.get(key)?.value;
  }
}
