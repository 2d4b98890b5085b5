// Boundary: the scope catalogue: which scopes exist, what they say to people, which imply which. Owns scopes. Implication
// is data, resolved once per change; handlers ask for one scope and never match strings.
import type { ScopeCatalogue } from '@latchkey/protocol';

export { catalogueOf, createScopes, type Scopes } from './catalogue.ts';
export { refuseBeyondHeld } from './grantable.ts';
export { scopeRoutes } from './routes.ts';
export { countScopesOf } from './store.ts';
export { scopesMigrations } from './tables.ts';
export type { ScopeCatalogue };
