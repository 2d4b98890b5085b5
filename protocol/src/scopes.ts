import { isScopeToken } from './scope-tokens.ts';

export type ScopeKind = 'product' | 'management' | 'identity';

/** One row of the catalogue. `description` is for the person on a consent page; `implies` names other scopes. */
export type ScopeDefinition = {
  readonly name: string;
  readonly description: string;
  readonly implies: readonly string[];
  readonly sensitive: boolean;
  readonly kind: ScopeKind;
};

export type ScopeCatalogue = {
  has(name: string): boolean;
  /** All names, in the order of the definitions. */
  names(): string[];
  get(name: string): ScopeDefinition | undefined;
  /** The granted scopes and all that they imply, however far. Unknown names are left out. */
  expand(granted: Iterable<string>): ReadonlySet<string>;
  /** Those of the names that the catalogue does not have. */
  unknown(names: Iterable<string>): string[];
  /** Those of the requested scopes that `held`, expanded, does not cover. Unknown ones are always among them. */
  beyond(requested: Iterable<string>, held: ReadonlySet<string>): string[];
};

const LONGEST_NAME = 100;

/**
 * Builds the catalogue that decides which scope implies which. It keeps copies: later changes to the definitions
 * do not reach it.
 * @throws RangeError on a name that occurs twice, is no scope-token (RFC 6749 section 3.3) or has over 100
 * characters, and on an implied scope that is not defined.
 */
export function buildScopeCatalogue(definitions: Iterable<ScopeDefinition>): ScopeCatalogue {
  const rows = indexByName(definitions);
  const closures = new Map<string, ReadonlySet<string>>();

  function closureOf(name: string): ReadonlySet<string> {
    const known = closures.get(name);
    if (known !== undefined) return known;
    const closure = reach(rows, name);
    if (rows.has(name)) closures.set(name, closure);
    return closure;
  }

  function expand(granted: Iterable<string>): ReadonlySet<string> {
    const expanded = new Set<string>();
    for (const name of granted) {
      if (expanded.has(name)) continue;
      for (const implied of closureOf(name)) expanded.add(implied);
    }
    return expanded;
  }

  return {
    has: (name) => rows.has(name),
    names: () => [...rows.keys()],
    get: (name) => rows.get(name),
    expand,
    unknown: (names) => [...names].filter((name) => !rows.has(name)),
    beyond: (requested, held) => {
      // An expanded set is closed, so it covers a scope's whole expansion exactly when it has the scope.
      const covered = expand(held);
      return [...requested].filter((name) => !covered.has(name));
    },
  };
}

function indexByName(definitions: Iterable<ScopeDefinition>): Map<string, ScopeDefinition> {
  const rows = new Map<string, ScopeDefinition>();
  for (const definition of definitions) {
    const { name } = definition;
    if (name.length > LONGEST_NAME || !isScopeToken(name)) throw new RangeError(`Not a scope name: ${name}`);
    if (rows.has(name)) throw new RangeError(`The scope ${name} is defined twice.`);
    rows.set(name, { ...definition, implies: [...definition.implies] });
  }
  for (const { name, implies } of rows.values()) {
    const missing = implies.find((implied) => !rows.has(implied));
    if (missing !== undefined) throw new RangeError(`The scope ${name} implies ${missing}, which is not defined.`);
  }
  return rows;
}

function reach(rows: ReadonlyMap<string, ScopeDefinition>, start: string): Set<string> {
  const reached = new Set<string>();
  const open = [start];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const row = rows.get(name);
    if (row === undefined || reached.has(name)) continue;
    reached.add(name);
    open.push(...row.implies);
  }
  return reached;
}
