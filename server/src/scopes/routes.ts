import { Type } from 'typebox';
import { actorOf } from '../audit/index.ts';
import type { Database } from '../database/index.ts';
import { Failure } from '../failure.ts';
import { type Access, closed, nullable, OPERATOR, type Route, route } from '../http/index.ts';
import type { Scopes } from './catalogue.ts';
import { allScopes, scopeByName } from './store.ts';
import type { ScopeRow } from './tables.ts';
import { createScope, patchScope, removeScope, type ScopeWriteDeps } from './write.ts';

export interface ScopeRoutesDeps extends ScopeWriteDeps {
  database: Database;
  scopes: Scopes;
}

const Name = Type.String({ minLength: 1, maxLength: 100 });
const params = Type.Object({ name: Name });
const fields = {
  description: Type.String({ minLength: 1, maxLength: 300 }),
  implies: Type.Array(Name, { maxItems: 200, uniqueItems: true }),
  sensitive: Type.Boolean(),
  resource: nullable(Type.String({ maxLength: 300 })),
};
const scopeReply = Type.Object({ name: Name, kind: Type.String(), ...fields });
const changes = Type.Partial(Type.Object(fields), closed);
const { description: _, ...optional } = changes.properties;
const newScope = Type.Object({ name: Name, description: fields.description, ...optional }, closed);

const shared = { mounts: ['v1', 'v2'], tag: 'scopes' } as const;
const anyone: Access = { scope: null, root: 'allowed' };

function present(row: ScopeRow) {
  const { name, kind, description, resource } = row;
  return {
    name,
    kind,
    description,
    implies: JSON.parse(row.implies) as string[],
    sensitive: row.sensitive === 1,
    resource,
  };
}

function readRoutes({ database }: ScopeRoutesDeps): Route[] {
  return [
    route({
      ...shared,
      method: 'GET',
      path: '/scopes',
      access: anyone,
      summary: 'The scope catalogue',
      reply: Type.Object({ data: Type.Array(scopeReply), next_cursor: Type.Null() }),
      handler: async () => ({ data: (await allScopes(database.read)).map(present), next_cursor: null }),
    }),
    route({
      ...shared,
      method: 'GET',
      path: '/scopes/:name',
      access: anyone,
      summary: 'One scope',
      params,
      reply: scopeReply,
      handler: async (call) => {
        const row = await scopeByName(database.read, call.params.name);
        if (!row) throw new Failure('not_found');
        return present(row);
      },
    }),
  ];
}

function writeRoutes(deps: ScopeRoutesDeps): Route[] {
  const { database, scopes } = deps;
  return [
    route({
      ...shared,
      method: 'POST',
      path: '/scopes',
      access: OPERATOR,
      summary: 'Add a scope',
      body: newScope,
      reply: scopeReply,
      status: 201,
      handler: async (call) => {
        const reply = await database.write(async (tx) =>
          present(await createScope(deps, tx, actorOf(call), call.body.name, call.body)),
        );
        await scopes.load();
        return reply;
      },
    }),
    route({
      ...shared,
      method: 'PATCH',
      path: '/scopes/:name',
      access: OPERATOR,
      summary: 'Change what a scope says or implies',
      params,
      body: changes,
      reply: scopeReply,
      handler: async (call) => {
        const reply = await database.write(async (tx) =>
          present(await patchScope(deps, tx, actorOf(call), call.params.name, call.body)),
        );
        await scopes.load();
        return reply;
      },
    }),
    route({
      ...shared,
      method: 'DELETE',
      path: '/scopes/:name',
      access: OPERATOR,
      summary: 'Remove a scope; who holds it loses it',
      params,
      status: 204,
      handler: async (call) => {
        await database.write((tx) => removeScope(deps, tx, actorOf(call), call.params.name));
        await scopes.load();
      },
    }),
  ];
}

/** The catalogue: every credential may read it, the operator writes it. */
export function scopeRoutes(deps: ScopeRoutesDeps): Route[] {
  return [...readRoutes(deps), ...writeRoutes(deps)];
}
