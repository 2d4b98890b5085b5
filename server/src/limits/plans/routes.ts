import { type Static, Type } from 'typebox';
import { type Actor, actorOf, type RecordAudit } from '../../audit/index.ts';
import type { Clock } from '../../clock.ts';
import { type Database, type Tx, UniqueViolation } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import { type Access, closed, nullable, OPERATOR, type Route, route } from '../../http/index.ts';
import type { Changes, Live } from '../../shared-state/index.ts';
import { limitsFromJson, limitsToJson, PLANS_CHANGE, type PlanTable, toPlan, toPlanRow } from './live-plans.ts';
import { CALLER_CLASSES, DEFAULT_PLAN, type Plan } from './plan.ts';
import { allPlans, deletePlan, insertPlan, planByName, updatePlan } from './store.ts';

export interface PlanRoutesDeps {
  database: Database;
  clock: Clock;
  changes: Changes;
  recordAudit: RecordAudit;
  plans: Live<PlanTable>;
}

const bound = Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: 1_000_000_000 })));
export const limitsSchema = Type.Object({ per_hour: bound, per_second: bound }, closed);
const Name = Type.String({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9._-]+$' });
const params = Type.Object({ name: Name });
const fields = {
  offered: Type.Boolean(),
  api_key: limitsSchema,
  oauth: limitsSchema,
  login: limitsSchema,
  jwt: limitsSchema,
  nobody: limitsSchema,
};
const newPlan = Type.Object({ name: Name, ...Type.Partial(Type.Object(fields)).properties }, closed);
const planPatch = Type.Partial(Type.Object(fields), closed);
const planReply = Type.Object({ name: Name, ...fields });

const shared = { mounts: ['v1', 'v2'], tag: 'plans' } as const;
const anyone: Access = { scope: null, root: 'allowed' };

function present({ name, offered, limits }: Plan): Static<typeof planReply> {
  const { api_key, oauth, login, jwt, nobody } = limits;
  return {
    name,
    offered,
    api_key: limitsToJson(api_key),
    oauth: limitsToJson(oauth),
    login: limitsToJson(login),
    jwt: limitsToJson(jwt),
    nobody: limitsToJson(nobody),
  };
}

/** The given limits over those that stand; a class that is not named keeps its own. */
function merged(base: Plan, input: Static<typeof planPatch>): Plan {
  const limits = { ...base.limits };
  for (const each of CALLER_CLASSES) {
    const given = input[each];
    if (given) limits[each] = limitsFromJson(given);
  }
  return { name: base.name, offered: input.offered ?? base.offered, limits };
}

const unlimited = { perHour: null, perSecond: null };
const blank = (name: string): Plan => ({
  name,
  offered: false,
  limits: { api_key: unlimited, oauth: unlimited, login: unlimited, jwt: unlimited, nobody: unlimited },
});

async function noteChange(deps: PlanRoutesDeps, tx: Tx, actor: Actor, action: string, plan: string): Promise<void> {
  await deps.changes.record(tx, PLANS_CHANGE);
  await deps.recordAudit(tx, { action, actor, workspaceId: null, targetId: plan });
}

function readRoutes({ database }: PlanRoutesDeps): Route[] {
  return [
    route({
      ...shared,
      method: 'GET',
      path: '/plans',
      access: anyone,
      summary: 'All plans',
      reply: Type.Object({ data: Type.Array(planReply), next_cursor: Type.Null() }),
      handler: async () => {
        const rows = await allPlans(database.read);
        return { data: rows.map((row) => present(toPlan(row))), next_cursor: null };
      },
    }),
    route({
      ...shared,
      method: 'GET',
      path: '/plans/:name',
      access: anyone,
      summary: 'One plan',
      params,
      reply: planReply,
      handler: async (call) => {
        const row = await planByName(database.read, call.params.name);
        if (!row) throw new Failure('not_found');
        return present(toPlan(row));
      },
    }),
  ];
}

async function insertUnique(tx: Tx, plan: Plan, nowMs: number): Promise<void> {
  try {
    await insertPlan(tx, toPlanRow(plan, nowMs));
  } catch (error) {
    if (error instanceof UniqueViolation) throw new Failure('conflict', 'There is a plan of this name already.');
    throw error;
  }
}

function createRoute(deps: PlanRoutesDeps): Route {
  return route({
    ...shared,
    method: 'POST',
    path: '/plans',
    access: OPERATOR,
    summary: 'Add a plan',
    body: newPlan,
    reply: planReply,
    status: 201,
    handler: async (call) => {
      const { name, ...input } = call.body;
      const plan = merged(blank(name), input);
      const reply = await deps.database.write(async (tx) => {
        await insertUnique(tx, plan, deps.clock.nowMs());
        await noteChange(deps, tx, actorOf(call), 'plan.created', name);
        return present(plan);
      });
      await deps.plans.load();
      return reply;
    },
  });
}

function patchRoute(deps: PlanRoutesDeps): Route {
  return route({
    ...shared,
    method: 'PATCH',
    path: '/plans/:name',
    access: OPERATOR,
    summary: 'Change a plan; what was counted so far stays counted',
    params,
    body: planPatch,
    reply: planReply,
    handler: async (call) => {
      const { name } = call.params;
      const reply = await deps.database.write(async (tx) => {
        const row = await planByName(tx.query, name);
        if (!row) throw new Failure('not_found');
        const changed = merged(toPlan(row), call.body);
        await updatePlan(tx, name, toPlanRow(changed, row.created_at));
        await noteChange(deps, tx, actorOf(call), 'plan.updated', name);
        return present(changed);
      });
      await deps.plans.load();
      return reply;
    },
  });
}

function deleteRoute(deps: PlanRoutesDeps): Route {
  return route({
    ...shared,
    method: 'DELETE',
    path: '/plans/:name',
    access: OPERATOR,
    summary: 'Remove a plan; who was on it falls back to the standard one',
    params,
    status: 204,
    handler: async (call) => {
      const { name } = call.params;
      if (name === DEFAULT_PLAN) throw new Failure('conflict', 'The standard plan is what all others fall back to.');
      await deps.database.write(async (tx) => {
        if (!(await deletePlan(tx, name))) throw new Failure('not_found');
        await noteChange(deps, tx, actorOf(call), 'plan.deleted', name);
      });
      await deps.plans.load();
    },
  });
}

/** Plans: every credential may read them, the operator writes them. */
export function planRoutes(deps: PlanRoutesDeps): Route[] {
  return [...readRoutes(deps), createRoute(deps), patchRoute(deps), deleteRoute(deps)];
}
