import { Type } from 'typebox';
import { oneOf, type Route, route } from '../http/index.ts';
import { type Collection, collectionRoutes, type SandboxDeps, shelfOf } from './collection.ts';
import { countRows } from './store.ts';

const Name = Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' });

const projects: Collection<{ name: typeof Name }> = {
  path: '/projects',
  kind: 'project',
  idKind: 'project',
  fields: { name: Name },
};

const orderFields = {
  item: Name,
  quantity: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
  status: Type.Optional(oneOf('open', 'shipped', 'cancelled')),
};

const orders: Collection<typeof orderFields> = {
  path: '/orders',
  kind: 'order',
  idKind: 'order',
  fields: orderFields,
  defaults: { quantity: 1, status: 'open' },
};

function dataRoute({ database }: SandboxDeps): Route {
  return route({
    method: 'GET',
    path: '/data',
    mounts: ['v1', 'v2'],
    tag: 'sandbox',
    access: { scope: 'data:read', own: 'read:own', root: 'refused' },
    summary: 'What the caller has in the sandbox',
    reply: Type.Object({ data: Type.Array(Type.Object({ type: Type.String(), count: Type.Integer() })) }),
    handler: async ({ principal }) => {
      const kinds = [projects, orders];
      const counts = await Promise.all(
        kinds.map(({ kind }) => countRows(database.read, shelfOf(principal, kind, 'data:read'))),
      );
      return { data: kinds.map(({ path }, index) => ({ type: path.slice(1), count: counts[index] ?? 0 })) };
    },
  });
}

/** An API worth protecting: two collections and a summary, to try every credential against. */
export function sandboxRoutes(deps: SandboxDeps): Route[] {
  return [...collectionRoutes(deps, projects), ...collectionRoutes(deps, orders), dataRoute(deps)];
}
