import type { ScopeCatalogue } from '../scopes/index.ts';

/**
 * What is asked for and allowed (contract §5): asked scopes that are allowed whole stay as they were written; of one that
 * is too wide remains what is allowed of it. Unknown ones fall away. Pure.
 */
export function narrowScopes(
  catalogue: ScopeCatalogue,
  asked: readonly string[],
  allowed: readonly string[],
): readonly string[] {
  const held = catalogue.expand(allowed);
  const known = [...new Set(asked)].filter((scope) => catalogue.has(scope));
  const kept = known.filter((scope) => held.has(scope));
  if (kept.length === known.length) return kept;
  const tooWide = catalogue.expand(known.filter((scope) => !kept.includes(scope)));
  const has = catalogue.expand(kept);
  const within = allowed.filter((scope) => tooWide.has(scope) && !has.has(scope));
  return [...kept, ...new Set(within)];
}
