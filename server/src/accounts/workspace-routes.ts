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
import { type AccountsDeps, addMember, createWorkspace } from './create-workspace.ts';
import { type PatchWorkspaceDeps, patchWorkspace, type WorkspaceChanges } from './patch-workspace.ts';
import { listWorkspaces, memberExists, workspaceById } from './store.ts';
import { presentWorkspace } from './workspace.ts';

export interface WorkspaceRoutesDeps extends AccountsDeps, PatchWorkspaceDeps {
  database: Database;
  cursors: Cursors;
  changes: Changes;
  planExists(name: string): boolean;
  /** Whether people make workspaces by themselves. */
  isOpen: boolean;
}

const Name = Type.String({ minLength: 1, maxLength: 100, pattern: '\\S' });
const optional = {
  external_id: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 200 }))),
  metadata: Type.Optional(metadataSchema),
  plan: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 64 }))),
  limits: Type.Optional(nullable(limitsSchema)),
  pooled: Type.Optional(Type.Boolean()),
  require_second_factor: Type.Optional(Type.Boolean()),
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
  require_second_factor: Type.Boolean(),
  created_at: Type.String(),
});

const shared = { mounts: ['v1', 'v2'], tag: 'workspaces' } as const;
const anyone: Access = { scope: null, root: 'allowed' };
/** A credential sees its own workspace, a signed-in person all that they are in, root every one. */
async function refuseOthers({ database }: WorkspaceRoutesDeps, principal: Principal, id: string): Promise<void> {
  if (principal.kind === 'root' || principal.workspaceId === id) return;
  const isIn = principal.kind === 'session' && (await memberExists(database.read, id, principal.subject));
  if (!isIn) throw new Failure('not_found');
}

const MEMBERS_FIELDS = ['name', 'require_second_factor', 'metadata'];

/** What a workspace's admins may change; the rest is the operator's. */
function refuseOperatorsFields(principal: Principal, input: Written): void {
  if (principal.kind === 'root') return;
  const beyond = Object.keys(input).filter((field) => !MEMBERS_FIELDS.includes(field));
  if (beyond.length > 0) throw new Failure('forbidden', `Only the root key changes ${beyond.join(', ')}.`);
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
    ...(input.require_second_factor === undefined
      ? {}
      : { require_second_factor: input.require_second_factor ? 1 : 0 }),
    ...(limits === undefined
      ? {}
      : { limits: limits && JSON.stringify({ per_hour: null, per_second: null, ...limits }) }),
  };
}

function readRoutes(deps: WorkspaceRoutesDeps): Route[] {
  const { database, cursors } = deps;
  return [
    route({
      ...shared,
      method: 'GET',
      path: '/workspaces',
      access: anyone,
      summary: 'Workspaces; a credential sees its own, a signed-in person all that they are in',
      query: listQuery,
      reply: listReply(workspaceReply),
      handler: async ({ principal, query }) => {
        const isPerson = principal.kind === 'session';
        const memberId = isPerson ? principal.subject : null;
        const id = isPerson ? null : principal.workspaceId;
        const filter = { id, memberId, externalId: query.external_id ?? null };
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
        await refuseOthers(deps, principal, id);
        const row = await workspaceById(database.read, id);
        if (!row) throw new Failure('not_found');
        return presentWorkspace(row);
      },
    }),
  ];
}

/** The operator does, and people where they may come by themselves. */
function refuseMaking({ isOpen }: WorkspaceRoutesDeps, principal: Principal): void {
  if (principal.kind === 'root') return;
  if (!isOpen) throw new Failure('forbidden', 'Workspaces are made by the operator.');
}

function writeRoutes(deps: WorkspaceRoutesDeps): Route[] {
  const { database } = deps;
  return [
    route({
      ...shared,
      method: 'POST',
      path: '/workspaces',
      access: { scope: null, root: 'only', people: true },
      summary: 'Make a workspace: the operator, or a signed-in person where sign-up is open',
      body: newWorkspace,
      reply: workspaceReply,
      status: 201,
      handler: async (call) => {
        refuseMaking(deps, call.principal);
        refuseOperatorsFields(call.principal, call.body);
        const values = changesOf(deps, call.body);
        return database.write(async (tx) => {
          const { id } = await createWorkspace(deps, tx, actorOf(call), { name: call.body.name.trim() });
          const { kind, subject: userId } = call.principal;
          if (kind === 'session') await addMember(deps, tx, { workspaceId: id, userId, role: 'owner' });
          return presentWorkspace(await patchWorkspace(deps, tx, actorOf(call), id, values));
        });
      },
    }),
    route({
      ...shared,
      method: 'PATCH',
      path: '/workspaces/:id',
      access: { scope: 'admin', root: 'allowed' },
      summary: 'Change a workspace; root also suspends it: all its credentials fail at once',
      params,
      body: workspacePatch,
      reply: workspaceReply,
      handler: async (call) => {
        const { id } = call.params;
        if (call.principal.kind !== 'root' && call.principal.workspaceId !== id) throw new Failure('not_found');
        refuseOperatorsFields(call.principal, call.body);
        const values = changesOf(deps, call.body);
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
