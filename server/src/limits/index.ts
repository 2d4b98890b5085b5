// Boundary: plans and limits: what a caller may spend (pure decision), and limiters that count it exactly in memory.
// Owns plans. Whose bucket a request is, and when it is spent, is decided in `access`.
export { type Limits, type Spending, spend } from './decision.ts';
export { limitHeaders } from './headers.ts';
export type { Limiter } from './limiter.ts';
export { ANONYMOUS_PREFIX, createMemoryLimiter } from './memory-limiter.ts';
export {
  type CallerClass,
  createLivePlans,
  DEFAULT_PLAN,
  type LimitsJson,
  limitsFromJson,
  limitsSchema,
  limitsToJson,
  limitsWithin,
  type Plan,
  type PlanTable,
  planMigrations,
  planNamed,
  planRoutes,
  UNLIMITED,
} from './plans/index.ts';
