// Boundary: plans: named limits for each class of caller, as data that the operator edits. Owns plans.
export {
  createLivePlans,
  type LimitsJson,
  limitsFromJson,
  limitsToJson,
  type PlanTable,
  planNamed,
} from './live-plans.ts';
export { type CallerClass, DEFAULT_PLAN, limitsWithin, type Plan, UNLIMITED } from './plan.ts';
export { limitsSchema, planRoutes } from './routes.ts';
export { planMigrations } from './tables.ts';
