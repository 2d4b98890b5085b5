import type { Inspect } from './access/index.ts';
import { identityOf } from './accounts/index.ts';
import type { Database } from './database/index.ts';
import type { Authenticate, FormRoute, Route } from './http/index.ts';
import { type DiscoveryDeps, discoveryRoutes, GRANTS, ID_TOKEN_ALGORITHM, userinfoRoutes } from './oauth/index.ts';
import type { Resources } from './resources/index.ts';
import type { Scopes } from './scopes/index.ts';

export interface EndpointOptions {
  database: Database;
  resources: Resources;
  scopes: Scopes;
  authenticate: Authenticate;
  inspect: Inspect;
  issuer(): string;
  /** Whether anything answers at a path. */
  answers(path: string): boolean;
}

function discoveryDeps({ resources, scopes, issuer, answers }: EndpointOptions): DiscoveryDeps {
  return {
    issuer,
    resources,
    catalogue: scopes.catalogue,
    isMounted: answers,
    grantTypes: GRANTS.map(({ type }) => type),
    authMethods: [],
    assertionAlgorithms: [],
    idTokenAlgorithms: [ID_TOKEN_ALGORITHM],
  };
}

/** The endpoints of the RFCs that tokens come from and are asked about at, and the documents that name them. */
export function composeEndpoints(options: EndpointOptions): { routes: Route[]; forms: FormRoute[] } {
  const { database } = options;
  return {
    routes: [...userinfoRoutes({ database, identityOf }), ...discoveryRoutes(discoveryDeps(options))],
    forms: [],
  };
}
