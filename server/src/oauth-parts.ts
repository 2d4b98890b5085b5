import type { RecordAudit } from './audit/index.ts';
import type { Clock } from './clock.ts';
import type { RandomBytes } from './crypto/index.ts';
import type { Database, Migration, Tx } from './database/index.ts';
import type { FormRoute, Principal, Route } from './http/index.ts';
import type { Jobs } from './jobs/index.ts';
import {
  createResources,
  lockResource,
  type Resources,
  resourceRoutes,
  resourcesMigrations,
} from './resources/index.ts';
import type { Scopes } from './scopes/index.ts';
import type { Changes } from './shared-state/index.ts';
import type { SigningKeys } from './signing-keys/index.ts';
import type { Surroundings } from './surroundings.ts';
import { trustedIssuersMigrations } from './trusted-issuers/index.ts';

/** Migrations of OAuth's domains, in the order in which they were written. New ones go to the end. */
export const oauthMigrations: readonly Migration[] = [...resourcesMigrations, ...trustedIssuersMigrations];

/** What tokens and the door ask of OAuth. */
export interface OAuthCore {
  resources: Resources;
  /** Whether there is a resource of this id; it stays there until the transaction ends. */
  holdResource(tx: Tx, id: string): Promise<boolean>;
}

export interface OAuthCoreOptions extends Surroundings {
  database: Database;
  changes: Changes;
  scopes: Scopes;
  issuer(): string;
}

/** Built before tokens and the door, which ask it at every call. */
export async function createOAuthCore(options: OAuthCoreOptions): Promise<OAuthCore> {
  const onError = (err: unknown) => options.log.error({ err }, 'the resources cannot be read');
  const resources = createResources({ ...options, onError });
  await resources.load();
  return {
    resources,
    holdResource: async (tx, id) => (await lockResource(tx, id)) !== undefined,
  };
}

export interface OAuthPartsOptions {
  database: Database;
  clock: Clock;
  randomBytes: RandomBytes;
  changes: Changes;
  recordAudit: RecordAudit;
  signingKeys: SigningKeys;
  oauth: OAuthCore;
  issuer(): string;
  isOperator(principal: Principal): Promise<boolean>;
}

/** OAuth as `compose.ts` mounts it: objects of `/v1`, endpoints of the RFCs, periodic work. */
export interface OAuthParts {
  routes: Route[];
  forms: FormRoute[];
  addJobs(jobs: Jobs): void;
}

/** Builds what OAuth consists of. Each part adds its lines here. */
export function composeOAuth(options: OAuthPartsOptions): OAuthParts {
  const { resources } = options.oauth;
  return {
    routes: [...resourceRoutes({ ...options, resources })],
    forms: [],
    addJobs: () => {},
  };
}
