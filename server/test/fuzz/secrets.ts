const SECRETS = /(?:[sr]k_(?:test|live)_|lk_(?:root|cs|at|rt|rat)_)[0-9A-Za-z]{46}/g;

/** Every text of the form of a secret that stands in it. */
export function secretsIn(text: string): string[] {
  return text.includes('k_') ? (text.match(SECRETS) ?? []) : [];
}

/** All secrets that the server has given out in a run, and to whom. */
export class SecretBook {
  readonly #holders = new Map<string, string>();
  /** Secrets without our form, such as passwords and imported keys: few, and looked for one by one. */
  readonly #foreign: string[] = [];

  enter(secret: string, holder = ''): void {
    this.#holders.set(secret, holder);
    if (secretsIn(secret).length === 0 && !this.#foreign.includes(secret)) this.#foreign.push(secret);
  }

  knows(secret: string): boolean {
    return this.#holders.has(secret);
  }

  /** To whom it was shown when it was made. */
  holderOf(secret: string): string | undefined {
    return this.#holders.get(secret);
  }

  foreignIn(text: string): string[] {
    return this.#foreign.filter((secret) => text.includes(secret));
  }

  get size(): number {
    return this.#holders.size;
  }
}
