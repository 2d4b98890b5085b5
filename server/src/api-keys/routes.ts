import { isId, parseDurationMs } from '@latchkey/protocol';
import type { Static } from 'typebox';
import { actorOf } from '../audit/index.ts';
import { parseTimestampMs } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { Failure, invalidField } from '../failure.ts';
import { type Access, type Call, type Cursors, type Principal, type Route, route } from '../http/index.ts';
import { type IssueDeps, issueKey, type NewKey } from './issue.ts';
import { presentKey } from './key.ts';
import { revokeKey } from './revoke.ts';
import {
  keyIdParams,
  keyListReply,
  keyReply,
  listQuery,
  newKeyBody,
  newKeyReply,
  revokeBody,
  workspaceQuery,
} from './schemas.ts';
import { type KeyReach, keyById, listKeys } from './store.ts';

export interface ApiKeyRoutesDeps extends IssueDeps {
  database: Database;
  cursors: Cursors;
  /** Which workspace a call is about (`accounts`). */
  resolveWorkspace(principal: Principal, named: string | undefined): Promise<string>;
  isMember(workspaceId: string, userId: string): Promise<boolean>;
}

const MOUNTS = ['v1', 'v2', 'bare'] as const;
const DEFAULT_LIMIT = 20;
const needs = (scope: string): Access => ({ scope, root: 'allowed' });
const shared = { mounts: MOUNTS, tag: 'api-keys' } as const;

async function reachOf(deps: ApiKeyRoutesDeps, principal: Principal, named: string | undefined): Promise<KeyReach> {
  return { workspaceId: await deps.resolveWorkspace(principal, named), environment: principal.environment };
}

function expiryOf(body: Static<typeof newKeyBody>, principal: Principal, nowMs: number): number | null {
  const { expires_at: at, expires_in: span } = body;
  if (at != null && span != null) throw invalidField('expires_in', 'cannot be given together with expires_at');
  if (at != null) {
    const timeMs = parseTimestampMs(at);
    if (timeMs === null) throw invalidField('expires_at', 'must be an RFC 3339 time such as 2030-01-31T12:00:00Z');
    return timeMs;
  }
  if (span != null) {
    const spanMs = parseDurationMs(span);
    if (spanMs === null) throw invalidField('expires_in', 'must be a duration of at least 1s, such as 90d');
    return nowMs + spanMs;
  }
  return principal.expiresAtMs;
}

async function newKeyOf(deps: ApiKeyRoutesDeps, call: Call<Static<typeof newKeyBody>>): Promise<NewKey> {
  const { body, principal } = call;
  const workspaceId = await deps.resolveWorkspace(principal, body.workspace_id);
  const owner = body.owner ?? null;
  if (owner !== null && isId('user', owner) && !(await deps.isMember(workspaceId, owner))) {
    throw invalidField('owner', 'is not a member of this workspace');
  }
  if (body.rotate_after != null && parseDurationMs(body.rotate_after) === null) {
    throw invalidField('rotate_after', 'must be a duration of at least 1s, such as 90d');
  }
  return {
    name: body.name.trim(),
    type: body.type ?? 'secret',
    environment: body.environment ?? principal.environment ?? 'test',
    workspaceId,
    scopes: body.scopes,
    expiresAtMs: expiryOf(body, principal, deps.clock.nowMs()),
    rotateAfter: body.rotate_after ?? null,
    owner,
    externalId: body.external_id ?? null,
    metadata: body.metadata ?? {},
  };
}

function createRoute(deps: ApiKeyRoutesDeps): Route {
  return route({
    ...shared,
    method: 'POST',
    path: '/api-keys',
    access: needs('api_keys:write'),
    summary: 'Make a key; its text is in this reply and nowhere again',
    body: newKeyBody,
    reply: newKeyReply,
    status: 201,
    secretReply: true,
    handler: async (call) => {
      const key = await newKeyOf(deps, call);
      const by = { grantor: call.principal, actor: actorOf(call) };
      const { row, text } = await deps.database.write((tx) => issueKey(deps, tx, by, key));
      return { ...presentKey(row, deps.clock.nowMs()), key: text };
    },
  });
}

function listRoute(deps: ApiKeyRoutesDeps): Route {
  return route({
    ...shared,
    method: 'GET',
    path: '/api-keys',
    access: needs('api_keys:read'),
    summary: 'List keys, newest first',
    query: listQuery,
    reply: keyListReply,
    handler: async ({ principal, query }) => {
      const reach = await reachOf(deps, principal, query.workspace_id);
      if (query.environment && reach.environment && reach.environment !== query.environment) {
        return { data: [], next_cursor: null };
      }
      reach.environment ??= query.environment ?? null;
      const list = JSON.stringify(['api-keys', reach, query.external_id ?? null]);
      const limit = query.limit ?? DEFAULT_LIMIT;
      const beforeId = query.cursor === undefined ? null : deps.cursors.decode(list, query.cursor);
      const page = { limit: limit + 1, beforeId, externalId: query.external_id ?? null };
      const rows = await listKeys(deps.database.read, reach, page);
      const shown = rows.slice(0, limit);
      const last = rows.length > limit ? shown.at(-1) : undefined;
      const nowMs = deps.clock.nowMs();
      return {
        data: shown.map((row) => presentKey(row, nowMs)),
        next_cursor: last ? deps.cursors.encode(list, last.id) : null,
      };
    },
  });
}

function getRoute(deps: ApiKeyRoutesDeps): Route {
  return route({
    ...shared,
    method: 'GET',
    path: '/api-keys/:id',
    access: needs('api_keys:read'),
    summary: 'One key, without its secret',
    params: keyIdParams,
    query: workspaceQuery,
    reply: keyReply,
    handler: async ({ principal, params, query }) => {
      const reach = await reachOf(deps, principal, query.workspace_id);
      const row = await keyById(deps.database.read, reach, params.id);
      if (!row) throw new Failure('not_found');
      return presentKey(row, deps.clock.nowMs());
    },
  });
}

function revokeRoute(deps: ApiKeyRoutesDeps): Route {
  return route({
    ...shared,
    method: 'POST',
    path: '/api-keys/:id/revoke',
    access: needs('api_keys:write'),
    summary: 'End a key now; the very next call with it is refused',
    params: keyIdParams,
    body: revokeBody,
    reply: keyReply,
    handler: async (call) => {
      const reach = await reachOf(deps, call.principal, call.body.workspace_id);
      const reason = call.body.reason ?? null;
      const row = await deps.database.write((tx) =>
        revokeKey(deps, tx, actorOf(call), { reach, id: call.params.id, reason }),
      );
      return presentKey(row, deps.clock.nowMs());
    },
  });
}

export function apiKeyRoutes(deps: ApiKeyRoutesDeps): Route[] {
  return [createRoute(deps), listRoute(deps), getRoute(deps), revokeRoute(deps)];
}
