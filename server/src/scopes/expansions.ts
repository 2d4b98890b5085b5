import type { ScopeCatalogue } from '@latchkey/protocol';

const MOST_KEPT = 1000;
const LONGEST_KEPT = 1000;

/**
 * The same catalogue, which works out each list of scopes once: the same few are asked for all the time. Its sets are
 * shared, and nobody changes them. A catalogue never changes, so neither does what is kept.
 */
export function keepingExpansions(catalogue: ScopeCatalogue): ScopeCatalogue {
  const byList = new Map<string, ReadonlySet<string>>();
  /** Those, each of which is its own expansion. */
  const expanded = new WeakSet<object>();
  const expand = (granted: Iterable<string>): ReadonlySet<string> => {
    if (typeof granted === 'object' && expanded.has(granted)) return granted as ReadonlySet<string>;
    const names = [...granted];
    // Not joined by spaces: a name that comes from outside may contain one.
    const list = JSON.stringify(names);
    const known = byList.get(list);
    if (known) return known;
    const found = catalogue.expand(names);
    if (list.length > LONGEST_KEPT) return found;
    if (byList.size >= MOST_KEPT) byList.clear();
    byList.set(list, found);
    expanded.add(found);
    return found;
  };
  return {
    ...catalogue,
    expand,
    beyond: (requested, held) => {
      const covered = expand(held);
      return [...requested].filter((name) => !covered.has(name));
    },
  };
}
