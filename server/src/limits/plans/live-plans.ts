import type { Clock } from '../../clock.ts';
import type { Database } from '../../database/index.ts';
import { type Changes, createLive, type Live } from '../../shared-state/index.ts';
import type { Limits } from '../decision.ts';
import { CALLER_CLASSES, type CallerClass, DEFAULT_PLAN, DEFAULT_PLANS, type Plan } from './plan.ts';
import { allPlans, insertMissingPlans } from './store.ts';
import type { PlanRow } from './tables.ts';

export const PLANS_CHANGE = { kind: 'plans', ref: 'all' } as const;

/** Limits as they stand in JSON. */
export interface LimitsJson {
  per_hour?: number | null | undefined;
  per_second?: number | null | undefined;
}

export function limitsFromJson({ per_hour: perHour, per_second: perSecond }: LimitsJson): Limits {
  return { perHour: perHour ?? null, perSecond: perSecond ?? null };
}

export function limitsToJson({ perHour, perSecond }: Limits): { per_hour: number | null; per_second: number | null } {
  return { per_hour: perHour, per_second: perSecond };
}

export function toPlan({ name, offered, limits }: PlanRow): Plan {
  const json = JSON.parse(limits) as Partial<Record<CallerClass, LimitsJson>>;
  const entries = CALLER_CLASSES.map((each) => [each, limitsFromJson(json[each] ?? {})] as const);
  return { name, offered: offered === 1, limits: Object.fromEntries(entries) as Record<CallerClass, Limits> };
}

export function toPlanRow({ name, offered, limits }: Plan, nowMs: number): PlanRow {
  const json = Object.fromEntries(CALLER_CLASSES.map((each) => [each, limitsToJson(limits[each])]));
  return { name, offered: offered ? 1 : 0, limits: JSON.stringify(json), created_at: nowMs };
}

/** All plans by name. */
export type PlanTable = ReadonlyMap<string, Plan>;

/** The plan of that name; one that was deleted gives way to the default, which always is. */
export function planNamed(plans: PlanTable, name: string | null): Plan {
  return plans.get(name ?? DEFAULT_PLAN) ?? plans.get(DEFAULT_PLAN) ?? (DEFAULT_PLANS[0] as Plan);
}

export interface LivePlansOptions {
  database: Database;
  changes: Changes;
  clock: Clock;
  onError(error: unknown): void;
}

export function createLivePlans({ database, changes, clock, onError }: LivePlansOptions): Live<PlanTable> {
  const tableOf = (plans: readonly Plan[]): PlanTable => new Map(plans.map((plan) => [plan.name, plan]));
  const read = async () => {
    let rows = await allPlans(database.read);
    if (rows.length === 0) {
      const defaults = DEFAULT_PLANS.map((plan) => toPlanRow(plan, clock.nowMs()));
      await database.write((tx) => insertMissingPlans(tx, defaults));
      rows = await allPlans(database.read);
    }
    return tableOf(rows.map(toPlan));
  };
  return createLive({ changes, kind: PLANS_CHANGE.kind, initial: tableOf(DEFAULT_PLANS), read, onError });
}
