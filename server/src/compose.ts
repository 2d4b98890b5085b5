import type { Logger } from 'pino';
import { accessRoutes, gateRoute, type VerifyKey, verifyKeyRoute } from './access/index.ts';
import {
  accountsMigrations,
  accountsSealedColumns,
  createSessions,
  createSlowHashes,
  createWorkspaces,
  declinedInvitationsMigrations,
  isPersonDisabled,
  peopleMigrations,
  type SessionResolver,
  type SlowHashes,
  sessionKindsMigrations,
  type Workspaces,
  workspaceRoutes,
} from './accounts/index.ts';
import {
  apiKeyRoutes,
  apiKeysMigrations,
  createKeyResolver,
  createKeyUsage,
  type KeyResolver,
  type KeyUsage,
  keyById,
} from './api-keys/index.ts';
import {
  auditMigrations,
  auditSealedColumns,
  createAuditSealer,
  createRecordAudit,
  type RecordAudit,
} from './audit/index.ts';
import { type ComposedAuthorize, composeAuthorize } from './authorize-parts.ts';
import { bootstrap, type FirstStart } from './bootstrap.ts';
import { issuerOf } from './bound-issuer.ts';
import type { Config } from './config/index.ts';
import { type Counting, createCounting } from './counting.ts';
import { createEnvelope, deriveKey, type Envelope } from './crypto/index.ts';
import { type Database, type Migration, openPostgres, openSqlite } from './database/index.ts';
import { createDoors, type Doors } from './doors.ts';
import { composeForeign, createForeignCore, type ForeignCore } from './foreign-parts.ts';
import {
  type Authenticate,
  createCursors,
  createHttpServer,
  createIdempotency,
  type HttpServer,
  healthRoutes,
  type Idempotency,
  idempotencyMigrations,
  type Principal,
  type Route,
} from './http/index.ts';
import {
  activityRoute,
  createKeyActivity,
  createMetrics,
  insightsMigrations,
  type KeyActivity,
  type Metrics,
  metricsRoutes,
} from './insights/index.ts';
import { createJobs, type Jobs, jobsMigrations } from './jobs/index.ts';
import { createLivePlans, limitsMigrations, type PlanTable, planMigrations, planRoutes } from './limits/index.ts';
import { type ComposedLogout, composeLogout } from './logout-parts.ts';
import { challengeUrl } from './oauth/index.ts';
import { composeEndpoints } from './oauth-endpoints.ts';
import { composeOAuth, createOAuthCore, type OAuthCore, oauthMigrations, oauthSealedColumns } from './oauth-parts.ts';
import { type ComposedPeople, composePeople, tokensOfPeople } from './people.ts';
import { composeRegistration } from './registration-parts.ts';
import { sandboxMigrations, sandboxRoutes } from './sandbox/index.ts';
import { createScopes, type Scopes, scopeRoutes, scopesMigrations } from './scopes/index.ts';
import { createRewrapper, type SealedColumn } from './sealed-values/index.ts';
import { type Changes, createChanges, type Live, sharedStateMigrations } from './shared-state/index.ts';
import {
  type SigningKeys,
  signingKeyRoutes,
  signingKeysMigrations,
  signingKeysSealedColumns,
} from './signing-keys/index.ts';
import type { Surroundings } from './surroundings.ts';
import { createTokenCore, type TokenCore } from './token-parts.ts';
import { type Tokens, tokensMigrations } from './tokens/index.ts';
import type { TrustedIssuers } from './trusted-issuers/index.ts';

/** Every migration, in the order in which they were written. New ones go to the end. */
export const MIGRATIONS: readonly Migration[] = [
  ...sharedStateMigrations,
  ...jobsMigrations,
  ...auditMigrations,
  ...idempotencyMigrations,
  ...accountsMigrations,
  ...apiKeysMigrations,
  ...sandboxMigrations,
  ...scopesMigrations,
  ...planMigrations,
  ...limitsMigrations,
  ...insightsMigrations,
  ...peopleMigrations,
  ...signingKeysMigrations,
  ...tokensMigrations,
  ...sessionKindsMigrations,
  ...oauthMigrations,
  ...declinedInvitationsMigrations,
];

/** Every column that is sealed under LATCHKEY_ENCRYPTION_KEYS. */
export const SEALED_COLUMNS: readonly SealedColumn[] = [
  ...auditSealedColumns,
  ...accountsSealedColumns,
  ...signingKeysSealedColumns,
  ...oauthSealedColumns,
];

/** A built server: nothing listens yet. */
export interface Latchkey {
  http: HttpServer;
  database: Database;
  changes: Changes;
  jobs: Jobs;
  signingKeys: SigningKeys;
  tokens: Tokens;
  trustedIssuers: TrustedIssuers;
  /** Workspace, owner and key of a fresh development installation; null on every later start. */
  bootstrap(): Promise<FirstStart | null>;
  /** The public base URL; set the bound port first. */
  issuer(): string;
  setBoundPort(port: number): void;
  /** Sends the mails that are due, as its job does. */
  sendMails(): Promise<void>;
  /** Writes down what is only counted so far. */
  flush(): Promise<void>;
  /** Gives reserved quota units back and leaves shared counters. */
  closeCounting(): Promise<void>;
  markStopping(): void;
}

export function openDatabase(config: Config, log: Logger): Database {
  const options = { onListenerError: (err: unknown) => log.error({ err }, 'what follows a commit failed') };
  if (config.database.kind === 'sqlite') return openSqlite(config.database.path, options);
  return openPostgres(config.database.url, (err) => log.warn({ err }, 'an idle database connection was lost'), options);
}

interface Core extends ForeignCore, TokenCore {
  changes: Changes;
  scopes: Scopes;
  plans: Live<PlanTable>;
  workspaces: Workspaces;
  keys: KeyResolver;
  sessions: SessionResolver;
  slowHashes: SlowHashes;
  recordAudit: RecordAudit;
  envelope: Envelope;
  usage: KeyUsage;
  activity: KeyActivity;
  metrics: Metrics;
  idempotency: Idempotency;
  counting: Counting;
  oauth: OAuthCore;
  issuer(): string;
}

/** What is small, asked by every request and held whole. */
async function createCatalogues({ maxStaleMs }: Config, { clock, log }: Surroundings, database: Database) {
  const logged = (message: string) => (err: unknown) => log.error({ err }, message);
  const onChangesError = logged('changes cannot be read; caches stop answering');
  const changes = createChanges({ database, clock, maxStaleMs, onError: onChangesError });
  const scopes = createScopes({ database, changes, clock, onError: logged('the scope catalogue cannot be read') });
  const plans = createLivePlans({ database, changes, clock, onError: logged('the plans cannot be read') });
  await Promise.all([scopes.load(), plans.load()]);
  return { changes, scopes, plans };
}

/** What the domains stand on, wired so that what is cached hears of what changes. */
async function createCore(
  config: Config,
  surroundings: Surroundings,
  database: Database,
  issuer: () => string,
): Promise<Core> {
  const { clock, randomBytes } = surroundings;
  const { changes, scopes, plans } = await createCatalogues(config, surroundings, database);
  const workspaces = createWorkspaces(database, changes);
  const metrics = createMetrics();
  const slowHashes = createSlowHashes();
  const shared = { database, changes, clock, catalogue: scopes.catalogue, issuer, plans: plans.current };
  const sessions = createSessions({ ...shared, firstWorkspaceId: workspaces.firstId });
  const keys = createKeyResolver({
    ...shared,
    workspaceFacts: workspaces.facts,
    verifySlowHash: slowHashes.verify,
    isPersonDisabled: (userId) => isPersonDisabled(database, userId),
  });
  for (const { onReload } of [scopes, plans]) {
    onReload(keys.forget);
    onReload(sessions.forget);
  }
  const recordAudit = createRecordAudit(clock, randomBytes);
  const envelope = createEnvelope(config.encryptionKeys, randomBytes);
  const counting = await createCounting({ config, surroundings, database, onDegraded: metrics.setLimiterDegraded });
  const known = { config, database, changes, scopes, workspaces, counting, metrics, issuer };
  const oauth = await createOAuthCore({ ...surroundings, ...known });
  const tokenDeps = { changes, scopes, plans, workspaces, recordAudit, envelope, oauth, issuer };
  return {
    ...(await createTokenCore({ ...surroundings, ...tokenDeps, config, database })),
    ...(await createForeignCore({ ...surroundings, ...tokenDeps, config, database })),
    recordAudit,
    envelope,
    changes,
    scopes,
    plans,
    workspaces,
    keys,
    sessions,
    slowHashes,
    oauth,
    usage: createKeyUsage(database, clock),
    activity: createKeyActivity(database, clock),
    metrics,
    idempotency: createIdempotency({ database, clock, randomBytes }),
    counting,
    issuer,
  };
}

function scheduleWork(core: Core, { mode }: Config, surroundings: Surroundings, database: Database): Jobs {
  const { clock, randomBytes, log } = surroundings;
  const holder = Buffer.from(randomBytes(12)).toString('hex');
  const onError = (job: string, err: unknown) => log.error({ job, err }, 'a job failed; it will be tried again');
  const jobs = createJobs({ database, clock, holder, onError });
  const { envelope } = core;
  // In production seals leave the machine with the log; in development they would fill the terminal.
  const level = mode === 'development' ? 'debug' : 'info';
  const onSealed = (batch: object) => log[level](batch, 'audit batch sealed');
  const seal = createAuditSealer({ database, clock, envelope, onSealed });
  const rewrap = createRewrapper({
    database,
    clock,
    envelope,
    columns: SEALED_COLUMNS,
    onBatch: core.metrics.rewrapped,
    onFailed: (table, id, err) => log.error({ table, id, err }, 'a sealed value cannot be opened'),
    onPass: (pass) => log.info({ ...pass, key: envelope.primaryKey().id }, 'values sealed anew'),
  });
  jobs.add({ name: 'audit.seal', intervalMs: 1000, runs: 'one', run: seal });
  jobs.add({ name: 'sealed_values.rewrap', intervalMs: 1000, runs: 'one', run: rewrap });
  jobs.add({ name: 'changes.prune', intervalMs: 600_000, runs: 'one', run: core.changes.prune });
  jobs.add({ name: 'idempotency.prune', intervalMs: 60_000, runs: 'one', run: core.idempotency.prune });
  jobs.add({ name: 'api_keys.usage', intervalMs: 30_000, runs: 'each', run: core.usage.flush });
  jobs.add({ name: 'api_keys.activity', intervalMs: 30_000, runs: 'each', run: core.activity.flush });
  jobs.add({ name: 'api_keys.activity.prune', intervalMs: 3_600_000, runs: 'one', run: core.activity.prune });
  jobs.add({ name: 'signing_keys.maintain', intervalMs: 1000, runs: 'each', run: core.signingKeys.maintain });
  jobs.add({ name: 'tokens.sweep', intervalMs: 60_000, runs: 'each', run: core.tokens.sweep });
  jobs.add({ name: 'tokens.prune', intervalMs: 600_000, runs: 'one', run: core.tokens.prune });
  core.counting.addJobs(jobs);
  jobs.add({ name: 'accounts.seen', intervalMs: 30_000, runs: 'each', run: core.sessions.flush });
  return jobs;
}

function domainDeps(core: Core, config: Config, surroundings: Surroundings, database: Database) {
  const { clock, randomBytes } = surroundings;
  const { changes, scopes, workspaces, plans } = core;
  return {
    database,
    clock,
    randomBytes,
    changes,
    catalogue: scopes.catalogue,
    recordAudit: core.recordAudit,
    envelope: core.envelope,
    cursors: createCursors(config.encryptionKeys.map(({ bytes }) => deriveKey(bytes, '', 'latchkey cursors'))),
    resolveWorkspace: workspaces.resolve,
    workspaceFacts: workspaces.facts,
    isMember: workspaces.hasMember,
    plans: plans.current,
    planExists: (name: string) => plans.current().has(name),
  };
}

type DomainDeps = ReturnType<typeof domainDeps>;

function routesOf(core: Core, config: Config, deps: DomainDeps, verifyKey: VerifyKey): Route[] {
  const canSeeKey = async (principal: Principal, id: string, workspace: string | undefined) => {
    const workspaceId = await deps.resolveWorkspace(principal, workspace);
    const reach = { workspaceId, environment: principal.environment };
    return (await keyById(deps.database.read, reach, id)) !== undefined;
  };
  return [
    ...accessRoutes(),
    gateRoute(),
    verifyKeyRoute(verifyKey),
    ...scopeRoutes({ ...deps, scopes: core.scopes, holdResource: core.oauth.holdResource }),
    ...planRoutes({ ...deps, plans: core.plans }),
    ...workspaceRoutes({ ...deps, ...tokensOfPeople(core.tokens), isOpen: config.signUp === 'open' }),
    ...signingKeyRoutes({ ...deps, signingKeys: core.signingKeys }),
    ...apiKeyRoutes(deps),
    activityRoute({ ...deps, canSeeKey }),
    ...metricsRoutes(core.metrics, { openToLoopback: config.mode === 'development' }),
    ...(config.sandbox ? sandboxRoutes(deps) : []),
  ];
}

function peopleOf(
  core: Core,
  config: Config,
  surroundings: Surroundings,
  deps: DomainDeps,
  authorize: ComposedAuthorize,
  { sessionEnds }: ComposedLogout,
): ComposedPeople {
  const { sessions, slowHashes, counting, issuer, tokens } = core;
  const { endGrants } = authorize;
  const shared = { config, surroundings, sessions, slowHashes, issuer, tokens };
  return composePeople({
    ...deps,
    ...shared,
    guesses: counting.guesses,
    oauth: authorize.forPages,
    endGrants,
    sessionEnds,
  });
}

function createHttp(
  core: Core,
  config: Config,
  surroundings: Surroundings,
  authenticate: Authenticate,
): Promise<HttpServer> {
  const { issuer, idempotency, metrics } = core;
  const { resources } = core.oauth;
  return createHttpServer({
    ...surroundings,
    errorDetail: config.errorDetail,
    trustProxy: config.trustProxy,
    tls: config.tls,
    issuer,
    resourceMetadata: (wanted) => challengeUrl({ issuer, resources }, wanted),
    authenticate,
    idempotency,
    onAnswered: metrics.answered,
  });
}

interface Setting {
  config: Config;
  surroundings: Surroundings;
  deps: DomainDeps;
  doors: Doors;
}

/** People, applications, and what they have to do with one another: their routes, forms and pages. */
function mountPeople(http: HttpServer, core: Core, { config, surroundings, deps, doors }: Setting) {
  const { resources, applications } = core.oauth;
  const { guesses } = core.counting;
  const authorize = composeAuthorize({ ...core, ...deps, resources, applications, guesses });
  const logout = composeLogout({ ...core, ...deps, ...surroundings });
  const composed = peopleOf(core, config, surroundings, deps, authorize, logout);
  http.add([...composed.routes, ...authorize.routes]);
  const oauth = composeOAuth({ ...core, ...deps, log: surroundings.log });
  const foreign = composeForeign({ ...core, ...deps, ...surroundings, config });
  const endpoints = composeEndpoints({
    ...{ ...core, ...deps, ...core.oauth, ...authorize, ...oauth, ...doors },
    people: composed.people,
    passwordLogin: config.passwordLogin,
    readsClientDocuments: config.clientRegistration !== 'off',
    answers: http.answers,
  });
  const registration = composeRegistration({ ...core, ...deps, ...oauth, ...doors, config });
  http.add([...oauth.routes, ...foreign.routes, ...endpoints.routes, ...registration.routes]);
  http.addForms([...oauth.forms, ...endpoints.forms]);
  http.addPages(composed.pages.routes, composed.pages.failurePage);
  return { composed, oauth, foreign, authorize, registration, logout };
}

/** The one place that knows every domain: builds it, wires what must not import one another, mounts the routes. */
export async function compose(config: Config, surroundings: Surroundings, database: Database): Promise<Latchkey> {
  const { issuer, setBoundPort } = issuerOf(config);
  const core = await createCore(config, surroundings, database, issuer);
  const doors = createDoors({
    ...config,
    ...core,
    clock: surroundings.clock,
    defaultAudience: () => core.oauth.resources.default().audience,
  });
  const http = await createHttp(core, config, surroundings, doors.authenticate);
  let isStopping = false;
  const checks = { database: database.ping };
  const { checks: spareChecks, isDegraded } = core.counting;
  http.add(healthRoutes({ checks, spareChecks, isStopping: () => isStopping, isDegraded }));
  const deps = domainDeps(core, config, surroundings, database);
  http.add(routesOf(core, config, deps, doors.verifyKey));
  const setting = { config, surroundings, deps, doors };
  const { composed, oauth, foreign, authorize, registration, logout } = mountPeople(http, core, setting);
  const jobs = scheduleWork(core, config, surroundings, database);
  for (const part of [composed, oauth, foreign, authorize, registration, logout]) part.addJobs(jobs);
  const { hasFirst: hasFirstWorkspace } = core.workspaces;
  const first = { ...deps, ...oauth.applicationDeps, sandbox: config.sandbox, issuer, hasFirstWorkspace };
  return {
    http,
    database,
    changes: core.changes,
    signingKeys: core.signingKeys,
    tokens: core.tokens,
    trustedIssuers: core.trustedIssuers,
    jobs,
    bootstrap: async () => (config.mode === 'development' ? bootstrap(first) : null),
    issuer,
    setBoundPort,
    sendMails: composed.people.outbox.sendDue,
    flush: async () => {
      const kept = [core.usage, core.activity, core.sessions, core.oauth.secretUsage, authorize, logout];
      await Promise.all(kept.map((each) => each.flush()));
    },
    closeCounting: async () => {
      composed.close();
      core.slowHashes.close();
      await core.counting.close();
    },
    markStopping: () => {
      isStopping = true;
    },
  };
}
