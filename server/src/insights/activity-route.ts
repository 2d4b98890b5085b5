import { idPattern } from '@latchkey/protocol';
import { Type } from 'typebox';
import { toTimestamp } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { Failure } from '../failure.ts';
import { type Cursors, type Principal, type Route, route } from '../http/index.ts';
import { type ActivityPosition, listActivity } from './store.ts';

export interface ActivityRouteDeps {
  database: Database;
  cursors: Cursors;
  /** Whether the caller may see this key (`api-keys`). */
  canSeeKey(principal: Principal, id: string, workspace: string | undefined): Promise<boolean>;
}

const row = Type.Object({
  minute: Type.String(),
  route: Type.String(),
  address: Type.String(),
  outcome: Type.String({ description: 'ok, or the code of the refusal' }),
  count: Type.Integer(),
});

/** `GET /api-keys/{id}/activity`: who used the key, minute by minute, for thirty days. */
export function activityRoute({ database, cursors, canSeeKey }: ActivityRouteDeps): Route {
  return route({
    method: 'GET',
    path: '/api-keys/:id/activity',
    mounts: ['v1', 'v2', 'bare'],
    access: { scope: 'api_keys:read', root: 'allowed' },
    tag: 'api-keys',
    summary: 'Where and how often a key was used, newest minute first',
    params: Type.Object({ id: Type.String({ pattern: idPattern('api_key') }) }),
    query: Type.Object(
      {
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
        cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 1000 })),
        workspace_id: Type.Optional(Type.String({ maxLength: 64 })),
      },
      { additionalProperties: false },
    ),
    reply: Type.Object({ data: Type.Array(row), next_cursor: Type.Union([Type.String(), Type.Null()]) }),
    handler: async ({ principal, params: { id }, query }) => {
      if (!(await canSeeKey(principal, id, query.workspace_id))) throw new Failure('not_found');
      const list = `activity ${id}`;
      const limit = query.limit ?? 20;
      const position = query.cursor === undefined ? null : cursors.decode(list, query.cursor);
      const after = position === null ? null : (JSON.parse(position) as ActivityPosition);
      const rows = await listActivity(database.read, id, { after, limit: limit + 1 });
      const shown = rows.slice(0, limit).map(({ key_id: _, ...rest }) => rest);
      const last = rows.length > limit ? shown.at(-1) : undefined;
      return {
        data: shown.map((each) => ({ ...each, minute: toTimestamp(each.minute) })),
        next_cursor: last ? cursors.encode(list, JSON.stringify(last)) : null,
      };
    },
  });
}
