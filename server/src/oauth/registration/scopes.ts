import type { ScopeCatalogue } from '../../scopes/index.ts';

/** Whether a scope gives away nothing of the workspace's own management, by itself or by what it implies. */
function isOpen(catalogue: ScopeCatalogue, name: string): boolean {
  return [...catalogue.expand([name])].every((each) => catalogue.get(each)?.kind !== 'management');
}

/** What clients that registered themselves may ask people for at most: never to manage Latchkey. Pure. */
export function selfRegisteredScopes(catalogue: ScopeCatalogue): readonly string[] {
  return catalogue.names().filter((name) => isOpen(catalogue, name));
}

/** The fewest names that mean the same. */
function fewest(catalogue: ScopeCatalogue, names: readonly string[]): readonly string[] {
  let kept: readonly string[] = [];
  for (const name of names) {
    if (catalogue.expand(kept).has(name)) continue;
    const more = catalogue.expand([name]);
    kept = [...kept.filter((each) => !more.has(each)), name];
  }
  return kept;
}

/** What a client gets that names no scope that is known: all but what is marked as sensitive. Pure. */
export function usualScopes(catalogue: ScopeCatalogue): readonly string[] {
  const names = selfRegisteredScopes(catalogue).filter((name) => !catalogue.get(name)?.sensitive);
  return fewest(catalogue, names);
}
