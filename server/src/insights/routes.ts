import { type Route, route } from '../http/index.ts';
import type { Metrics } from './metrics.ts';

/** `/metrics`: the operator's, and in development also a scraper's on this machine. */
export function metricsRoutes(metrics: Metrics, options: { openToLoopback: boolean }): Route[] {
  return [
    route({
      method: 'GET',
      path: '/metrics',
      mounts: ['bare'],
      access: { scope: null, root: 'only', ...(options.openToLoopback ? { loopback: true as const } : {}) },
      tag: 'meta',
      summary: 'Metrics in the Prometheus text format',
      handler: ({ setHeader }) => {
        setHeader('content-type', metrics.contentType);
        return metrics.expose();
      },
    }),
  ];
}
