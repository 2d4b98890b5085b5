import { idPattern } from '@latchkey/protocol';
import { Type } from 'typebox';
import { actorOf } from '../audit/index.ts';
import { toTimestamp } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { Failure } from '../failure.ts';
import { type Access, closed, nullable, OPERATOR, oneOf, type Route, route } from '../http/index.ts';
import { ALGORITHM_NAMES, type AlgorithmName, DEFAULT_ALGORITHM, type SigningKeys } from '../signing-keys/index.ts';
import { toResource } from './live-resources.ts';
import { LONGEST_TTL_SECONDS, type Resources, SHORTEST_TTL_SECONDS } from './resource.ts';
import { allResources } from './store.ts';
import type { ResourceRow } from './tables.ts';
import { createResource, patchResource, type ResourceWriteDeps, removeResource } from './write.ts';

export interface ResourceRoutesDeps extends ResourceWriteDeps {
  database: Database;
  resources: Resources;
  signingKeys: Pick<SigningKeys, 'prepare'>;
}

const Audience = Type.String({ minLength: 1, maxLength: 300 });
const fields = {
  name: Type.String({ minLength: 1, maxLength: 100, pattern: '\\S' }),
  token_format: oneOf('jwt', 'opaque'),
  signing_alg: oneOf(...ALGORITHM_NAMES),
  access_token_ttl_seconds: Type.Integer({ minimum: SHORTEST_TTL_SECONDS, maximum: LONGEST_TTL_SECONDS }),
  accepted_audiences: Type.Array(Audience, { maxItems: 20, uniqueItems: true }),
};
const { name, ...settings } = fields;
const optional = Type.Partial(Type.Object(settings)).properties;
const newResource = Type.Object({ name, audience: Audience, ...optional }, closed);
const resourcePatch = Type.Object(
  { name: Type.Optional(name), audience: Type.Optional(nullable(Audience)), ...optional },
  closed,
);
const resourceReply = Type.Object({
  id: Type.String(),
  audience: Type.String(),
  ...fields,
  is_default: Type.Boolean(),
  created_at: Type.String(),
});
const params = Type.Object({ id: Type.String({ pattern: idPattern('resource') }) });

const shared = { mounts: ['v1', 'v2'], tag: 'resources' } as const;
const anyone: Access = { scope: null, root: 'allowed' };

function present(row: ResourceRow, issuer: string) {
  const resource = toResource(row, issuer);
  return {
    id: resource.id,
    audience: resource.audience,
    name: resource.name,
    token_format: resource.tokenFormat,
    signing_alg: resource.signingAlg,
    access_token_ttl_seconds: resource.accessTokenTtlSeconds,
    accepted_audiences: [...resource.acceptedAudiences],
    is_default: resource.isDefault,
    created_at: toTimestamp(row.created_at),
  };
}

function readRoutes({ database, issuer }: ResourceRoutesDeps): Route[] {
  return [
    route({
      ...shared,
      method: 'GET',
      path: '/resources',
      access: anyone,
      summary: 'The APIs that tokens are for',
      reply: Type.Object({ data: Type.Array(resourceReply), next_cursor: Type.Null() }),
      handler: async () => {
        const rows = await allResources(database.read);
        return { data: rows.map((row) => present(row, issuer())), next_cursor: null };
      },
    }),
    route({
      ...shared,
      method: 'GET',
      path: '/resources/:id',
      access: anyone,
      summary: 'One API',
      params,
      reply: resourceReply,
      handler: async (call) => {
        const row = (await allResources(database.read)).find(({ id }) => id === call.params.id);
        if (!row) throw new Failure('not_found');
        return present(row, issuer());
      },
    }),
  ];
}

/**
 * A key of the algorithm is published before the first token needs it; safe to repeat. After the write that the reply is
 * of: a crash between the two is mended at the next start.
 */
async function prepareKey({ signingKeys }: ResourceRoutesDeps, algorithm: AlgorithmName | undefined): Promise<void> {
  if (algorithm !== undefined && algorithm !== DEFAULT_ALGORITHM) await signingKeys.prepare(algorithm);
}

function writeRoutes(deps: ResourceRoutesDeps): Route[] {
  const { database, resources, issuer } = deps;
  return [
    route({
      ...shared,
      method: 'POST',
      path: '/resources',
      access: OPERATOR,
      summary: 'Add an API',
      body: newResource,
      reply: resourceReply,
      status: 201,
      handler: async (call) => {
        const reply = await database.write(async (tx) =>
          present(await createResource(deps, tx, actorOf(call), call.body), issuer()),
        );
        await prepareKey(deps, call.body.signing_alg);
        await resources.load();
        return reply;
      },
    }),
    route({
      ...shared,
      method: 'PATCH',
      path: '/resources/:id',
      access: OPERATOR,
      summary: 'Change an API: its audience, and the format, algorithm and lifetime of its tokens',
      params,
      body: resourcePatch,
      reply: resourceReply,
      handler: async (call) => {
        const reply = await database.write(async (tx) =>
          present(await patchResource(deps, tx, actorOf(call), call.params.id, call.body), issuer()),
        );
        await prepareKey(deps, call.body.signing_alg);
        await resources.load();
        return reply;
      },
    }),
    route({
      ...shared,
      method: 'DELETE',
      path: '/resources/:id',
      access: OPERATOR,
      summary: 'Remove an API that no scope belongs to; its tokens are refused',
      params,
      status: 204,
      handler: async (call) => {
        await database.write((tx) => removeResource(deps, tx, actorOf(call), call.params.id));
        await resources.load();
      },
    }),
  ];
}

/** The APIs that tokens are for: every credential may read them, the operator writes them. */
export function resourceRoutes(deps: ResourceRoutesDeps): Route[] {
  return [...readRoutes(deps), ...writeRoutes(deps)];
}
