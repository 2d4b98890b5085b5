import type { TokenSubject } from './access/index.ts';
import { restoredAtMs, type Workspaces } from './accounts/index.ts';
import { limitsOfCaller, refuseEndedGrantor } from './api-keys/index.ts';
import {
  type ApplicationDeps,
  type Applications,
  type AuthenticateClient,
  applicationRoutes,
  applicationsMigrations,
  applicationsSealedColumns,
  backChannelLogoutMigrations,
  createApplications,
  createAuthenticateClient,
  createSecretUsage,
  type EndClient,
  ID_TOKEN_ALGORITHMS,
  idTokenMigrations,
  MOST_STRANGERS_KEYS_AT_ONCE,
  pruneAssertions,
  type SecretUsage,
} from './applications/index.ts';
import type { RecordAudit } from './audit/index.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config/index.ts';
import type { Counting } from './counting.ts';
import type { Envelope, RandomBytes } from './crypto/index.ts';
import type { Database, Migration, Tx } from './database/index.ts';
import type { Cursors, FormRoute, Route } from './http/index.ts';
import type { Metrics } from './insights/index.ts';
import type { Jobs } from './jobs/index.ts';
import { type PlanTable, UNLIMITED } from './limits/index.ts';
import {
  authorizeMigrations,
  backChannelMigrations,
  consentMigrations,
  createClientDocuments,
  endGrantsOf,
  isDocumentUrl,
  registrationMigrations,
  selfRegisteredScopes,
} from './oauth/index.ts';
import { createOutbound, type Outbound } from './outbound/index.ts';
import { createRemoteKeys, type RemoteKeys } from './remote-keys/index.ts';
import {
  createResources,
  lockResource,
  type Resources,
  resourceRoutes,
  resourcesMigrations,
} from './resources/index.ts';
import type { ScopeCatalogue, Scopes } from './scopes/index.ts';
import type { SealedColumn } from './sealed-values/index.ts';
import type { Changes } from './shared-state/index.ts';
import type { SigningKeys } from './signing-keys/index.ts';
import type { Surroundings } from './surroundings.ts';
import { FIRST_PARTY_CLIENT, opaqueMigrations, type Tokens } from './tokens/index.ts';
import { trustedIssuersMigrations, trustedIssuersSealedColumns } from './trusted-issuers/index.ts';

/** Migrations of OAuth's domains, in the order in which they were written. New ones go to the end. */
export const oauthMigrations: readonly Migration[] = [
  ...resourcesMigrations,
  ...applicationsMigrations,
  ...trustedIssuersMigrations,
  ...opaqueMigrations,
  ...consentMigrations,
  ...authorizeMigrations,
  ...registrationMigrations,
  ...idTokenMigrations,
  ...backChannelLogoutMigrations,
  ...backChannelMigrations,
];

/** Columns of OAuth's domains that are sealed under LATCHKEY_ENCRYPTION_KEYS. */
export const oauthSealedColumns: readonly SealedColumn[] = [
  ...applicationsSealedColumns,
  ...trustedIssuersSealedColumns,
];

/** Memory of its own for each, so that nobody pushes out the keys of those who are trusted more (security H7). */
export interface KeysOfOthers {
  issuers: RemoteKeys;
  /** Of applications that an operator or a workspace registered. */
  applications: RemoteKeys;
  /** Of applications that registered themselves, or are described on the web. */
  strangers: RemoteKeys;
}

/** What tokens and the door ask of OAuth. */
export interface OAuthCore {
  resources: Resources;
  applications: Applications;
  secretUsage: SecretUsage;
  outbound: Outbound;
  keys: KeysOfOthers;
  restoredAtMs: number | null;
  /** Whether there is a resource of this id; it stays there until the transaction ends. */
  holdResource(tx: Tx, id: string): Promise<boolean>;
}

export interface OAuthCoreOptions extends Surroundings {
  config: Config;
  database: Database;
  changes: Changes;
  scopes: Scopes;
  workspaces: Workspaces;
  counting: Counting;
  metrics: Metrics;
  issuer(): string;
}

/** Where clients belong that nobody's key registers: a development server is for trying things out. */
export const environmentOfStrangers = ({ mode }: Config) => (mode === 'development' ? 'test' : 'live');

/** Built before tokens and the door, which ask it at every call. */
export async function createOAuthCore(options: OAuthCoreOptions): Promise<OAuthCore> {
  const { database, changes, clock, log, scopes, workspaces, config, counting, metrics } = options;
  const onError = (err: unknown) => log.error({ err }, 'the resources cannot be read');
  const resources = createResources({ ...options, onError });
  await resources.load();
  const outbound = createOutbound({ allow: config.outboundAllow });
  const { catalogue } = scopes;
  const documents = createClientDocuments({
    clock,
    outbound,
    catalogue,
    limiter: counting.guesses,
    isOn: config.clientRegistration !== 'off',
    environment: environmentOfStrangers(config),
    // Whoever writes a document only names what signs already: no stranger's document makes a key.
    idTokenAlgorithms: [ID_TOKEN_ALGORITHMS[0]],
    onRead: metrics.documentRead,
  });
  const applications = createApplications({
    database,
    changes,
    documents,
    selfRegisteredScopes: () => selfRegisteredScopes(catalogue),
    audienceOf: (id) => resources.byId(id)?.audience,
    workspaceFacts: workspaces.facts,
  });
  resources.onReload(applications.forget);
  scopes.onReload(applications.forget);
  const keysFrom = {
    clock,
    outbound,
    onError: (err: unknown, source: { host: string }) =>
      log.warn({ err, ...source }, 'the keys of somebody else cannot be read'),
  };
  return {
    resources,
    applications,
    secretUsage: createSecretUsage(database, clock),
    outbound,
    keys: {
      issuers: createRemoteKeys(keysFrom),
      applications: createRemoteKeys(keysFrom),
      strangers: createRemoteKeys({ ...keysFrom, mostAtOnce: MOST_STRANGERS_KEYS_AT_ONCE }),
    },
    restoredAtMs: await restoredAtMs(database.read),
    holdResource: async (tx, id) => (await lockResource(tx, id)) !== undefined,
  };
}

export interface SubjectDeps {
  applications: Applications;
  isPersonDisabled(userId: string): Promise<boolean>;
}

/** What the door asks about who is behind a token. */
export function createSubjectOf({ applications, isPersonDisabled }: SubjectDeps) {
  return async (userId: string | null, clientId: string): Promise<TokenSubject> => {
    const isPersonActive = userId === null || !(await isPersonDisabled(userId));
    if (clientId === FIRST_PARTY_CLIENT) {
      return { isActive: isPersonActive, clientWorkspaceId: null, plan: null, limits: null };
    }
    const application = await applications.find(clientId);
    // The API does not wait for somebody's web server: a client described there is as alive as its grant.
    if (application === null && isDocumentUrl(clientId)) {
      return { isActive: isPersonActive, clientWorkspaceId: null, plan: null, limits: null };
    }
    return {
      isActive: isPersonActive && application !== null && !application.isDisabled,
      clientWorkspaceId: application?.workspaceId ?? null,
      plan: application?.plan ?? null,
      limits: application?.limits ?? null,
    };
  };
}

export interface OAuthPartsOptions {
  database: Database;
  clock: Clock;
  randomBytes: RandomBytes;
  changes: Changes;
  catalogue: ScopeCatalogue;
  recordAudit: RecordAudit;
  envelope: Envelope;
  cursors: Cursors;
  counting: Counting;
  signingKeys: SigningKeys;
  tokens: Tokens;
  workspaces: Workspaces;
  oauth: OAuthCore;
  log: Surroundings['log'];
  plans(): PlanTable;
  issuer(): string;
}

/** OAuth as `compose.ts` mounts it: objects of `/v1`, endpoints of the RFCs, periodic work. */
export interface OAuthParts {
  routes: Route[];
  forms: FormRoute[];
  /** What making an application stands on; for a first start. */
  applicationDeps: ApplicationDeps;
  /** Who the client of a request is; for every endpoint that asks it. */
  authenticateClient: AuthenticateClient;
  addJobs(jobs: Jobs): void;
}

function applicationDepsOf(options: OAuthPartsOptions): ApplicationDeps {
  const { tokens, clock, signingKeys } = options;
  const endClient: EndClient = async (tx, id, reason) => {
    const families = reason === 'application_narrowed' ? 'keep' : 'end';
    await tokens.raiseWatermark(tx, { kind: 'client', id, reason, families });
    // Nobody asks caches for them again: the application is gone in the same transaction.
    if (reason === 'application_deleted') await endGrantsOf(tx, id, clock.nowMs());
  };
  return {
    ...options,
    endClient,
    prepareKey: async (algorithm) => {
      if (algorithm !== ID_TOKEN_ALGORITHMS[0]) await signingKeys.prepare(algorithm);
    },
    holdGrantor: (tx, principal) => refuseEndedGrantor(tx, { principal, limits: UNLIMITED }, clock.nowMs()),
  };
}

/** Builds what OAuth consists of. Each part adds its lines here. */
export function composeOAuth(options: OAuthPartsOptions): OAuthParts {
  const { oauth, database, clock, workspaces, counting, log } = options;
  const { resources, applications, secretUsage } = oauth;
  const applicationDeps = applicationDepsOf(options);
  const authenticateClient = createAuthenticateClient({
    ...options,
    applications,
    keys: oauth.keys,
    restoredAtMs: oauth.restoredAtMs,
    usage: secretUsage,
    guesses: counting.guesses,
    onAssertionRefused: (refused) => log.debug(refused, 'client assertion refused'),
  });
  return {
    routes: [
      ...resourceRoutes({ ...options, resources }),
      ...applicationRoutes({
        ...options,
        ...applicationDeps,
        resources,
        resolveWorkspace: workspaces.resolve,
        workspaceFacts: workspaces.facts,
        limitsOfCaller: (principal, workspace) => limitsOfCaller(options, principal, workspace),
      }),
    ],
    forms: [],
    applicationDeps,
    authenticateClient,
    addJobs: (jobs) => {
      jobs.add({ name: 'applications.usage', intervalMs: 30_000, runs: 'each', run: secretUsage.flush });
      const prune = () => pruneAssertions({ database, clock });
      jobs.add({ name: 'applications.prune', intervalMs: 600_000, runs: 'one', run: prune });
    },
  };
}
