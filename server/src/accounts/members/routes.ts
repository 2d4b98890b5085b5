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
  nullable,
  oneOf,
  type Principal,
  pageOf,
  pageQuery,
  type Route,
  route,
} from '../../http/index.ts';
import { Email } from '../account-api/schemas.ts';
import type { People } from '../people.ts';
import { addExisting, changeRole, removeMember, transferOwnership } from './change-members.ts';
import { invite, revokeInvitation } from './invite.ts';
import { presentInvitation, presentMember } from './member.ts';
import { ROLES } from './roles.ts';
import { invitationById, listInvitations, listMembers, memberById } from './store.ts';

export interface MemberRoutesDeps {
  people: People;
  cursors: Cursors;
  resolveWorkspace(principal: Principal, named: string | undefined): Promise<string>;
}

const needs = (scope: string): Access => ({ scope, root: 'allowed' });
const ofMembers = { mounts: ['v1', 'v2'], tag: 'members' } as const;
const ofInvitations = { mounts: ['v1', 'v2'], tag: 'invitations' } as const;
const Role = oneOf(...ROLES);
const Workspace = Type.Optional(Type.String());
const listQuery = Type.Object({ ...pageQuery, workspace_id: Workspace }, closed);
const workspaceQuery = Type.Object({ workspace_id: Workspace }, closed);
const memberParams = Type.Object({ id: Type.String({ pattern: idPattern('member') }) });
const invitationParams = Type.Object({ id: Type.String({ pattern: idPattern('invitation') }) });
const memberReply = Type.Object({
  id: Type.String(),
  user_id: Type.String(),
  workspace_id: Type.String(),
  email: Type.String(),
  name: nullable(Type.String()),
  role: Role,
  second_factor: Type.Boolean(),
  state: oneOf('active', 'disabled'),
  created_at: Type.String(),
});
const invitationReply = Type.Object({
  id: Type.String(),
  workspace_id: Type.String(),
  email: Type.String(),
  role: Role,
  state: oneOf('pending', 'accepted', 'declined', 'revoked', 'expired'),
  invited_by: Type.String(),
  created_at: Type.String(),
  expires_at: Type.String(),
  accepted_at: nullable(Type.String()),
});

const callerOf = (call: Call) => ({ principal: call.principal, actor: actorOf(call) });
const EVERYBODY = { externalId: null, emailKey: null };

function readMembers({ people, cursors, resolveWorkspace }: MemberRoutesDeps): Route[] {
  const { read } = people.database;
  return [
    route({
      ...ofMembers,
      method: 'GET',
      path: '/members',
      access: needs('members:read'),
      summary: 'Who is in a workspace, and as what',
      query: listQuery,
      reply: listReply(memberReply),
      handler: async ({ principal, query }) => {
        const workspaceId = await resolveWorkspace(principal, query.workspace_id);
        const page = pageOf(cursors, JSON.stringify(['members', workspaceId]), query);
        const wanted = { afterId: page.position ?? '', limit: page.limit };
        const found = await listMembers(read, workspaceId, EVERYBODY, wanted);
        const { rows, next_cursor } = page.cut(found, ({ id }) => id);
        return { data: rows.map(presentMember), next_cursor };
      },
    }),
    route({
      ...ofMembers,
      method: 'GET',
      path: '/members/:id',
      access: needs('members:read'),
      summary: 'One of them',
      params: memberParams,
      query: workspaceQuery,
      reply: memberReply,
      handler: async ({ principal, params, query }) => {
        const workspaceId = await resolveWorkspace(principal, query.workspace_id);
        const member = await memberById(read, workspaceId, params.id);
        if (!member) throw new Failure('not_found');
        return presentMember(member);
      },
    }),
  ];
}

function writeMembers({ people, resolveWorkspace }: MemberRoutesDeps): Route[] {
  return [
    route({
      ...ofMembers,
      method: 'POST',
      path: '/members',
      access: { scope: null, root: 'only' },
      summary: 'Make an existing person a member at once; everybody else invites',
      body: Type.Object(
        { user_id: Type.String({ pattern: idPattern('user') }), role: Role, workspace_id: Workspace },
        closed,
      ),
      reply: memberReply,
      status: 201,
      handler: async (call) => {
        const workspaceId = await resolveWorkspace(call.principal, call.body.workspace_id);
        const { user_id: userId, role } = call.body;
        return addExisting(people, callerOf(call), { workspaceId, userId, role });
      },
    }),
    route({
      ...ofMembers,
      method: 'PATCH',
      path: '/members/:id',
      access: needs('members:write'),
      summary: 'Give a member another role, never one above the own',
      params: memberParams,
      body: Type.Object({ role: Role, workspace_id: Workspace }, closed),
      reply: memberReply,
      handler: async (call) => {
        const workspaceId = await resolveWorkspace(call.principal, call.body.workspace_id);
        const change = { workspaceId, id: call.params.id, role: call.body.role };
        return changeRole(people, callerOf(call), change);
      },
    }),
  ];
}

function endMembers({ people, resolveWorkspace }: MemberRoutesDeps): Route[] {
  return [
    route({
      ...ofMembers,
      method: 'DELETE',
      path: '/members/:id',
      access: { scope: null, root: 'allowed' },
      summary: 'Take a member out (members:write), or leave oneself',
      params: memberParams,
      query: workspaceQuery,
      status: 204,
      handler: async (call) => {
        const workspaceId = await resolveWorkspace(call.principal, call.query.workspace_id);
        await removeMember(people, callerOf(call), { workspaceId, id: call.params.id });
      },
    }),
    route({
      ...ofMembers,
      method: 'POST',
      path: '/members/:id/transfer',
      access: { scope: null, root: 'refused' },
      summary: 'Hand the workspace over: this member becomes an owner, the caller an admin',
      params: memberParams,
      body: Type.Object({}, closed),
      reply: memberReply,
      handler: async (call) => {
        const workspaceId = await resolveWorkspace(call.principal, undefined);
        return transferOwnership(people, callerOf(call), { workspaceId, id: call.params.id });
      },
    }),
  ];
}

function readInvitations({ people, cursors, resolveWorkspace }: MemberRoutesDeps): Route[] {
  const { database, clock } = people;
  return [
    route({
      ...ofInvitations,
      method: 'GET',
      path: '/invitations',
      access: needs('members:read'),
      summary: 'Invitations of a workspace, newest first',
      query: listQuery,
      reply: listReply(invitationReply),
      handler: async ({ principal, query }) => {
        const workspaceId = await resolveWorkspace(principal, query.workspace_id);
        const page = pageOf(cursors, JSON.stringify(['invitations', workspaceId]), query);
        const wanted = { beforeId: page.position, limit: page.limit };
        const found = await listInvitations(database.read, workspaceId, wanted);
        const { rows, next_cursor } = page.cut(found, ({ id }) => id);
        const nowMs = clock.nowMs();
        return { data: rows.map((row) => presentInvitation(row, nowMs)), next_cursor };
      },
    }),
    route({
      ...ofInvitations,
      method: 'GET',
      path: '/invitations/:id',
      access: needs('members:read'),
      summary: 'One of them',
      params: invitationParams,
      query: workspaceQuery,
      reply: invitationReply,
      handler: async ({ principal, params, query }) => {
        const workspaceId = await resolveWorkspace(principal, query.workspace_id);
        const row = await invitationById(database.read, workspaceId, params.id);
        if (!row) throw new Failure('not_found');
        return presentInvitation(row, clock.nowMs());
      },
    }),
  ];
}

function writeInvitations({ people, resolveWorkspace }: MemberRoutesDeps): Route[] {
  return [
    route({
      ...ofInvitations,
      method: 'POST',
      path: '/invitations',
      access: needs('members:write'),
      summary: 'Invite one address, as a role that is not above the own: a mail with a link goes there',
      body: Type.Object({ email: Email, role: Role, workspace_id: Workspace }, closed),
      reply: invitationReply,
      status: 201,
      handler: async (call) => {
        const { email, role, workspace_id: named } = call.body;
        const workspaceId = await resolveWorkspace(call.principal, named);
        return invite(people, callerOf(call), { workspaceId, email, role });
      },
    }),
    route({
      ...ofInvitations,
      method: 'DELETE',
      path: '/invitations/:id',
      access: needs('members:write'),
      summary: 'End an open invitation',
      params: invitationParams,
      query: workspaceQuery,
      status: 204,
      handler: async (call) => {
        const workspaceId = await resolveWorkspace(call.principal, call.query.workspace_id);
        const row = await invitationById(people.database.read, workspaceId, call.params.id);
        if (!row) throw new Failure('not_found');
        await revokeInvitation(people, actorOf(call), { workspaceId, id: row.id });
      },
    }),
  ];
}

/** Who is in a workspace, and who is asked to come. */
export function memberRoutes(deps: MemberRoutesDeps): Route[] {
  return [
    ...readMembers(deps),
    ...writeMembers(deps),
    ...endMembers(deps),
    ...readInvitations(deps),
    ...writeInvitations(deps),
  ];
}
