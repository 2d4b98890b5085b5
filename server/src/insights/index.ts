// Boundary: what is measured: counters and durations in Prometheus form. Hears of things by listeners wired in
// `compose.ts`; nobody calls it.
export { createMetrics, type Metrics } from './metrics.ts';
export { metricsRoutes } from './routes.ts';
