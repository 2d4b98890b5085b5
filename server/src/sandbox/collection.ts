import { type IdKind, idPattern, makeId } from '@latchkey/protocol';
import { type Static, type TObject, type TProperties, Type } from 'typebox';
import type { Clock } from '../clock.ts';
import type { RandomBytes } from '../crypto/index.ts';
import type { Database } from '../database/index.ts';
import { Failure } from '../failure.ts';
import {
  type Access,
  type Cursors,
  closed,
  ownerOf,
  type Principal,
  pageOf,
  pageQuery,
  type Route,
  route,
} from '../http/index.ts';
import { deleteRow, insertRow, listRows, lockRow, rowById, type Shelf, updateBody } from './store.ts';
import type { SandboxRow } from './tables.ts';

export interface SandboxDeps {
  database: Database;
  clock: Clock;
  randomBytes: RandomBytes;
  cursors: Cursors;
}

/** One collection of the example API: its path, its scope type, and the fields that a caller writes. */
export interface Collection<Fields extends TProperties> {
  path: string;
  kind: SandboxRow['kind'];
  idKind: IdKind;
  fields: Fields;
  defaults?: Partial<Static<TObject<Fields>>>;
}

const needs = (scope: string): Access => ({ scope, own: `${scope.split(':')[1]}:own`, root: 'refused' });

/**
 * The shelf of a caller: every row of its workspace and environment when it holds the scope of the type, and with
 * `read:own` and the like only its own. A principal of no workspace or environment has none.
 */
export function shelfOf(principal: Principal, kind: SandboxRow['kind'], scope: string): Shelf {
  const { workspaceId, environment } = principal;
  if (workspaceId === null || environment === null) throw new Failure('forbidden');
  const onlyOwner = principal.scopes.has(scope) ? null : ownerOf(principal);
  return { kind, workspace_id: workspaceId, environment, onlyOwner };
}

const present = (id: string, body: string) => ({ id, ...(JSON.parse(body) as Record<string, unknown>) });

interface Parts {
  deps: SandboxDeps;
  collection: Collection<TProperties>;
  scopes: string;
  shared: { mounts: readonly ['v1', 'v2']; tag: string };
  params: TObject;
  body: TObject;
  reply: TObject;
}

function listRoute({ deps, collection, scopes, shared, reply }: Parts): Route {
  return route({
    ...shared,
    method: 'GET',
    path: collection.path,
    access: needs(`${scopes}:read`),
    summary: `List ${scopes}, oldest first`,
    query: Type.Object(
      {
        ...pageQuery,
      },
      closed,
    ),
    reply: Type.Object({ data: Type.Array(reply), next_cursor: Type.Optional(Type.String()) }),
    handler: async ({ principal, query }) => {
      const shelf = shelfOf(principal, collection.kind, `${scopes}:read`);
      const list = JSON.stringify(shelf);
      const page = pageOf(deps.cursors, list, query);
      const wanted = { limit: page.limit, afterId: page.position ?? '' };
      const { rows, next_cursor } = page.cut(await listRows(deps.database.read, shelf, wanted), ({ id }) => id);
      const data = rows.map(({ id, body }) => present(id, body));
      return next_cursor === null ? { data } : { data, next_cursor };
    },
  });
}

function createRoute({ deps, collection, scopes, shared, body, reply }: Parts): Route {
  return route({
    ...shared,
    method: 'POST',
    path: collection.path,
    access: needs(`${scopes}:write`),
    summary: `Add to ${scopes}`,
    body,
    reply,
    status: 201,
    handler: async ({ principal, body: fields }) => {
      const nowMs = deps.clock.nowMs();
      const { onlyOwner: _, ...place } = shelfOf(principal, collection.kind, `${scopes}:write`);
      const row: SandboxRow = {
        ...place,
        id: makeId(collection.idKind, nowMs, deps.randomBytes),
        owner: ownerOf(principal),
        body: JSON.stringify({ ...collection.defaults, ...(fields as object) }),
        created_at: nowMs,
      };
      return deps.database.write(async (tx) => {
        await insertRow(tx, row);
        return present(row.id, row.body);
      });
    },
  });
}

function getRoute({ deps, collection, scopes, shared, params, reply }: Parts): Route {
  return route({
    ...shared,
    method: 'GET',
    path: `${collection.path}/:id`,
    access: needs(`${scopes}:read`),
    summary: `One of ${scopes}`,
    params,
    reply,
    handler: async (call) => {
      const { id } = call.params as { id: string };
      const row = await rowById(deps.database.read, shelfOf(call.principal, collection.kind, `${scopes}:read`), id);
      if (!row) throw new Failure('not_found');
      return present(row.id, row.body);
    },
  });
}

function patchRoute({ deps, collection, scopes, shared, params, body, reply }: Parts): Route {
  return route({
    ...shared,
    method: 'PATCH',
    path: `${collection.path}/:id`,
    access: needs(`${scopes}:write`),
    summary: `Change one of ${scopes}`,
    params,
    body: Type.Partial(body, closed),
    reply,
    handler: (call) => {
      const { id } = call.params as { id: string };
      const shelf = shelfOf(call.principal, collection.kind, `${scopes}:write`);
      return deps.database.write(async (tx) => {
        const row = await lockRow(tx, shelf, id);
        if (!row) throw new Failure('not_found');
        const changed = JSON.stringify({ ...(JSON.parse(row.body) as object), ...(call.body as object) });
        await updateBody(tx, id, changed);
        return present(id, changed);
      });
    },
  });
}

function deleteRoute({ deps, collection, scopes, shared, params }: Parts): Route {
  return route({
    ...shared,
    method: 'DELETE',
    path: `${collection.path}/:id`,
    access: needs(`${scopes}:delete`),
    summary: `Remove one of ${scopes}`,
    params,
    status: 204,
    handler: async (call) => {
      const { id } = call.params as { id: string };
      const shelf = shelfOf(call.principal, collection.kind, `${scopes}:delete`);
      await deps.database.write(async (tx) => {
        if (!(await deleteRow(tx, shelf, id))) throw new Failure('not_found');
      });
    },
  });
}

/** List, create, get, patch and delete for one collection, under `/v1` and `/v2`. */
export function collectionRoutes(deps: SandboxDeps, collection: Collection<TProperties>): Route[] {
  const { fields, idKind } = collection;
  const scopes = collection.path.slice(1);
  const parts: Parts = {
    deps,
    collection,
    scopes,
    shared: { mounts: ['v1', 'v2'], tag: 'sandbox' },
    params: Type.Object({ id: Type.String({ pattern: idPattern(idKind) }) }),
    body: Type.Object(fields, closed),
    reply: Type.Object({ id: Type.String(), ...fields }),
  };
  return [listRoute, createRoute, getRoute, patchRoute, deleteRoute].map((make) => make(parts));
}
