import type { SessionEnds } from './accounts/index.ts';
import type { RecordAudit } from './audit/index.ts';
import type { Database } from './database/index.ts';
import type { Metrics } from './insights/index.ts';
import type { Jobs } from './jobs/index.ts';
import { createLogoutDeliveries, createSessionEnds } from './oauth/index.ts';
import type { OAuthCore } from './oauth-parts.ts';
import type { SigningKeys } from './signing-keys/index.ts';
import type { Surroundings } from './surroundings.ts';

export interface LogoutOptions extends Surroundings {
  database: Database;
  oauth: OAuthCore;
  signingKeys: SigningKeys;
  recordAudit: RecordAudit;
  metrics: Metrics;
  issuer(): string;
}

/** Telling applications of sessions that end. */
export interface ComposedLogout {
  sessionEnds: SessionEnds;
  addJobs(jobs: Jobs): void;
  /** Waits for those that are being told; a few seconds at most. */
  flush(): Promise<void>;
}

export function composeLogout(options: LogoutOptions): ComposedLogout {
  const { oauth, log, metrics } = options;
  const deliveries = createLogoutDeliveries({
    ...options,
    applications: oauth.applications,
    outbound: oauth.outbound,
    onSent: metrics.logoutSent,
    onError: (err, delivery) => log.warn({ err, ...delivery }, 'an application was not told of a logout'),
  });
  return {
    sessionEnds: createSessionEnds(options),
    addJobs: (jobs) => {
      jobs.add({ name: 'oauth.logouts', intervalMs: 1000, runs: 'each', run: deliveries.sendDue });
      jobs.add({ name: 'oauth.logouts.prune', intervalMs: 3_600_000, runs: 'one', run: deliveries.prune });
    },
    flush: deliveries.settled,
  };
}
