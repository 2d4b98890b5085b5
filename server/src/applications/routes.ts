import { parseDurationMs } from '@latchkey/protocol';
import { actorOf } from '../audit/index.ts';
import type { Database } from '../database/index.ts';
import { Failure, invalidField } from '../failure.ts';
import {
  type Access,
  type Call,
  type Cursors,
  type Environment,
  expiryOf,
  type Principal,
  pageOf,
  type Route,
  route,
} from '../http/index.ts';
import { DEFAULT_PLAN, type Limits, limitsFromJson, type PlanTable, planNamed, UNLIMITED } from '../limits/index.ts';
import type { Resources } from '../resources/index.ts';
import type { ApplicationGrantor } from './authority.ts';
import { createApplication } from './create.ts';
import type { ApplicationDeps } from './deps.ts';
import { patchApplication } from './patch.ts';
import { presentApplication, presentSecret } from './present.ts';
import { removeApplication } from './remove.ts';
import * as schemas from './schemas.ts';
import { addSecret, isLive, removeSecret } from './secrets.ts';
import { rowOfSettings } from './settings.ts';
import {
  type ApplicationReach,
  anyApplication,
  applicationById,
  type ListReach,
  listApplications,
  secretsOf,
  secretsOfMany,
} from './store.ts';
import type { ApplicationRow, ClientSecretRow } from './tables.ts';
import { changesFrom, type ReadingContext, settingsFrom } from './wanted.ts';

/** What a workspace says of its applications. */
export interface ApplicationWorkspace {
  readonly id: string;
  readonly isSuspended: boolean;
  readonly plan: string | null;
  readonly limits: Limits | null;
  readonly isPooled: boolean;
}

export interface ApplicationRoutesDeps extends ApplicationDeps {
  database: Database;
  cursors: Cursors;
  resources: Resources;
  plans(): PlanTable;
  /** Which workspace a call is about (`accounts`). */
  resolveWorkspace(principal: Principal, named: string | undefined): Promise<string>;
  workspaceFacts(id: string): Promise<ApplicationWorkspace | null>;
  /** What the calling credential may spend itself. Throws when it has ended. */
  limitsOfCaller(principal: Principal, workspace: ApplicationWorkspace): Promise<Limits>;
}

const needs = (scope: string): Access => ({ scope, root: 'allowed' });

/** Each route stands at `/applications` under a version, and without one below `/oauth` (contract §6, §8). */
interface Place {
  base: string;
  mounts: readonly ('v1' | 'v2' | 'bare')[];
}
const PLACES: readonly Place[] = [
  { base: '/applications', mounts: ['v1', 'v2'] },
  { base: '/oauth/applications', mounts: ['bare'] },
];

/** Everything about a call that a verb needs, read before its transaction begins. */
interface Setting {
  reach: ApplicationReach;
  grantor: ApplicationGrantor;
  reading: ReadingContext;
  limitsOf(row: Pick<ApplicationRow, 'plan' | 'limits'>): Limits;
}

async function settingOf(
  deps: ApplicationRoutesDeps,
  { principal }: Call,
  named: string | undefined,
): Promise<Setting & { workspaceId: string }> {
  const workspaceId = await deps.resolveWorkspace(principal, named);
  const workspace = await deps.workspaceFacts(workspaceId);
  if (!workspace) throw new Failure('not_found');
  const plans = deps.plans();
  return {
    workspaceId,
    reach: { workspaceId, environment: principal.environment },
    grantor: { principal, limits: await deps.limitsOfCaller(principal, workspace) },
    reading: { principal, plans, catalogue: deps.catalogue, resources: deps.resources },
    limitsOf: ({ plan, limits }) => {
      if (limits !== null) return limitsFromJson(JSON.parse(limits));
      return workspace.limits ?? planNamed(plans, plan ?? workspace.plan ?? DEFAULT_PLAN).limits.oauth;
    },
  };
}

/** One that registered itself belongs to no workspace: it is the operator's to see to, who need name none. */
async function isUnowned(
  { database }: ApplicationRoutesDeps,
  { principal, params }: Call<unknown, unknown, { id: string }>,
  named: string | undefined,
): Promise<boolean> {
  if (principal.kind !== 'root' || named !== undefined) return false;
  return (await anyApplication(database.read, params.id))?.workspace_id === null;
}

/** The same for a call about one application. */
async function settingOfOne(
  deps: ApplicationRoutesDeps,
  call: Call<unknown, unknown, { id: string }>,
  named: string | undefined,
): Promise<Setting> {
  if (!(await isUnowned(deps, call, named))) return settingOf(deps, call, named);
  const { principal } = call;
  return {
    reach: { workspaceId: null, environment: null },
    grantor: { principal, limits: UNLIMITED },
    reading: { principal, plans: deps.plans(), catalogue: deps.catalogue, resources: deps.resources },
    limitsOf: () => UNLIMITED,
  };
}

/** Which applications a list is about: those of a workspace, or those of none that registered themselves. */
async function listReach(
  deps: ApplicationRoutesDeps,
  principal: Principal,
  query: { workspace_id?: string; environment?: Environment; self_registered?: boolean },
): Promise<ListReach> {
  const environment = principal.environment ?? query.environment ?? null;
  if (query.self_registered !== true) {
    return { workspaceId: await deps.resolveWorkspace(principal, query.workspace_id), environment };
  }
  if (principal.kind !== 'root') throw new Failure('forbidden', 'Only the root key sees those that belong to none.');
  if (query.workspace_id !== undefined) throw invalidField('self_registered', 'cannot be given with workspace_id');
  return { workspaceId: 'none', environment };
}

function createPresent({ resources, clock }: ApplicationRoutesDeps) {
  const audienceOf = (id: string) => resources.byId(id)?.audience;
  return (row: ApplicationRow, secrets: readonly ClientSecretRow[]) => {
    const live = secrets.filter((secret) => isLive(secret, clock.nowMs()));
    return presentApplication(row, live, { audienceOf });
  };
}

const shared = { tag: 'applications' } as const;

function readRoutes(deps: ApplicationRoutesDeps, { base, mounts }: Place): Route[] {
  const { database } = deps;
  const present = createPresent(deps);
  return [
    route({
      ...shared,
      mounts,
      method: 'GET',
      path: base,
      access: needs('applications:read'),
      summary: 'List applications, newest first',
      query: schemas.listQuery,
      reply: schemas.applicationListReply,
      handler: async ({ principal, query }) => {
        const reach = await listReach(deps, principal, query);
        if (query.environment && reach.environment !== query.environment) return { data: [], next_cursor: null };
        const page = pageOf(deps.cursors, JSON.stringify(['applications', reach]), query);
        const wanted = { limit: page.limit, beforeId: page.position };
        const { rows, next_cursor } = page.cut(await listApplications(database.read, reach, wanted), ({ id }) => id);
        const secrets = await secretsOfMany(
          database.read,
          rows.map(({ id }) => id),
        );
        const ofRow = ({ id }: ApplicationRow) => secrets.filter((secret) => secret.client_id === id);
        return { data: rows.map((row) => present(row, ofRow(row))), next_cursor };
      },
    }),
    route({
      ...shared,
      mounts,
      method: 'GET',
      path: `${base}/:id`,
      access: needs('applications:read'),
      summary: 'One application, without its secrets',
      params: schemas.applicationParams,
      query: schemas.workspaceQuery,
      reply: schemas.applicationReply,
      handler: async (call) => {
        const { reach } = await settingOfOne(deps, call, call.query.workspace_id);
        const row = await applicationById(database.read, reach, call.params.id);
        if (!row) throw new Failure('not_found');
        return present(row, await secretsOf(database.read, row.id));
      },
    }),
  ];
}

function createRoute(deps: ApplicationRoutesDeps, { base, mounts }: Place): Route {
  const present = createPresent(deps);
  return route({
    ...shared,
    mounts,
    method: 'POST',
    path: base,
    access: needs('applications:write'),
    summary: 'Register an application; its secret is in this reply and nowhere again',
    body: schemas.newApplicationBody,
    reply: schemas.newApplicationReply,
    status: 201,
    secretReply: true,
    handler: async (call) => {
      const { workspaceId, grantor, reading, limitsOf } = await settingOf(deps, call, call.body.workspace_id);
      const settings = settingsFrom(call.body, reading);
      const limits = limitsOf(rowOfSettings(settings));
      const wanted = { workspaceId, settings, grantor, actor: actorOf(call), limits };
      const made = await deps.database.write(async (tx) => {
        const { row, secret } = await createApplication(deps, tx, wanted);
        const shown = present(row, secret ? [secret.row] : []);
        return secret ? { ...shown, client_secret: secret.text } : shown;
      });
      // After the write that the reply is of: a crash between the two is mended at the next start.
      await deps.prepareKey(settings.idTokenAlgorithm);
      return made;
    },
  });
}

function changeRoutes(deps: ApplicationRoutesDeps, { base, mounts }: Place): Route[] {
  const { database } = deps;
  const present = createPresent(deps);
  return [
    route({
      ...shared,
      mounts,
      method: 'PATCH',
      path: `${base}/:id`,
      access: needs('applications:write'),
      summary:
        'Change an application; never so that it can do more than the caller. Disabled, it ends with all its tokens',
      params: schemas.applicationParams,
      body: schemas.applicationPatchBody,
      reply: schemas.applicationReply,
      handler: async (call) => {
        const { reach, grantor, reading, limitsOf } = await settingOfOne(deps, call, call.body.workspace_id);
        const changes = changesFrom(call.body, reading);
        const patch = { reach, id: call.params.id, ...changes, grantor, actor: actorOf(call), limitsOf };
        const changed = await database.write(async (tx) => {
          const row = await patchApplication(deps, tx, patch);
          return present(row, await secretsOf(tx.query, row.id));
        });
        await deps.prepareKey(changed.id_token_signed_response_alg);
        return changed;
      },
    }),
    route({
      ...shared,
      mounts,
      method: 'DELETE',
      path: `${base}/:id`,
      access: needs('applications:write'),
      summary: 'Take an application away with all that it was given',
      params: schemas.applicationParams,
      query: schemas.workspaceQuery,
      status: 204,
      handler: async (call) => {
        const { reach } = await settingOfOne(deps, call, call.query.workspace_id);
        await database.write((tx) => removeApplication(deps, tx, actorOf(call), { reach, id: call.params.id }));
      },
    }),
  ];
}

function overlapOf(overlap: string | undefined): number | null {
  if (overlap === undefined) return null;
  const overlapMs = parseDurationMs(overlap, { allowZero: true });
  if (overlapMs === null) throw invalidField('overlap', 'must be a duration such as 24h, or 0s');
  return overlapMs;
}

function secretRoutes(deps: ApplicationRoutesDeps, { base, mounts }: Place): Route[] {
  const { database, clock } = deps;
  return [
    route({
      ...shared,
      mounts,
      method: 'POST',
      path: `${base}/:id/secrets`,
      access: needs('applications:write'),
      summary: 'Add a secret, shown once; with an overlap those so far end after it',
      params: schemas.applicationParams,
      body: schemas.newSecretBody,
      reply: schemas.secretReply,
      status: 201,
      secretReply: true,
      handler: async (call) => {
        const { reach, grantor, limitsOf } = await settingOf(deps, call, call.body.workspace_id);
        const request = {
          reach,
          clientId: call.params.id,
          grantor,
          actor: actorOf(call),
          limitsOf,
          expiresAtMs: expiryOf(call.body, clock.nowMs()),
          overlapMs: overlapOf(call.body.overlap),
        };
        return database.write(async (tx) => {
          const { row, text } = await addSecret(deps, tx, request);
          return { ...presentSecret(row), client_id: row.client_id, client_secret: text };
        });
      },
    }),
    route({
      ...shared,
      mounts,
      method: 'DELETE',
      path: `${base}/:id/secrets/:secret_id`,
      access: needs('applications:write'),
      summary: 'End a secret now',
      params: schemas.secretParams,
      query: schemas.workspaceQuery,
      status: 204,
      handler: async (call) => {
        const { reach } = await settingOf(deps, call, call.query.workspace_id);
        const { id: clientId, secret_id: secretId } = call.params;
        await database.write((tx) => removeSecret(deps, tx, actorOf(call), { reach, clientId, secretId }));
      },
    }),
  ];
}

/** Applications: registered, changed and ended by who holds `applications:write` in their workspace, and by root. */
export function applicationRoutes(deps: ApplicationRoutesDeps): Route[] {
  return PLACES.flatMap((place) => [
    createRoute(deps, place),
    ...readRoutes(deps, place),
    ...changeRoutes(deps, place),
    ...secretRoutes(deps, place),
  ]);
}
