import { actorOf } from '../audit/index.ts';
import type { Database } from '../database/index.ts';
import { Failure } from '../failure.ts';
import { type Access, type Call, type Cursors, type Principal, pageOf, type Route, route } from '../http/index.ts';
import { presentIssuer } from './issuer.ts';
import * as schemas from './schemas.ts';
import { type IssuerReach, issuerById, listIssuers } from './store.ts';
import { environmentOf } from './wanted.ts';
import { createIssuer, type IssuerWriteDeps, patchIssuer, removeIssuer, type Writing } from './write.ts';

export interface TrustedIssuerRoutesDeps extends IssuerWriteDeps {
  database: Database;
  cursors: Cursors;
  /** Which workspace a call is about (`accounts`). */
  resolveWorkspace(principal: Principal, named: string | undefined): Promise<string>;
  /** Whether the resources are this workspace's: they are the operator's, whose workspace is the first one. */
  ownsResources(workspaceId: string): Promise<boolean>;
  /** Awaited after each write, so that the very next call knows. */
  reload(): Promise<void>;
}

const needs = (scope: string): Access => ({ scope, root: 'allowed' });
const shared = { mounts: ['v1', 'v2'], tag: 'trusted-issuers' } as const;

async function reachOf(
  deps: TrustedIssuerRoutesDeps,
  principal: Principal,
  named: string | undefined,
): Promise<IssuerReach> {
  const workspaceId = await deps.resolveWorkspace(principal, named);
  return { workspaceId, environment: principal.environment };
}

async function writingOf(deps: TrustedIssuerRoutesDeps, call: Call, { workspaceId }: IssuerReach): Promise<Writing> {
  const ownsResource = call.principal.kind === 'root' || (await deps.ownsResources(workspaceId));
  return { principal: call.principal, actor: actorOf(call), ownsResource };
}

function listRoute(deps: TrustedIssuerRoutesDeps): Route {
  return route({
    ...shared,
    method: 'GET',
    path: '/trusted-issuers',
    access: needs('trusted_issuers:read'),
    summary: 'Whose JWTs are accepted, the newest first',
    query: schemas.listQuery,
    reply: schemas.issuerListReply,
    handler: async ({ principal, query }) => {
      const reach = await reachOf(deps, principal, query.workspace_id);
      const environment = reach.environment ?? query.environment ?? null;
      if (query.environment && query.environment !== environment) return { data: [], next_cursor: null };
      const page = pageOf(deps.cursors, JSON.stringify(['trusted-issuers', reach.workspaceId, environment]), query);
      const wanted = { limit: page.limit, beforeId: page.position };
      const found = await listIssuers(deps.database.read, { ...reach, environment }, wanted);
      const { rows, next_cursor } = page.cut(found, ({ id }) => id);
      return { data: rows.map((row) => presentIssuer(row, deps.resources)), next_cursor };
    },
  });
}

function getRoute(deps: TrustedIssuerRoutesDeps): Route {
  return route({
    ...shared,
    method: 'GET',
    path: '/trusted-issuers/:id',
    access: needs('trusted_issuers:read'),
    summary: 'One trusted issuer, without its secret',
    params: schemas.issuerParams,
    query: schemas.workspaceQuery,
    reply: schemas.issuerReply,
    handler: async ({ principal, params, query }) => {
      const row = await issuerById(deps.database.read, await reachOf(deps, principal, query.workspace_id), params.id);
      if (!row) throw new Failure('not_found');
      return presentIssuer(row, deps.resources);
    },
  });
}

function createRoute(deps: TrustedIssuerRoutesDeps): Route {
  return route({
    ...shared,
    method: 'POST',
    path: '/trusted-issuers',
    access: needs('trusted_issuers:write'),
    summary: "Accept somebody's JWTs",
    body: schemas.newIssuerBody,
    reply: schemas.issuerReply,
    status: 201,
    handler: async (call) => {
      const { workspace_id: named, environment: asked, ...input } = call.body;
      const environment = environmentOf(call.principal, asked);
      const reach = await reachOf(deps, call.principal, named);
      const writing = await writingOf(deps, call, reach);
      const wanted = { ...input, workspaceId: reach.workspaceId, environment };
      const reply = await deps.database.write(async (tx) =>
        presentIssuer(await createIssuer(deps, tx, writing, wanted), deps.resources),
      );
      await deps.reload();
      return reply;
    },
  });
}

function patchRoute(deps: TrustedIssuerRoutesDeps): Route {
  return route({
    ...shared,
    method: 'PATCH',
    path: '/trusted-issuers/:id',
    access: needs('trusted_issuers:write'),
    summary: 'Change what an issuer may do, or its keys',
    params: schemas.issuerParams,
    body: schemas.issuerPatchBody,
    reply: schemas.issuerReply,
    handler: async (call) => {
      const { workspace_id: named, ...input } = call.body;
      const reach = await reachOf(deps, call.principal, named);
      const writing = await writingOf(deps, call, reach);
      const patching = { reach, id: call.params.id, input };
      const reply = await deps.database.write(async (tx) =>
        presentIssuer(await patchIssuer(deps, tx, writing, patching), deps.resources),
      );
      await deps.reload();
      return reply;
    },
  });
}

function deleteRoute(deps: TrustedIssuerRoutesDeps): Route {
  return route({
    ...shared,
    method: 'DELETE',
    path: '/trusted-issuers/:id',
    access: needs('trusted_issuers:write'),
    summary: 'Accept its JWTs no more',
    params: schemas.issuerParams,
    query: schemas.workspaceQuery,
    status: 204,
    handler: async (call) => {
      const reach = await reachOf(deps, call.principal, call.query.workspace_id);
      const writing = await writingOf(deps, call, reach);
      await deps.database.write((tx) => removeIssuer(deps, tx, writing, { reach, id: call.params.id }));
      await deps.reload();
    },
  });
}

/** Trusted issuers, for root and for workspaces that own the resource (contract §7). */
export function trustedIssuerRoutes(deps: TrustedIssuerRoutesDeps): Route[] {
  return [listRoute(deps), createRoute(deps), getRoute(deps), patchRoute(deps), deleteRoute(deps)];
}
