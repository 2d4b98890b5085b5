import { idPattern } from '@latchkey/protocol';
import { Type } from 'typebox';
import { actorOf } from '../../audit/index.ts';
import { Failure } from '../../failure.ts';
import {
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
import { type Grant, presentGrant } from './grant.ts';
import type { Grants, GrantsDeps } from './grants.ts';
import { revokeGrant } from './revoke.ts';
import type { GrantFilter } from './store.ts';

export interface GrantRoutesDeps {
  grants: Grants;
  /** What revoking stands on. */
  store: GrantsDeps;
  cursors: Cursors;
  resolveWorkspace(principal: Principal, named: string | undefined): Promise<string>;
  nameOf(clientId: string): Promise<string | null>;
}

/** Whoever manages a workspace's members sees, and ends, what they allowed there. */
const MANAGES = 'members:write';
const shared = { mounts: ['v1', 'v2'], tag: 'grants' } as const;
/** A person sees their own, whatever their role is: who sees what is decided in the handler. */
const access = { scope: null, root: 'allowed' } as const;
const params = Type.Object({ id: Type.String({ pattern: idPattern('grant') }) });
const grantReply = Type.Object({
  id: Type.String(),
  user_id: Type.String(),
  client_id: Type.String(),
  application_name: nullable(Type.String()),
  workspace_id: Type.String(),
  environment: oneOf('test', 'live'),
  resource: Type.String(),
  scopes: Type.Array(Type.String()),
  created_at: Type.String(),
  updated_at: Type.String(),
  last_used_at: nullable(Type.String()),
});

const isPerson = ({ method }: Principal) => method === 'session';
const manages = ({ kind, scopes }: Principal) => kind === 'root' || scopes.has(MANAGES);

function refuse(principal: Principal): never {
  throw new Failure('insufficient_scope', `This call needs the scope ${MANAGES}; a signed-in person sees their own.`, {
    scopes: { wanted: [MANAGES], held: [...principal.grantedScopes] },
  });
}

/** Whether a caller may see and end a grant: their own, or one of the workspace and environment that they manage. Pure. */
export function reaches(principal: Principal, grant: Pick<Grant, 'userId' | 'workspaceId' | 'environment'>): boolean {
  if (principal.kind === 'root') return true;
  if (isPerson(principal) && principal.userId === grant.userId) return true;
  const isThere = principal.workspaceId === grant.workspaceId && principal.environment === grant.environment;
  return isThere && manages(principal);
}

interface ListQuery {
  workspace_id?: string | undefined;
  user_id?: string | undefined;
  client_id?: string | undefined;
}

/** Which grants a caller lists: one's own wherever they are, or those of the workspace. */
async function filterOf(deps: GrantRoutesDeps, principal: Principal, query: ListQuery): Promise<GrantFilter> {
  const { workspace_id: named, user_id: userId = null, client_id: clientId = null } = query;
  const isOwn = isPerson(principal) && (userId === principal.userId || (userId === null && !manages(principal)));
  if (isOwn) return { workspaceId: named ?? null, environment: null, userId: principal.userId, clientId };
  if (!manages(principal)) refuse(principal);
  const { environment } = principal;
  return { workspaceId: await deps.resolveWorkspace(principal, named), environment, userId, clientId };
}

function listRoute(deps: GrantRoutesDeps): Route {
  return route({
    ...shared,
    method: 'GET',
    path: '/grants',
    access,
    summary: "What people allowed applications: a person's own, or with members:write those of the workspace",
    query: Type.Object(
      {
        ...pageQuery,
        workspace_id: Type.Optional(Type.String()),
        user_id: Type.Optional(Type.String({ pattern: idPattern('user') })),
        client_id: Type.Optional(Type.String({ minLength: 1, maxLength: 2000 })),
      },
      closed,
    ),
    reply: listReply(grantReply),
    handler: async ({ principal, query }) => {
      const filter = await filterOf(deps, principal, query);
      const page = pageOf(deps.cursors, JSON.stringify(['grants', filter]), query);
      const found = await deps.grants.list(filter, { beforeId: page.position, limit: page.limit });
      const { rows, next_cursor } = page.cut(found, ({ id }) => id);
      const data = await Promise.all(rows.map(async (each) => presentGrant(each, await deps.nameOf(each.clientId))));
      return { data, next_cursor };
    },
  });
}

function refuseOthers(principal: Principal): void {
  if (!isPerson(principal) && !manages(principal)) refuse(principal);
}

/** What people allowed applications, as themselves, their workspace and the operator look after it. */
export function grantRoutes(deps: GrantRoutesDeps): Route[] {
  const { grants, store, nameOf } = deps;
  return [
    listRoute(deps),
    route({
      ...shared,
      method: 'GET',
      path: '/grants/:id',
      access,
      summary: 'One of them',
      params,
      reply: grantReply,
      handler: async ({ principal, params: { id } }) => {
        refuseOthers(principal);
        const grant = await grants.byId(store.database.read, id);
        if (!grant || grant.revokedAtMs !== null || !reaches(principal, grant)) throw new Failure('not_found');
        return presentGrant(grant, await nameOf(grant.clientId));
      },
    }),
    route({
      ...shared,
      method: 'DELETE',
      path: '/grants/:id',
      access,
      summary: 'Withdraw one: the application and all its tokens of that grant are cut off at once',
      params,
      status: 204,
      handler: async (call) => {
        refuseOthers(call.principal);
        await revokeGrant(store, actorOf(call), call.params.id, (grant) => reaches(call.principal, grant));
      },
    }),
  ];
}
