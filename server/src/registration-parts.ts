import { type ApplicationDeps, ID_TOKEN_ALGORITHMS } from './applications/index.ts';
import type { Config } from './config/index.ts';
import type { Counting } from './counting.ts';
import type { Database } from './database/index.ts';
import type { Authenticate, Guarded, Principal, Route } from './http/index.ts';
import type { Metrics } from './insights/index.ts';
import type { Jobs } from './jobs/index.ts';
import { pruneRegistrations, type RegistrationDeps, registrationRoutes } from './oauth/index.ts';
import { environmentOfStrangers } from './oauth-parts.ts';

export interface RegistrationOptions {
  config: Config;
  database: Database;
  applicationDeps: ApplicationDeps;
  counting: Counting;
  metrics: Metrics;
  authenticate: Authenticate;
  issuer(): string;
}

/** Whoever may make applications lets others register themselves. It costs their hour nothing: registrations are counted apart. */
const REGISTERS: Guarded = { scope: 'applications:write', root: 'allowed', isFree: true };

const NAMES = ['authorization', 'x-api-key'] as const;

function enterBy(authenticate: Authenticate): RegistrationDeps['enter'] {
  return (call): Principal | Promise<Principal> => {
    const said = NAMES.map((name) => [name, call.header(name)] as const);
    const headers = Object.fromEntries(said.filter(([, value]) => value !== undefined));
    const request = { headers, rawHeaders: Object.entries(headers).flat() as string[], method: 'POST', url: '' };
    const admission = authenticate(request, call.address, REGISTERS, '/oauth/register');
    return admission instanceof Promise ? admission.then(({ principal }) => principal) : admission.principal;
  };
}

/** Clients that register themselves, and what becomes of those that nobody uses. */
export function composeRegistration(options: RegistrationOptions): { routes: Route[]; addJobs(jobs: Jobs): void } {
  const { config, applicationDeps, counting, metrics, authenticate } = options;
  const deps: RegistrationDeps = {
    ...applicationDeps,
    ...options,
    mode: config.clientRegistration,
    environment: environmentOfStrangers(config),
    idTokenAlgorithms: ID_TOKEN_ALGORITHMS,
    limiter: counting.guesses,
    enter: enterBy(authenticate),
    onRegistered: metrics.clientRegistered,
  };
  return {
    routes: registrationRoutes(deps),
    addJobs: (jobs) => {
      const run = () => pruneRegistrations(deps);
      jobs.add({ name: 'oauth.registrations.prune', intervalMs: 3_600_000, runs: 'one', run });
    },
  };
}
