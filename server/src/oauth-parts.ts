import type { FormRoute, Route } from './http/index.ts';
import type { Jobs } from './jobs/index.ts';

/** OAuth as `compose.ts` mounts it: objects of `/v1`, endpoints of the RFCs, periodic work. */
export interface OAuthParts {
  routes: Route[];
  forms: FormRoute[];
  addJobs(jobs: Jobs): void;
}

/** Builds what OAuth consists of. Each part adds its lines here. */
export function composeOAuth(): OAuthParts {
  return {
    routes: [],
    forms: [],
    addJobs: () => {},
  };
}
