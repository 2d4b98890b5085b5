import type { Inspect } from './access/index.ts';
import { identityOf, type People, type SessionResolver, visitOf } from './accounts/index.ts';
import { type Applications, AUTH_METHODS, type AuthenticateClient, ID_TOKEN_ALGORITHMS } from './applications/index.ts';
import type { RecordAudit } from './audit/index.ts';
import type { Clock } from './clock.ts';
import type { Counting } from './counting.ts';
import type { Database } from './database/index.ts';
import type { Authenticate, FormCall, FormRoute, Guarded, Principal, Route } from './http/index.ts';
import type { Metrics } from './insights/index.ts';
import { type LoginDeps, loginRoutes, refreshLogin } from './login/index.ts';
import {
  type Codes,
  type DiscoveryDeps,
  discoveryRoutes,
  GRANTS,
  type Grants,
  INTROSPECT,
  introspectionRoutes,
  revocationRoutes,
  type TokenDeps,
  tokenRoutes,
  userinfoRoutes,
} from './oauth/index.ts';
import { FOREIGN_ALGORITHM_NAMES } from './remote-keys/index.ts';
import type { Resources } from './resources/index.ts';
import type { Scopes } from './scopes/index.ts';
import type { SigningKeys } from './signing-keys/index.ts';
import type { Tokens } from './tokens/index.ts';
import type { TrustedIssuers } from './trusted-issuers/index.ts';

export interface EndpointOptions {
  database: Database;
  clock: Clock;
  tokens: Tokens;
  signingKeys: SigningKeys;
  resources: Resources;
  scopes: Scopes;
  recordAudit: RecordAudit;
  counting: Counting;
  metrics: Metrics;
  applications: Applications;
  codes: Codes;
  grants: Grants;
  authenticateClient: AuthenticateClient;
  trustedIssuers: TrustedIssuers;
  authenticate: Authenticate;
  inspect: Inspect;
  people: People;
  sessions: SessionResolver;
  /** Whether first-party software logs people in by password. */
  passwordLogin: boolean;
  readsClientDocuments: boolean;
  payAddress(address: string): Promise<void>;
  issuer(): string;
  /** Whether anything answers at a path. */
  answers(path: string): boolean;
}

/** Whoever brings a key or token to ask about tokens. It costs them nothing: the token that they ask about pays. */
const ASKS_ABOUT_TOKENS: Guarded = { scope: INTROSPECT, root: 'allowed', isFree: true };

/** The door, for endpoints that also let clients in by their secret. */
function enterBy(authenticate: Authenticate) {
  return (call: FormCall): Principal | Promise<Principal> => {
    const headers: Record<string, string> = {};
    for (const name of ['authorization', 'x-api-key']) {
      const value = call.header(name);
      if (value !== undefined) headers[name] = value;
    }
    const request = { headers, rawHeaders: Object.entries(headers).flat(), method: 'POST' };
    const admission = authenticate(request, call.address, ASKS_ABOUT_TOKENS, '/oauth/introspect');
    return admission instanceof Promise ? admission.then(({ principal }) => principal) : admission.principal;
  };
}

function loginDeps({ people, tokens, resources, sessions, payAddress, metrics }: EndpointOptions): LoginDeps {
  return {
    people,
    tokens,
    audience: () => resources.default().audience,
    findSession: sessions.find,
    noteRefreshed: sessions.noteRefreshed,
    payAddress,
    onAsked: metrics.tokensAsked,
  };
}

function discoveryDeps(options: EndpointOptions): DiscoveryDeps {
  const { resources, scopes, issuer, answers, readsClientDocuments } = options;
  return {
    readsClientDocuments,
    issuer,
    resources,
    catalogue: scopes.catalogue,
    isMounted: answers,
    grantTypes: GRANTS.map(({ type }) => type),
    authMethods: AUTH_METHODS,
    assertionAlgorithms: [...FOREIGN_ALGORITHM_NAMES, 'HS256'],
    idTokenAlgorithms: ID_TOKEN_ALGORITHMS,
  };
}

/** Where tokens come from and are asked about: login, the endpoints of the RFCs, and the documents that name them. */
export function composeEndpoints(options: EndpointOptions): { routes: Route[]; forms: FormRoute[] } {
  const { database, tokens, authenticateClient, authenticate, inspect, issuer, metrics, applications } = options;
  const login = options.passwordLogin ? loginDeps(options) : null;
  const { catalogue } = options.scopes;
  const tokenDeps: TokenDeps = {
    ...options,
    catalogue,
    identityOf,
    assertions: options.trustedIssuers,
    limiter: options.counting.guesses,
    findApplication: applications.find,
    refreshLogin: login && ((call, refreshToken) => refreshLogin(login, visitOf(call, issuer()), { refreshToken })),
    onAsked: metrics.tokensAsked,
  };
  const enter = enterBy(authenticate);
  return {
    routes: [
      ...(login ? loginRoutes(login) : []),
      ...userinfoRoutes({ database, identityOf }),
      ...discoveryRoutes(discoveryDeps(options)),
    ],
    forms: [
      ...tokenRoutes(tokenDeps),
      ...revocationRoutes({
        ...{ database, tokens, authenticateClient },
        limiter: options.counting.guesses,
        onRevoked: metrics.tokenRevoked,
      }),
      ...introspectionRoutes({ catalogue, tokens, authenticateClient, enter, lookUp: inspect, issuer }),
    ],
  };
}
