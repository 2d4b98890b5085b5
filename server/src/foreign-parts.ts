import type { Logger } from 'pino';
import { createForeignResolver, type ForeignResolver } from './access/index.ts';
import type { Workspaces } from './accounts/index.ts';
import { refuseEndedGrantor } from './api-keys/index.ts';
import { clientSecretContext } from './applications/index.ts';
import type { RecordAudit } from './audit/index.ts';
import type { Config } from './config/index.ts';
import type { Envelope } from './crypto/index.ts';
import type { Database } from './database/index.ts';
import { OAuthFailure } from './failure.ts';
import type { Cursors, Principal, Route } from './http/index.ts';
import type { Jobs } from './jobs/index.ts';
import { type PlanTable, UNLIMITED } from './limits/index.ts';
import { linkedSubject } from './oauth/index.ts';
import type { OAuthCore } from './oauth-parts.ts';
import type { Scopes } from './scopes/index.ts';
import type { Changes, Live } from './shared-state/index.ts';
import type { Surroundings } from './surroundings.ts';
import type { Tokens } from './tokens/index.ts';
import {
  createTrustedIssuers,
  type FindSubjectLink,
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

/** What applications sign JWTs with, of their own. */
function selfIssuedKeys({ oauth, envelope }: ForeignCoreOptions): SelfIssuedKeys {
  return async (clientId) => {
    const record = await oauth.applications.record(clientId);
    if (!record) return null;
    const secrets = record.secrets.flatMap(({ id, sealed, expiresAtMs }) =>
      sealed === null ? [] : [{ text: envelope.unseal(sealed, clientSecretContext(id)), expiresAtMs }],
    );
    return { ...record.application, clientId, secrets };
  };
}

/** What users allowed, asked of the database each time: the door remembers it, and hears when it has changed. */
function subjectLinks({ database, scopes }: ForeignCoreOptions): FindSubjectLink {
  return async ({ clientId: id, ...claim }) => {
    try {
      return await linkedSubject(scopes.catalogue, database.read, { ...claim, application: { id, ...claim } });
    } catch (error) {
      if (error instanceof OAuthFailure) return null;
      throw error;
    }
  };
}

/** Built beside tokens, before the door. */
export async function createForeignCore(options: ForeignCoreOptions): Promise<ForeignCore> {
  const { log, scopes, plans, oauth, workspaces } = options;
  const trustedIssuers = createTrustedIssuers({
    ...options,
    catalogue: scopes.catalogue,
    resources: oauth.resources,
    remoteKeys: oauth.keys.issuers,
    applicationKeys: oauth.keys.applications,
    restoredAtMs: oauth.restoredAtMs,
    selfIssued: selfIssuedKeys(options),
    findSubjectLink: subjectLinks(options),
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

export interface ForeignPartsOptions extends Omit<ForeignCoreOptions, 'plans'>, ForeignCore {
  recordAudit: RecordAudit;
  cursors: Cursors;
  tokens: Pick<Tokens, 'raiseWatermark'>;
  resolveWorkspace(principal: Principal, named: string | undefined): Promise<string>;
}

/** The routes and the periodic work of trusted issuers. */
export function composeForeign(options: ForeignPartsOptions): { routes: Route[]; addJobs(jobs: Jobs): void } {
  const { trustedIssuers, oauth, scopes, config, workspaces, clock, tokens } = options;
  const routes = trustedIssuerRoutes({
    ...options,
    catalogue: scopes.catalogue,
    resources: oauth.resources,
    allowsHttp: config.outboundAllow.length > 0,
    ownsResources: workspaces.isFirst,
    holdGrantor: (tx, principal) => refuseEndedGrantor(tx, { principal, limits: UNLIMITED }, clock.nowMs()),
    endIssuer: async (tx, id, reason) => void (await tokens.raiseWatermark(tx, { kind: 'issuer', id, reason })),
    reload: trustedIssuers.load,
  });
  return {
    routes,
    addJobs: (jobs) => {
      jobs.add({ name: 'trusted_issuers.prune', intervalMs: 600_000, runs: 'one', run: trustedIssuers.prune });
    },
  };
}
