// Boundary: the scope catalogue: which scopes exist, what they say to people, which imply which. Implication is data;
// handlers ask for one scope and never match strings.
import { buildScopeCatalogue, DEFAULT_SCOPES, type ScopeCatalogue } from '@latchkey/protocol';

export type { ScopeCatalogue };

/** The catalogue that every installation begins with (contract §5). */
export function defaultScopeCatalogue(): ScopeCatalogue {
  return buildScopeCatalogue(DEFAULT_SCOPES);
}
