import { type IdKind, idPattern, makeId } from '@latchkey/protocol';
import { type Static, type TObject, type TProperties, Type } from 'typebox';
import type { Clock } from '../clock.ts';
import type { RandomBytes } from '../crypto/index.ts';
import type { Database } from '../database/index.ts';
import { Failure } from '../failure.ts';
import { type Access, type Cursors, type Principal, type Route, route } from '../http/index.ts';
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

const DEFAULT_LIMIT = 20;
const closed = { additionalProperties: false };
const needs = (scope: string): Access => ({ scope, root: 'refused' });

/** The shelf of a caller; a principal of no workspace or environment has none. */
export function shelfOf(principal: Principal, kind: SandboxRow['kind']): Shelf {
  const { workspaceId, environment } = principal;
  if (workspaceId === null || environment === null) throw new Failure('forbidden');
  return { kind, workspace_id: workspaceId, environment };
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
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
        cursor: Type.Optional(Type.String()),
      },
      closed,
    ),
    reply: Type.Object({ data: Type.Array(reply), next_cursor: Type.Optional(Type.String()) }),
    handler: async ({ principal, query }) => {
      const shelf = shelfOf(principal, collection.kind);
      const list = JSON.stringify(shelf);
      const limit = query.limit ?? DEFAULT_LIMIT;
      const afterId = query.cursor === undefined ? '' : deps.cursors.decode(list, query.cursor);
      const rows = await listRows(deps.database.read, shelf, { limit: limit + 1, afterId });
      const data = rows.slice(0, limit).map(({ id, body }) => present(id, body));
      const last = rows.length > limit ? data.at(-1) : undefined;
      return last ? { data, next_cursor: deps.cursors.encode(list, last.id) } : { data };
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
      const row: SandboxRow = {
        ...shelfOf(principal, collection.kind),
        id: makeId(collection.idKind, nowMs, deps.randomBytes),
        owner: principal.userId ?? principal.subject,
        body: JSON.stringify({ ...collection.defaults, ...(fields as object) }),
        created_at: nowMs,
      };
      await deps.database.write((tx) => insertRow(tx, row));
      return present(row.id, row.body);
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
      const row = await rowById(deps.database.read, shelfOf(call.principal, collection.kind), id);
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
      const shelf = shelfOf(call.principal, collection.kind);
      return deps.database.write(async (tx) => {
        const row = await lockRow(tx, shelf, id);
        if (!row) throw new Failure('not_found');
        const changed = JSON.stringify({ ...(JSON.parse(row.body) as object), ...(call.body as object) });
        await updateBody(tx, shelf, id, changed);
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
      const shelf = shelfOf(call.principal, collection.kind);
      if (!(await deps.database.write((tx) => deleteRow(tx, shelf, id)))) throw new Failure('not_found');
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
