/** The parameters of an authorization request, as they were sent. Those without a value count as left out (RFC 6749 §3.1). */
export interface AuthorizationParameters {
  get(name: string): string | null;
  all(name: string): readonly string[];
  /** Names that occur more than once. */
  readonly repeated: ReadonlySet<string>;
  /** False when a byte was no UTF-8, or is one that is kept nowhere. */
  readonly isReadable: boolean;
}

/** What stands in place of bytes that are no UTF-8, and NUL. */
const UNREADABLE = /[\ufffd\0]/;

/** Names are literal: `a[b]` is a name like any other. */
export function readParameters(entries: Iterable<readonly [string, string]>): AuthorizationParameters {
  const values = new Map<string, string[]>();
  const repeated = new Set<string>();
  let isReadable = true;
  for (const [name, value] of entries) {
    if (UNREADABLE.test(name) || UNREADABLE.test(value)) isReadable = false;
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
    isReadable,
  };
}
