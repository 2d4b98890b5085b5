// Boundary: plans, limits and quotas: what a caller may spend (pure decision), limiters that count it exactly in memory,
// Redis or PostgreSQL, what a lost store means, and durable quotas. Owns plans, limit_buckets, quota_usage. Whose bucket
// a request is, and when it is spent, is decided in `access`.
export { type Limits, type Policy, type Spending, spend } from './decision.ts';
export { limitHeaders } from './headers.ts';
export { type BucketSeat, type Limiter, NO_SEAT } from './limiter.ts';
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
export {
  createPostgresLimiter,
  type PostgresLimiter,
  type PostgresLimiterOptions,
} from './postgres-limiter.ts';
export {
  createQuotas,
  QUOTA_PERIODS,
  type Quota,
  type QuotaPeriod,
  type QuotaSpending,
  type Quotas,
} from './quotas/index.ts';
export { type RedisFacts, redisFacts } from './redis-facts.ts';
export {
  createRedisLimiter,
  type RedisLimiter,
  type RedisLimiterOptions,
} from './redis-limiter.ts';
export {
  createResilientLimiter,
  type DegradedListener,
  OUTAGE_POLICIES,
  type OutagePolicy,
  type ResilientLimiter,
  type ResilientLimiterOptions,
} from './resilient-limiter.ts';
export { limitsMigrations } from './tables.ts';
