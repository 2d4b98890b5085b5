/** The parameters of an authorization request, as they were sent. Those without a value count as left out (RFC 6749 §3.1). */
export interface AuthorizationParameters {
  get(name: string): string | null;
  all(name: string): readonly string[];
  /** Names that occur more than once. */
  readonly repeated: ReadonlySet<string>;
}

/** Names are literal: `a[b]` is a name like any other. */
export function readParameters(entries: Iterable<readonly [string, string]>): AuthorizationParameters {
  const values = new Map<string, string[]>();
  const repeated = new Set<string>();
  for (const [name, value] of entries) {
    const known = values.get(name);
    if (known === undefined) values.set(name, [value]);
    else {
      repeated.add(name);
      known.push(value);
    }
  }
  return {
    get: (name) => values.get(name)?.[0] || null,
    all: (name) => (values.get(name) ?? []).filter((value) => value !== ''),
    repeated,
  };
}
