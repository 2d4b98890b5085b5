import { parseDurationMs } from '@latchkey/protocol';
import { type Actor, actorOf } from '../audit/index.ts';
import type { Database } from '../database/index.ts';
import { Failure, invalidField } from '../failure.ts';
import { type Access, type Call, type Cursors, type Principal, pageOf, type Route, route } from '../http/index.ts';
import { type Limits, type PlanTable, UNLIMITED } from '../limits/index.ts';
import type { Grantor } from './authority.ts';
import { atPlace, type ImportedKey, importKeys } from './import.ts';
import { type IssueDeps, issueKey } from './issue.ts';
import { type KeyWorkspace, keyStateAt, limitsOfKey, presentKey } from './key.ts';
import { patchKey } from './patch.ts';
import { removeKey } from './remove.ts';
import { type Revocation, revokeDescendants, revokeKey } from './revoke.ts';
import { rotateKey } from './rotate.ts';
import * as schemas from './schemas.ts';
import { type KeyReach, keyById, listKeys } from './store.ts';
import type { ApiKeyRow } from './tables.ts';
import { changesOf, newKeyOf, type ReadingContext } from './wanted.ts';

export interface ApiKeyRoutesDeps extends IssueDeps {
  database: Database;
  cursors: Cursors;
  plans(): PlanTable;
  /** Which workspace a call is about (`accounts`). */
  resolveWorkspace(principal: Principal, named: string | undefined): Promise<string>;
  workspaceFacts(id: string): Promise<KeyWorkspace | null>;
  isMember(workspaceId: string, userId: string): Promise<boolean>;
}

const MOUNTS = ['v1', 'v2', 'bare'] as const;
const DEFAULT_OVERLAP = '24h';
const IMPORT_LIMIT_BYTES = 2 * 1024 * 1024;
const needs = (scope: string): Access => ({ scope, root: 'allowed' });
const shared = { mounts: MOUNTS, tag: 'api-keys' } as const;

/** Everything about a call's place that a verb needs, read before its transaction begins. */
interface Place {
  reach: KeyReach;
  workspaceId: string;
  limitsOf(row: Pick<ApiKeyRow, 'limits' | 'plan'>): Limits;
  grantor: Grantor;
  reading: ReadingContext;
}

async function placeOf(deps: ApiKeyRoutesDeps, { principal }: Call, named: string | undefined): Promise<Place> {
  const workspaceId = await deps.resolveWorkspace(principal, named);
  const workspace = await deps.workspaceFacts(workspaceId);
  if (!workspace) throw new Failure('not_found');
  const plans = deps.plans();
  const limitsOf = (row: Pick<ApiKeyRow, 'limits' | 'plan'>) => limitsOfKey(row, { plans, workspace });
  const limits = await limitsOfCaller(deps, principal, workspace);
  return {
    reach: { workspaceId, environment: principal.environment },
    workspaceId,
    limitsOf,
    grantor: { principal, limits },
    reading: { principal, workspaceId, nowMs: deps.clock.nowMs(), plans, isMember: deps.isMember },
  };
}

export type CallerDeps = Pick<ApiKeyRoutesDeps, 'database' | 'clock' | 'plans'>;

/** What the calling key may spend in its workspace; no bound for every other credential. Throws when the key has ended. */
export async function limitsOfCaller(deps: CallerDeps, principal: Principal, workspace: KeyWorkspace): Promise<Limits> {
  const own = await ownRow(deps, principal, workspace.isSuspended);
  return own ? limitsOfKey(own, { plans: deps.plans(), workspace }) : UNLIMITED;
}

/** The caller's row, read again now that the body is here: a key that has ended meanwhile makes and changes none. */
async function ownRow({ database, clock }: CallerDeps, principal: Principal, isSuspended: boolean) {
  if (principal.kind !== 'api_key') return undefined;
  const reach = { workspaceId: principal.workspaceId, environment: null };
  const row = await keyById(database.read, reach, principal.credentialId);
  const state = row && !isSuspended ? keyStateAt(row, clock.nowMs()) : 'revoked';
  if (state !== 'active') throw new Failure(state === 'expired' ? 'token_expired' : 'token_revoked');
  return row;
}

const limitsJson = (limits: Limits | null) =>
  limits && JSON.stringify({ per_hour: limits.perHour, per_second: limits.perSecond });

function createRoute(deps: ApiKeyRoutesDeps): Route {
  return route({
    ...shared,
    method: 'POST',
    path: '/api-keys',
    access: needs('api_keys:write'),
    summary: 'Make a key; its text is in this reply and nowhere again',
    body: schemas.newKeyBody,
    reply: schemas.newKeyReply,
    status: 201,
    secretReply: true,
    handler: async (call) => {
      const { workspace_id: named, ...input } = call.body;
      const { grantor, reading, limitsOf } = await placeOf(deps, call, named);
      const key = await newKeyOf(input, reading);
      const limitsOfNewKey = limitsOf({ limits: limitsJson(key.limits), plan: key.plan });
      const asking = { grantor, actor: actorOf(call), limitsOfNewKey };
      return deps.database.write(async (tx) => {
        const { row, text } = await issueKey(deps, tx, asking, key);
        return { ...presentKey(row, deps.clock.nowMs()), key: text };
      });
    },
  });
}

function importRoute(deps: ApiKeyRoutesDeps): Route {
  return route({
    ...shared,
    method: 'POST',
    path: '/api-keys/import',
    access: needs('api_keys:write'),
    summary: 'Take keys over by their hashes, all or none',
    body: schemas.importBody,
    reply: schemas.importReply,
    status: 201,
    bodyLimitBytes: IMPORT_LIMIT_BYTES,
    handler: async (call) => {
      const { grantor, reading, limitsOf } = await placeOf(deps, call, call.body.workspace_id);
      const imported: ImportedKey[] = [];
      for (const [
        index,
        { hash, lookup_prefix: lookupPrefix = null, hint = null, ...input },
      ] of call.body.keys.entries()) {
        const key = await atPlace(index, () => newKeyOf(input, reading));
        const limitsOfNewKey = limitsOf({ limits: limitsJson(key.limits), plan: key.plan });
        const asking = { grantor, actor: actorOf(call), limitsOfNewKey };
        imported.push({ key, hash: { ...hash, lookupPrefix, hint }, asking });
      }
      const unusable = `slow:${Buffer.from(deps.randomBytes(16)).toString('hex')}`;
      return deps.database.write(async (tx) => {
        const rows = await importKeys(deps, tx, imported, unusable);
        const nowMs = deps.clock.nowMs();
        return { data: rows.map((row) => presentKey(row, nowMs)) };
      });
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
    query: schemas.listQuery,
    reply: schemas.keyListReply,
    handler: async ({ principal, query }) => {
      const workspaceId = await deps.resolveWorkspace(principal, query.workspace_id);
      const reach: KeyReach = { workspaceId, environment: principal.environment ?? query.environment ?? null };
      if (query.environment && reach.environment !== query.environment) return { data: [], next_cursor: null };
      const filter = { externalId: query.external_id ?? null, owner: query.owner ?? null };
      const list = JSON.stringify(['api-keys', reach, filter]);
      const page = pageOf(deps.cursors, list, query);
      const wanted = { limit: page.limit, beforeId: page.position, ...filter };
      const { rows, next_cursor } = page.cut(await listKeys(deps.database.read, reach, wanted), ({ id }) => id);
      const nowMs = deps.clock.nowMs();
      return { data: rows.map((row) => presentKey(row, nowMs)), next_cursor };
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
    params: schemas.keyIdParams,
    query: schemas.workspaceQuery,
    reply: schemas.keyReply,
    handler: async ({ principal, params, query }) => {
      const workspaceId = await deps.resolveWorkspace(principal, query.workspace_id);
      const row = await keyById(deps.database.read, { workspaceId, environment: principal.environment }, params.id);
      if (!row) throw new Failure('not_found');
      return presentKey(row, deps.clock.nowMs());
    },
  });
}

function patchRoute(deps: ApiKeyRoutesDeps): Route {
  return route({
    ...shared,
    method: 'PATCH',
    path: '/api-keys/:id',
    access: needs('api_keys:write'),
    summary: 'Change a key; never so that it can do more than the caller',
    params: schemas.keyIdParams,
    body: schemas.keyPatchBody,
    reply: schemas.keyReply,
    handler: async (call) => {
      const { reach, grantor, reading, limitsOf } = await placeOf(deps, call, call.body.workspace_id);
      const changes = await changesOf(call.body, reading);
      const patching = { reach, id: call.params.id, changes, grantor, actor: actorOf(call), limitsOf };
      return deps.database.write(async (tx) => presentKey(await patchKey(deps, tx, patching), deps.clock.nowMs()));
    },
  });
}

function deleteRoute(deps: ApiKeyRoutesDeps): Route {
  return route({
    ...shared,
    method: 'DELETE',
    path: '/api-keys/:id',
    access: needs('api_keys:write'),
    summary: 'Take a key away altogether',
    params: schemas.keyIdParams,
    query: schemas.workspaceQuery,
    status: 204,
    handler: async (call) => {
      const { reach } = await placeOf(deps, call, call.query.workspace_id);
      const { principal, params } = call;
      await deps.database.write((tx) => removeKey(deps, tx, actorOf(call), { reach, id: params.id, principal }));
    },
  });
}

function rotateRoute(deps: ApiKeyRoutesDeps): Route {
  return route({
    ...shared,
    method: 'POST',
    path: '/api-keys/:id/rotate',
    access: needs('api_keys:write'),
    summary: 'Make a successor; both work until the overlap ends',
    params: schemas.keyIdParams,
    body: schemas.rotateBody,
    reply: schemas.newKeyReply,
    status: 201,
    secretReply: true,
    handler: async (call) => {
      const overlapMs = parseDurationMs(call.body.overlap ?? DEFAULT_OVERLAP, { allowZero: true });
      if (overlapMs === null) throw invalidField('overlap', 'must be a duration such as 24h, or 0s');
      const { reach, grantor, limitsOf } = await placeOf(deps, call, call.body.workspace_id);
      const rotation = { reach, id: call.params.id, overlapMs, grantor, actor: actorOf(call), limitsOf };
      return deps.database.write(async (tx) => {
        const { row, text } = await rotateKey(deps, tx, rotation);
        return { ...presentKey(row, deps.clock.nowMs()), key: text };
      });
    },
  });
}

/** In steps, as a key may have made any number: the key first, so that it makes no more. May be run again. */
async function revokeWithDescendants(deps: ApiKeyRoutesDeps, actor: Actor, revocation: Revocation): Promise<void> {
  const { database } = deps;
  // These writes are not the call's own: an Idempotency-Key answers for it only once all of them are done.
  await database.withCommitHook(
    async () => {},
    async () => {
      const root = await database.write((tx) => revokeKey(deps, tx, actor, revocation));
      const step = { root, reason: revocation.reason };
      while (await database.write((tx) => revokeDescendants(deps, tx, actor, step)));
    },
  );
}

function revokeRoute(deps: ApiKeyRoutesDeps): Route {
  return route({
    ...shared,
    method: 'POST',
    path: '/api-keys/:id/revoke',
    access: needs('api_keys:write'),
    summary: 'End a key now; the very next call with it is refused',
    params: schemas.keyIdParams,
    body: schemas.revokeBody,
    reply: schemas.keyReply,
    handler: async (call) => {
      const { reach } = await placeOf(deps, call, call.body.workspace_id);
      const { reason = null, descendants = false } = call.body;
      const { principal, params } = call;
      const actor = actorOf(call);
      const revocation = { reach, id: params.id, reason, principal };
      if (descendants) await revokeWithDescendants(deps, actor, revocation);
      return deps.database.write(async (tx) => {
        const row = await revokeKey(deps, tx, actor, revocation);
        return presentKey(row, deps.clock.nowMs());
      });
    },
  });
}

export function apiKeyRoutes(deps: ApiKeyRoutesDeps): Route[] {
  return [
    createRoute(deps),
    importRoute(deps),
    listRoute(deps),
    getRoute(deps),
    patchRoute(deps),
    deleteRoute(deps),
    rotateRoute(deps),
    revokeRoute(deps),
  ];
}
