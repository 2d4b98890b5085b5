// Boundary: what is measured: counters and durations in Prometheus form, and who uses which key. Owns key_activity.
// Hears of things by listeners wired in `compose.ts`; nobody calls it.
export { createKeyActivity, type KeyActivity } from './activity.ts';
export { activityRoute } from './activity-route.ts';
export { createMetrics, type Metrics } from './metrics.ts';
export { metricsRoutes } from './routes.ts';
export { insightsMigrations } from './tables.ts';
