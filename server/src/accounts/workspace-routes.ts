import { idPattern } from '@latchkey/protocol';
import { type Static, Type } from 'typebox';
import { actorOf } from '../audit/index.ts';
import type { Database } from '../database/index.ts';
import { Failure, invalidField } from '../failure.ts';
import {
  type Access,
  type Cursors,
  closed,
  listReply,
  metadataReply,
  metadataSchema,
  nullable,
  oneOf,
  type Principal,
  pageOf,
  pageQuery,
  type Route,
  route,
} from '../http/index.ts';
import { limitsSchema } from '../limits/index.ts';
import type { Changes } from '../shared-state/index.ts';
import { type AccountsDeps, createWorkspace } from './create-workspace.ts';
import { patchWorkspace, type WorkspaceChanges } from './patch-workspace.ts';
import { listWorkspaces, workspaceById } from './store.ts';
import { presentWorkspace } from './workspace.ts';

export interface WorkspaceRoutesDeps extends AccountsDeps {
  database: Database;
  cursors: Cursors;
  changes: Changes;
  planExists(name: string): boolean;
}

const Name = Type.String({ minLength: 1, maxLength: 100, pattern: '\\S' });
const optional = {
  external_id: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 200 }))),
  metadata: Type.Optional(metadataSchema),
  plan: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 64 }))),
  limits: Type.Optional(nullable(limitsSchema)),
  pooled: Type.Optional(Type.Boolean()),
};
const State = oneOf('active', 'suspended');
const newWorkspace = Type.Object({ name: Name, ...optional }, closed);
const workspacePatch = Type.Object({ name: Type.Optional(Name), state: Type.Optional(State), ...optional }, closed);
const params = Type.Object({ id: Type.String({ pattern: idPattern('workspace') }) });
const listQuery = Type.Object(
  {
    ...pageQuery,
    external_id: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  },
  closed,
);
const limitsReply = Type.Object({ per_hour: nullable(Type.Integer()), per_second: nullable(Type.Integer()) });
const workspaceReply = Type.Object({
  id: Type.String(),
  name: Type.String(),
  state: State,
  external_id: nullable(Type.String()),
  metadata: metadataReply,
  plan: nullable(Type.String()),
  limits: nullable(limitsReply),
  pooled: Type.Boolean(),
  created_at: Type.String(),
});

const shared = { mounts: ['v1', 'v2'], tag: 'workspaces' } as const;
const anyone: Access = { scope: null, root: 'allowed' };
const operator: Access = { scope: null, root: 'only' };

/** A credential sees its own workspace; root sees all. */
function refuseOthers(principal: Principal, id: string): void {
  if (principal.kind !== 'root' && principal.workspaceId !== id) throw new Failure('not_found');
}

type Written = Partial<Static<typeof workspacePatch>>;

function changesOf(deps: WorkspaceRoutesDeps, input: Written): WorkspaceChanges {
  if (input.plan != null && !deps.planExists(input.plan)) throw invalidField('plan', 'is not a plan');
  const { limits } = input;
  return {
    ...(input.name === undefined ? {} : { name: input.name.trim() }),
    ...(input.state === undefined ? {} : { state: input.state }),
    ...(input.external_id === undefined ? {} : { external_id: input.external_id }),
    ...(input.metadata === undefined ? {} : { metadata: JSON.stringify(input.metadata) }),
    ...(input.plan === undefined ? {} : { plan: input.plan }),
    ...(input.pooled === undefined ? {} : { pooled: input.pooled ? 1 : 0 }),
    ...(limits === undefined
      ? {}
      : { limits: limits && JSON.stringify({ per_hour: null, per_second: null, ...limits }) }),
  };
}

function readRoutes({ database, cursors }: WorkspaceRoutesDeps): Route[] {
  return [
    route({
      ...shared,
      method: 'GET',
      path: '/workspaces',
      access: anyone,
      summary: 'Workspaces; a credential sees its own',
      query: listQuery,
      reply: listReply(workspaceReply),
      handler: async ({ principal, query }) => {
        const filter = { id: principal.workspaceId, externalId: query.external_id ?? null };
        const list = JSON.stringify(['workspaces', filter]);
        const page = pageOf(cursors, list, query);
        const wanted = { afterId: page.position ?? '', limit: page.limit };
        const found = await listWorkspaces(database.read, filter, wanted);
        const { rows, next_cursor } = page.cut(found, ({ id }) => id);
        return { data: rows.map(presentWorkspace), next_cursor };
      },
    }),
    route({
      ...shared,
      method: 'GET',
      path: '/workspaces/:id',
      access: anyone,
      summary: 'One workspace',
      params,
      reply: workspaceReply,
      handler: async ({ principal, params: { id } }) => {
        refuseOthers(principal, id);
        const row = await workspaceById(database.read, id);
        if (!row) throw new Failure('not_found');
        return presentWorkspace(row);
      },
    }),
  ];
}

function writeRoutes(deps: WorkspaceRoutesDeps): Route[] {
  const { database } = deps;
  return [
    route({
      ...shared,
      method: 'POST',
      path: '/workspaces',
      access: operator,
      summary: 'Make a workspace',
      body: newWorkspace,
      reply: workspaceReply,
      status: 201,
      handler: async (call) => {
        const values = changesOf(deps, call.body);
        return database.write(async (tx) => {
          const { id } = await createWorkspace(deps, tx, actorOf(call), { name: call.body.name.trim() });
          return presentWorkspace(await patchWorkspace(deps, tx, actorOf(call), id, values));
        });
      },
    }),
    route({
      ...shared,
      method: 'PATCH',
      path: '/workspaces/:id',
      access: operator,
      summary: 'Change a workspace, or suspend it: all its credentials fail at once',
      params,
      body: workspacePatch,
      reply: workspaceReply,
      handler: async (call) => {
        const values = changesOf(deps, call.body);
        const { id } = call.params;
        if (Object.keys(values).length === 0) {
          const row = await workspaceById(database.read, id);
          if (!row) throw new Failure('not_found');
          return presentWorkspace(row);
        }
        return database.write(async (tx) => {
          const row = await patchWorkspace(deps, tx, actorOf(call), id, values);
          return presentWorkspace(row);
        });
      },
    }),
  ];
}

/** Tenants: made and changed by the operator, seen by their own credentials. */
export function workspaceRoutes(deps: WorkspaceRoutesDeps): Route[] {
  return [...readRoutes(deps), ...writeRoutes(deps)];
}
