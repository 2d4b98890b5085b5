import type { Logger } from 'pino';
import { accessRoutes, createAuthenticate } from './access/index.ts';
import { accountsMigrations, createWorkspaces, type Workspaces, workspaceRoutes } from './accounts/index.ts';
import { apiKeyRoutes, apiKeysMigrations, createKeyResolver, createKeyUsage, type KeyUsage } from './api-keys/index.ts';
import { auditMigrations, createRecordAudit, sealAuditLog } from './audit/index.ts';
import { bootstrap, type FirstStart } from './bootstrap.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config/index.ts';
import { createEnvelope, deriveKey, type RandomBytes } from './crypto/index.ts';
import { type Database, type Migration, openPostgres, openSqlite } from './database/index.ts';
import {
  createCursors,
  createHttpServer,
  createIdempotency,
  errorPageRoute,
  type HttpServer,
  healthRoutes,
  type Idempotency,
  idempotencyMigrations,
} from './http/index.ts';
import { createMetrics, metricsRoutes } from './insights/index.ts';
import { createJobs, type Jobs, jobsMigrations } from './jobs/index.ts';
import { createLivePlans, planMigrations, planRoutes } from './limits/index.ts';
import { sandboxMigrations, sandboxRoutes } from './sandbox/index.ts';
import { createScopes, scopeRoutes, scopesMigrations } from './scopes/index.ts';
import { type Changes, createChanges, sharedStateMigrations } from './shared-state/index.ts';

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
];

/** What does not come from settings: injected, so that tests move time and choose randomness. */
export interface Surroundings {
  clock: Clock;
  randomBytes: RandomBytes;
  log: Logger;
  version: string;
}

/** A built server: nothing listens yet. */
export interface Latchkey {
  http: HttpServer;
  database: Database;
  changes: Changes;
  jobs: Jobs;
  /** Workspace, owner and key of a fresh development installation; null on every later start. */
  bootstrap(): Promise<FirstStart | null>;
  /** The public base URL; set the bound port first. */
  issuer(): string;
  setBoundPort(port: number): void;
  /** Writes down what is only counted so far. */
  flush(): Promise<void>;
  markStopping(): void;
}

export function openDatabase(config: Config, log: Logger): Database {
  if (config.database.kind === 'sqlite') return openSqlite(config.database.path);
  return openPostgres(config.database.url, (err) => log.warn({ err }, 'an idle database connection was lost'));
}

interface PeriodicWork {
  database: Database;
  surroundings: Surroundings;
  config: Config;
  changes: Changes;
  idempotency: Idempotency;
  usage: KeyUsage;
}

function scheduleWork({ database, surroundings, config, changes, idempotency, usage }: PeriodicWork): Jobs {
  const { clock, randomBytes, log } = surroundings;
  const holder = Buffer.from(randomBytes(12)).toString('hex');
  const onError = (job: string, err: unknown) => log.error({ job, err }, 'a job failed; it will be tried again');
  const jobs = createJobs({ database, clock, holder, onError });
  const envelope = createEnvelope(config.encryptionKeys, randomBytes);
  const onSealed = (batch: object) => log.info(batch, 'audit batch sealed');
  const seal = () => sealAuditLog({ database, clock, envelope, onSealed });
  jobs.add({ name: 'audit.seal', intervalMs: 1000, runs: 'one', run: seal });
  jobs.add({ name: 'changes.prune', intervalMs: 600_000, runs: 'one', run: changes.prune });
  jobs.add({ name: 'idempotency.prune', intervalMs: 60_000, runs: 'one', run: idempotency.prune });
  jobs.add({ name: 'api_keys.usage', intervalMs: 5000, runs: 'each', run: usage.flush });
  return jobs;
}

function issuerOf(config: Config): Pick<Latchkey, 'issuer' | 'setBoundPort'> {
  let port = config.port;
  const scheme = config.tls ? 'https' : 'http';
  return {
    issuer: () => config.issuer ?? `${scheme}://localhost:${port}`,
    setBoundPort: (bound) => {
      port = bound;
    },
  };
}

function workspaceHelpers(workspaces: Workspaces) {
  return { resolveWorkspace: workspaces.resolve, isMember: workspaces.hasMember };
}

/** The one place that knows every domain: builds it, wires what must not import one another, mounts the routes. */
export async function compose(config: Config, surroundings: Surroundings, database: Database): Promise<Latchkey> {
  const { clock, randomBytes, log } = surroundings;
  const { issuer, setBoundPort } = issuerOf(config);
  const onChangesError = (err: unknown) => log.error({ err }, 'changes cannot be read; caches stop answering');
  const changes = createChanges({ database, clock, maxStaleMs: config.maxStaleMs, onError: onChangesError });
  const onScopesError = (err: unknown) => log.error({ err }, 'the scope catalogue cannot be read');
  const scopes = createScopes({ database, changes, clock, onError: onScopesError });
  await scopes.load();
  const onPlansError = (err: unknown) => log.error({ err }, 'the plans cannot be read');
  const plans = createLivePlans({ database, changes, clock, onError: onPlansError });
  await plans.load();
  const { catalogue } = scopes;
  const recordAudit = createRecordAudit(clock, randomBytes);
  const metrics = createMetrics();
  const usage = createKeyUsage(database, clock);
  const workspaces = createWorkspaces(database, changes);
  const keys = createKeyResolver({ database, changes, catalogue, issuer });
  scopes.onReload(keys.forget);
  plans.onReload(keys.forget);
  const { rootKeys } = config;
  const authenticate = createAuthenticate({ clock, keys, usage, rootKeys, onDecision: metrics.decided });
  const idempotency = createIdempotency({ database, clock, randomBytes });
  const http = await createHttpServer({
    ...surroundings,
    errorDetail: config.errorDetail,
    trustProxy: config.trustProxy,
    tls: config.tls,
    issuer,
    authenticate,
    idempotency,
    onAnswered: metrics.answered,
  });
  let isStopping = false;
  const [primaryKey] = config.encryptionKeys;
  const cursors = createCursors(deriveKey(primaryKey?.bytes ?? new Uint8Array(), '', 'latchkey cursors'));
  const deps = { database, clock, randomBytes, catalogue, changes, recordAudit, cursors };
  http.add(healthRoutes({ checks: { database: database.ping }, isStopping: () => isStopping }));
  http.add([errorPageRoute()]);
  http.add(accessRoutes());
  http.add(scopeRoutes({ ...deps, scopes }));
  http.add(planRoutes({ ...deps, plans }));
  http.add(workspaceRoutes({ ...deps, planExists: (name) => plans.current().has(name) }));
  http.add(apiKeyRoutes({ ...deps, ...workspaceHelpers(workspaces) }));
  http.add(metricsRoutes(metrics, { openToLoopback: config.mode === 'development' }));
  if (config.sandbox) http.add(sandboxRoutes(deps));
  return {
    http,
    database,
    changes,
    jobs: scheduleWork({ database, surroundings, config, changes, idempotency, usage }),
    bootstrap: async () => {
      if (config.mode !== 'development') return null;
      return bootstrap({ ...deps, sandbox: config.sandbox, hasFirstWorkspace: workspaces.hasFirst });
    },
    issuer,
    setBoundPort,
    flush: usage.flush,
    markStopping: () => {
      isStopping = true;
    },
  };
}
