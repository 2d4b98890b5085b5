import { idPattern } from '@latchkey/protocol';
import { Type } from 'typebox';
import { actorOf } from '../../audit/index.ts';
import { Failure } from '../../failure.ts';
import {
  type Access,
  type Call,
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
} from '../../http/index.ts';
import { Email, Password, PersonName, selfReply } from '../account-api/schemas.ts';
import { readEmail } from '../email.ts';
import { ROLES } from '../members/roles.ts';
import { listMembers, memberOfUser, userFacts } from '../members/store.ts';
import type { People } from '../people.ts';
import { personById } from '../store.ts';
import { createUser, patchUser, removeUser } from './change-user.ts';
import { resetFactors } from './reset-factors.ts';
import { presentSelf, presentUser } from './user.ts';

export interface UserRoutesDeps {
  people: People;
  cursors: Cursors;
  resolveWorkspace(principal: Principal, named: string | undefined): Promise<string>;
}

const shared = { mounts: ['v1', 'v2'], tag: 'users' } as const;
const needs = (scope: string): Access => ({ scope, root: 'allowed' });
const Role = oneOf(...ROLES);
const ExternalId = nullable(Type.String({ minLength: 1, maxLength: 200 }));
const params = Type.Object({ id: Type.String({ pattern: idPattern('user') }) });
const workspaceQuery = Type.Object({ workspace_id: Type.Optional(Type.String()) }, closed);
const userReply = Type.Object({
  id: Type.String(),
  email: Type.String(),
  email_verified: Type.Boolean(),
  name: nullable(Type.String()),
  state: oneOf('active', 'disabled'),
  workspace_id: nullable(Type.String()),
  member_id: nullable(Type.String()),
  role: nullable(Role),
  managed: Type.Boolean(),
  second_factor: Type.Boolean(),
  external_id: nullable(Type.String()),
  metadata: metadataReply,
  created_at: Type.String(),
});

/** Root reaches a person by the id alone, wherever they are; everybody else within their workspace. */
async function placeOf(
  { resolveWorkspace }: UserRoutesDeps,
  principal: Principal,
  named: string | undefined,
): Promise<string | null> {
  if (principal.kind === 'root' && named === undefined) return null;
  return resolveWorkspace(principal, named);
}

const callerOf = (call: Call) => ({ principal: call.principal, actor: actorOf(call) });

function listRoutes(deps: UserRoutesDeps): Route[] {
  const { people, cursors, resolveWorkspace } = deps;
  const { database } = people;
  return [
    route({
      ...shared,
      method: 'GET',
      path: '/users',
      access: needs('users:read'),
      summary: 'The people of a workspace, oldest member first',
      query: Type.Object(
        {
          ...pageQuery,
          workspace_id: Type.Optional(Type.String()),
          external_id: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
          email: Type.Optional(Email),
        },
        closed,
      ),
      reply: listReply(userReply),
      handler: async ({ principal, query }) => {
        const workspaceId = await resolveWorkspace(principal, query.workspace_id);
        const emailKey = query.email === undefined ? null : (readEmail(query.email)?.key ?? '');
        const filter = { externalId: query.external_id ?? null, emailKey };
        const page = pageOf(cursors, JSON.stringify(['users', workspaceId, filter]), query);
        const wanted = { afterId: page.position ?? '', limit: page.limit };
        const found = await listMembers(database.read, workspaceId, filter, wanted);
        const { rows, next_cursor } = page.cut(found, ({ id }) => id);
        return { data: rows.map(presentUser), next_cursor };
      },
    }),
  ];
}

function getRoutes(deps: UserRoutesDeps): Route[] {
  const { database } = deps.people;
  return [
    route({
      ...shared,
      method: 'GET',
      path: '/users/me',
      access: { scope: null, root: 'refused' },
      summary: 'The person behind a session, or the owner of a key',
      reply: selfReply,
      handler: async ({ principal: { userId, workspaceId } }) => {
        const isMember =
          userId !== null && (await memberOfUser(database.read, workspaceId ?? '', userId)) !== undefined;
        const person = isMember ? await personById(database.read, userId) : undefined;
        if (!person) throw new Failure('not_found', 'No person stands behind this credential.');
        return presentSelf(person);
      },
    }),
    route({
      ...shared,
      method: 'GET',
      path: '/users/:id',
      access: needs('users:read'),
      summary: 'One of them',
      params,
      query: workspaceQuery,
      reply: userReply,
      handler: async ({ principal, params: { id }, query }) => {
        const workspaceId = await placeOf(deps, principal, query.workspace_id);
        const member = await userFacts(database.read, id, workspaceId);
        if (!member) throw new Failure('not_found');
        return presentUser(member);
      },
    }),
  ];
}

function createRoute({ people, resolveWorkspace }: UserRoutesDeps): Route {
  return route({
    ...shared,
    method: 'POST',
    path: '/users',
    access: { scope: null, root: 'only' },
    summary: 'Make an account with a place in a workspace',
    body: Type.Object(
      {
        email: Email,
        password: Type.Optional(nullable(Password)),
        name: Type.Optional(nullable(PersonName)),
        email_verified: Type.Optional(Type.Boolean()),
        workspace_id: Type.Optional(Type.String()),
        role: Type.Optional(Role),
        external_id: Type.Optional(ExternalId),
        metadata: Type.Optional(metadataSchema),
      },
      closed,
    ),
    reply: userReply,
    status: 201,
    handler: async (call) => {
      const { body } = call;
      const workspaceId = await resolveWorkspace(call.principal, body.workspace_id);
      return createUser(people, callerOf(call), {
        workspaceId,
        email: body.email,
        password: body.password ?? null,
        name: body.name?.trim() ?? null,
        isVerified: body.email_verified ?? false,
        role: body.role ?? 'developer',
        externalId: body.external_id ?? null,
        metadata: body.metadata ?? {},
      });
    },
  });
}

function changeRoutes(deps: UserRoutesDeps): Route[] {
  const { people } = deps;
  return [
    route({
      ...shared,
      method: 'PATCH',
      path: '/users/:id',
      access: needs('users:write'),
      summary: 'Change a person that the workspace made, or what it notes about one; root also disables',
      params,
      body: Type.Object(
        {
          workspace_id: Type.Optional(Type.String()),
          name: Type.Optional(nullable(PersonName)),
          external_id: Type.Optional(ExternalId),
          metadata: Type.Optional(metadataSchema),
          state: Type.Optional(oneOf('active', 'disabled')),
          password: Type.Optional(Password),
          email_verified: Type.Optional(Type.Boolean()),
        },
        closed,
      ),
      reply: userReply,
      handler: async (call) => {
        const { workspace_id: named, external_id: externalId, email_verified: isVerified, ...rest } = call.body;
        const workspaceId = await placeOf(deps, call.principal, named);
        const place = { workspaceId, userId: call.params.id };
        return patchUser(people, callerOf(call), { ...rest, ...place, externalId, isVerified });
      },
    }),
    route({
      ...shared,
      method: 'DELETE',
      path: '/users/:id',
      access: needs('users:delete'),
      summary: 'Remove a person that the workspace made; root removes any',
      params,
      query: workspaceQuery,
      status: 204,
      handler: async (call) => {
        const workspaceId = await placeOf(deps, call.principal, call.query.workspace_id);
        await removeUser(people, callerOf(call), { workspaceId, userId: call.params.id });
      },
    }),
  ];
}

function resetRoute({ people }: UserRoutesDeps): Route {
  return route({
    ...shared,
    method: 'DELETE',
    path: '/users/:id/second-factors',
    access: { scope: null, root: 'only' },
    summary: 'Take all second factors and passkeys from a person who lost them; their sessions end',
    params,
    status: 204,
    handler: (call) => resetFactors(people, callerOf(call), call.params.id),
  });
}

/** The people of a workspace, as the operator and the workspace manage them. */
export function userRoutes(deps: UserRoutesDeps): Route[] {
  return [...listRoutes(deps), ...getRoutes(deps), createRoute(deps), ...changeRoutes(deps), resetRoute(deps)];
}
