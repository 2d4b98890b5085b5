import { Failure } from '../failure.ts';
import { type Guarded, type Route, route } from '../http/index.ts';
import type { Metrics } from './metrics.ts';

/** `/metrics`: the operator's, by key or by root, and in development also a scraper's on this machine. */
export function metricsRoutes(metrics: Metrics, options: { openToLoopback: boolean }): Route[] {
  const operator: Guarded = { scope: 'usage:read', root: 'allowed', isFree: true };
  return [
    route({
      method: 'GET',
      path: '/metrics',
      mounts: ['bare'],
      access: { ...operator, ...(options.openToLoopback ? { loopback: true as const } : {}) },
      tag: 'meta',
      summary: 'Metrics in the Prometheus text format',
      handler: ({ principal, setHeader }) => {
        if (!principal.allWorkspaces) throw new Failure('forbidden', 'Metrics are of all workspaces.');
        setHeader('content-type', metrics.contentType);
        return metrics.expose();
      },
    }),
  ];
}
