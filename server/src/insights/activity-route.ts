import { idPattern } from '@latchkey/protocol';
import { Type } from 'typebox';
import { toTimestamp } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { Failure } from '../failure.ts';
import {
  type Cursors,
  closed,
  listReply,
  type Principal,
  pageOf,
  pageQuery,
  type Route,
  route,
} from '../http/index.ts';
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
        ...pageQuery,
        workspace_id: Type.Optional(Type.String({ maxLength: 64 })),
      },
      closed,
    ),
    reply: listReply(row),
    handler: async ({ principal, params: { id }, query }) => {
      if (!(await canSeeKey(principal, id, query.workspace_id))) throw new Failure('not_found');
      const list = `activity ${id}`;
      const page = pageOf(cursors, list, query);
      const after = page.position === null ? null : (JSON.parse(page.position) as ActivityPosition);
      const found = await listActivity(database.read, id, { after, limit: page.limit });
      const { rows, next_cursor } = page.cut(found, ({ key_id: _, ...rest }) => JSON.stringify(rest));
      return { data: rows.map((each) => ({ ...each, minute: toTimestamp(each.minute) })), next_cursor };
    },
  });
}
