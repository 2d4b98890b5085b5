import { createGuesses, type People, type Workspaces } from './accounts/index.ts';
import type { Applications } from './applications/index.ts';
import type { RecordAudit } from './audit/index.ts';
import type { Clock } from './clock.ts';
import type { RandomBytes } from './crypto/index.ts';
import type { Database } from './database/index.ts';
import type { Cursors, Principal, Route } from './http/index.ts';
import type { Metrics } from './insights/index.ts';
import type { Jobs } from './jobs/index.ts';
import type { Limiter } from './limits/index.ts';
import {
  type Codes,
  createAuthorizer,
  createCodes,
  createGrants,
  documentHost,
  endGrantsOfUser,
  type Grants,
  grantRoutes,
  readIdTokenHint,
  readLogout,
  revokeGrant,
} from './oauth/index.ts';
import type { OAuthForPages } from './pages/index.ts';
import type { Resources } from './resources/index.ts';
import type { ScopeCatalogue } from './scopes/index.ts';
import type { Changes } from './shared-state/index.ts';
import type { SigningKeys } from './signing-keys/index.ts';
import type { Tokens } from './tokens/index.ts';

export interface AuthorizeOptions {
  database: Database;
  clock: Clock;
  randomBytes: RandomBytes;
  changes: Changes;
  recordAudit: RecordAudit;
  catalogue: ScopeCatalogue;
  resources: Resources;
  applications: Pick<Applications, 'find' | 'peek'>;
  tokens: Tokens;
  signingKeys: SigningKeys;
  /** Counts what strangers make the server store. */
  guesses: Limiter;
  cursors: Cursors;
  resolveWorkspace(principal: Principal, named: string | undefined): Promise<string>;
  metrics: Metrics;
  workspaces: Workspaces;
  issuer(): string;
}

/** The authorization endpoint with what people allowed: for pages, for the token endpoint, for `/v1`. */
export interface ComposedAuthorize {
  forPages: OAuthForPages;
  codes: Codes;
  grants: Grants;
  /** For who takes people away. */
  endGrants: People['endGrants'];
  routes: Route[];
  addJobs(jobs: Jobs): void;
  flush(): Promise<void>;
}

export function composeAuthorize(options: AuthorizeOptions): ComposedAuthorize {
  const { applications, issuer, signingKeys, metrics, workspaces } = options;
  const store = { ...options, onWithdrawn: metrics.grantWithdrawn };
  const grants = createGrants(store);
  const codes = createCodes(options);
  const guesses = createGuesses({ limiter: options.guesses, clock: options.clock });
  const authorizer = createAuthorizer({
    ...options,
    grants,
    codes,
    isFirstWorkspace: workspaces.isFirst,
    isMember: workspaces.hasMember,
    onAnswered: metrics.authorizationAnswered,
    countRequest: (address) => guesses.request('authorization', address),
    readHint: (text, clientId) => {
      const hint = readIdTokenHint({ signingKeys, issuer }, text);
      return hint?.clientId === clientId ? hint.userId : null;
    },
  });
  const nameOf = async (clientId: string) => (await applications.find(clientId))?.name ?? documentHost(clientId);
  return {
    forPages: {
      authorizer,
      grants,
      revokeGrant: (actor, id, mayEnd) => revokeGrant(store, actor, id, mayEnd),
      findApplication: (clientId) => applications.find(clientId),
      readLogout: (params, visitor) => readLogout({ signingKeys, issuer, applications }, params, visitor),
    },
    codes,
    grants,
    endGrants: (tx, actor, ending) => endGrantsOfUser(store, tx, actor, ending),
    routes: grantRoutes({ ...options, grants, store, nameOf }),
    addJobs: (jobs) => {
      jobs.add({ name: 'oauth.grants.used', intervalMs: 30_000, runs: 'each', run: grants.flush });
      jobs.add({ name: 'oauth.grants.prune', intervalMs: 3_600_000, runs: 'one', run: grants.prune });
      jobs.add({ name: 'oauth.codes.prune', intervalMs: 60_000, runs: 'one', run: authorizer.prune });
    },
    flush: grants.flush,
  };
}
