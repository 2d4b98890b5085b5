import type { Logger } from 'pino';
import { createForeignResolver, type ForeignResolver } from './access/index.ts';
import type { Workspaces } from './accounts/index.ts';
import type { RecordAudit } from './audit/index.ts';
import type { Config } from './config/index.ts';
import type { Envelope } from './crypto/index.ts';
import type { Database } from './database/index.ts';
import type { Cursors, Principal, Route } from './http/index.ts';
import type { Jobs } from './jobs/index.ts';
import type { PlanTable } from './limits/index.ts';
import type { OAuthCore } from './oauth-parts.ts';
import { createOutbound } from './outbound/index.ts';
import { createRemoteKeys } from './remote-keys/index.ts';
import type { Scopes } from './scopes/index.ts';
import type { Changes, Live } from './shared-state/index.ts';
import type { Surroundings } from './surroundings.ts';
import {
  createTrustedIssuers,
  type IsSubjectLinked,
  type SelfIssuedKeys,
  type TrustedIssuers,
  trustedIssuerRoutes,
} from './trusted-issuers/index.ts';

/** Others' JWTs: verified, and resolved for the door. */
export interface ForeignCore {
  trustedIssuers: TrustedIssuers;
  foreign: ForeignResolver;
}

export interface ForeignCoreOptions extends Surroundings {
  config: Config;
  database: Database;
  changes: Changes;
  scopes: Scopes;
  plans: Live<PlanTable>;
  workspaces: Workspaces;
  envelope: Envelope;
  oauth: OAuthCore;
  issuer(): string;
}

function logged(log: Logger, message: string) {
  return (err: unknown, more: object = {}) => log.warn({ err, ...more }, message);
}

/** Built beside tokens, before the door. */
export async function createForeignCore(options: ForeignCoreOptions): Promise<ForeignCore> {
  const { config, log, scopes, plans, oauth, workspaces } = options;
  const outbound = createOutbound({ allow: config.outboundAllow });
  const onError = logged(log, "somebody else's key set cannot be read; the last good one stays");
  const remoteKeys = createRemoteKeys({ ...options, outbound, onError });
  const selfIssued: SelfIssuedKeys = async () => null;
  const isSubjectLinked: IsSubjectLinked = async () => false;
  const trustedIssuers = createTrustedIssuers({
    ...options,
    catalogue: scopes.catalogue,
    resources: oauth.resources,
    remoteKeys,
    selfIssued,
    isSubjectLinked,
    onError: logged(log, 'trusted issuers cannot be read'),
    onRefused: (reason) => log.debug({ reason }, "somebody else's token was refused"),
  });
  await trustedIssuers.load();
  const foreign = createForeignResolver({
    ...options,
    catalogue: scopes.catalogue,
    plans: plans.current,
    trustedIssuers,
    workspaceFacts: workspaces.facts,
  });
  for (const { onReload } of [scopes, plans, oauth.resources, trustedIssuers]) onReload(foreign.forget);
  return { trustedIssuers, foreign };
}

export interface ForeignPartsOptions extends ForeignCoreOptions, ForeignCore {
  recordAudit: RecordAudit;
  cursors: Cursors;
  resolveWorkspace(principal: Principal, named: string | undefined): Promise<string>;
}

/** The routes and the periodic work of trusted issuers. */
export function composeForeign(options: ForeignPartsOptions): { routes: Route[]; addJobs(jobs: Jobs): void } {
  const { trustedIssuers, oauth, scopes, config, workspaces } = options;
  const routes = trustedIssuerRoutes({
    ...options,
    catalogue: scopes.catalogue,
    resources: oauth.resources,
    allowsHttp: config.outboundAllow.length > 0,
    ownsResources: workspaces.isFirst,
    reload: trustedIssuers.load,
  });
  return {
    routes,
    addJobs: (jobs) => {
      jobs.add({ name: 'trusted_issuers.prune', intervalMs: 600_000, runs: 'one', run: trustedIssuers.prune });
    },
  };
}
