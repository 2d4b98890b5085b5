import { Type } from 'typebox';
import { Failure } from '../../failure.ts';
import { type Route, route } from '../../http/index.ts';
import { RESOURCE_PATH, type ResourceMetadataDeps, resourceAsked, resourceMetadata } from './resource-metadata.ts';
import { type ServerMetadataDeps, serverMetadata } from './server-metadata.ts';

export type DiscoveryDeps = ServerMetadataDeps & ResourceMetadataDeps;

/** Long enough to spare a request for each login, short enough that a new endpoint is found within the hour. */
const CACHE_SECONDS = 300;

const document = Type.Object({}, { additionalProperties: true });

const shared = {
  method: 'GET',
  mounts: ['bare'],
  access: 'public',
  cors: 'public',
  cacheSeconds: CACHE_SECONDS,
  tag: 'discovery',
  reply: document,
} as const;

/** `{issuer}` without a slash at its end, from its host on: what path-inserted documents end in (RFC 8414 §3.1). */
const issuerPath = (issuer: string) => new URL(issuer).pathname.replace(/\/$/, '');

const params = Type.Object({ '*': Type.String({ maxLength: 2000 }) });

function serverRoutes(deps: DiscoveryDeps): Route[] {
  const summaries = {
    '/.well-known/openid-configuration': 'This server as an OpenID provider (OpenID Connect Discovery)',
    '/.well-known/oauth-authorization-server': 'This server as an authorization server (RFC 8414)',
  };
  return Object.entries(summaries).flatMap(([path, summary]) => [
    route({ ...shared, path, summary, handler: () => serverMetadata(deps) as never }),
    route({
      ...shared,
      path: `${path}/*`,
      summary: `${summary}, where the issuer has a path`,
      params,
      isUndocumented: true,
      handler: (call) => {
        const { '*': rest } = call.params;
        // RFC 8414 §3.3: a document of another issuer must not be found here.
        if (`/${rest}` !== issuerPath(deps.issuer())) throw new Failure('not_found', 'There is no such issuer here.');
        return serverMetadata(deps) as never;
      },
    }),
  ]);
}

function resourceRoutes(deps: DiscoveryDeps): Route[] {
  const summary = 'What protects a resource, and where to get a token for it (RFC 9728)';
  const query = Type.Object({ resource: Type.Optional(Type.String({ maxLength: 2000 })) });
  const answer = (suffix: string, named: string | null) => {
    const resource = resourceAsked(deps, { suffix, named });
    if (!resource) throw new Failure('not_found', 'There is no such resource here.');
    return resourceMetadata(deps, resource) as never;
  };
  return [
    route({
      ...shared,
      path: RESOURCE_PATH,
      summary,
      query,
      handler: (call) => answer('', call.query.resource ?? null),
    }),
    route({
      ...shared,
      path: `${RESOURCE_PATH}/*`,
      summary: `${summary}, by its path`,
      params,
      isUndocumented: true,
      handler: (call) => answer(`/${call.params['*']}`, null),
    }),
  ];
}

/** The documents that clients begin with. Derived from what is mounted, and open to every page. */
export function discoveryRoutes(deps: DiscoveryDeps): Route[] {
  return [...serverRoutes(deps), ...resourceRoutes(deps)];
}
