import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Failure } from '../failure.ts';
import type { Admission, Authenticate } from './authenticate.ts';
import { cacheable } from './caching.ts';
import { clientAddress } from './client-address.ts';
import { presentedSession } from './cookies.ts';
import { presentedCredential } from './credentials.ts';
import { fingerprintOf, type Idempotency, idempotencyKeyOf } from './idempotency/index.ts';
import { API_VERSIONS, mountedPath, type PathTable } from './paths.ts';
import { makerOf, type Principal } from './principal.ts';
import { PUBLIC_CORS } from './reply-headers.ts';
import type { Call, Mount, Route } from './route.ts';
import { refuseOtherSites } from './same-origin.ts';

declare module 'fastify' {
  interface FastifyRequest {
    principal: Principal | null;
    /** The resource that the route is, as `Guarded` names it; null where anybody may call. */
    wantedResource: string | null;
  }
  interface FastifyContextConfig {
    isGate?: boolean;
  }
}

export interface MountOptions {
  authenticate: Authenticate;
  idempotency: Idempotency;
  paths: PathTable;
  issuer(): string;
}

/** Of a route that names no resource of its own. */
export const DEFAULT_RESOURCE = 'default';

type OnRequest = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void;

/** Answers "who is calling" before the body is read. Warm credentials pass without an await. */
function authenticating(
  access: Exclude<Route['access'], 'public'>,
  authenticate: Authenticate,
  pattern: string,
): OnRequest {
  const admit = (request: FastifyRequest, reply: FastifyReply, { principal, headers }: Admission) => {
    request.principal = principal;
    if (headers !== null) reply.headers(headers);
  };
  return (request, reply, done) => {
    try {
      const guarded = typeof access === 'function' ? access(request.query as Record<string, unknown>) : access;
      request.wantedResource = guarded.resource ?? DEFAULT_RESOURCE;
      const admission = authenticate(request.raw, clientAddress(request), guarded, pattern);
      if (admission instanceof Promise) {
        admission.then((found) => {
          admit(request, reply, found);
          done();
        }, done);
        return;
      }
      admit(request, reply, admission);
      done();
    } catch (error) {
      done(error as Error);
    }
  };
}

const refuseUnknownVersion: OnRequest = (request, _reply, done) => {
  const version = request.headers['x-api-version'];
  if (version === undefined || API_VERSIONS.includes(String(version))) return done();
  done(new Failure('unsupported_version', `X-API-Version must be one of ${API_VERSIONS.join(', ')}.`));
};

/** A sign-in that another site's page sends would sign the visitor in as somebody else. */
const fromThisSite =
  (issuer: () => string): OnRequest =>
  (request, _reply, done) => {
    try {
      refuseOtherSites(request.headers, issuer());
      done();
    } catch (failure) {
      done(failure as Error);
    }
  };

const allowAnyOrigin: OnRequest = (_request, reply, done) => {
  reply.headers(PUBLIC_CORS);
  done();
};

function callOf(request: FastifyRequest, reply: FastifyReply): Call {
  return {
    body: request.body,
    query: request.query,
    params: request.params,
    principal: request.principal as Principal,
    requestId: request.id,
    address: clientAddress(request),
    credential: () => presentedCredential(request.raw as Parameters<typeof presentedCredential>[0]),
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
    setHeader: (name, value) => {
      reply.header(name, value);
    },
  };
}

/** The text that only the caller has: of the credential, or of the session's cookie. */
function secretOf({ raw }: FastifyRequest, issuer: string): string | undefined {
  const presented = presentedCredential(raw as Parameters<typeof presentedCredential>[0]);
  return presented?.text ?? presentedSession(raw.headers.cookie, issuer.startsWith('https:'));
}

/** Whose repetitions belong together: a key's, or those of a user or application in one place, whatever token they bring. */
function repeaterOf(principal: Principal): string {
  const maker = makerOf(principal);
  if (maker === principal.credentialId) return maker;
  return `${maker} ${principal.workspaceId} ${principal.environment}`;
}

async function runIdempotently(
  route: Route,
  key: string,
  request: FastifyRequest,
  reply: FastifyReply,
  { idempotency, issuer }: MountOptions,
) {
  const credential = secretOf(request, issuer());
  const principal = request.principal;
  if (credential === undefined || !principal) return route.handler(callOf(request, reply));
  const answer = await idempotency.run(
    {
      principal: repeaterOf(principal),
      route: `${route.method} ${route.path}`,
      key,
      fingerprint: fingerprintOf(credential, route.method, request.url.replace(/^\/v\d(?=\/)/, ''), request.body),
      credential,
      status: route.status ?? 200,
      secretReply: route.secretReply ?? false,
    },
    async () => route.handler(callOf(request, reply)),
  );
  if (answer.isReplay) reply.header('idempotency-replayed', 'true');
  return answer.body;
}

function handling(route: Route, options: MountOptions) {
  const status = route.status ?? 200;
  const isIdempotent =
    route.isIdempotent !== false &&
    !['GET', 'ANY'].includes(route.method) &&
    route.access !== 'public' &&
    route.errors !== 'oauth';
  const answer = (request: FastifyRequest, reply: FastifyReply) => {
    if (status !== 200) reply.code(status);
    const key = isIdempotent ? idempotencyKeyOf(request.headers['idempotency-key']) : null;
    if (key === null) return route.handler(callOf(request, reply));
    return runIdempotently(route, key, request, reply, options);
  };
  const { isAccepted } = route;
  if (!isAccepted) return answer;
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const body = await answer(request, reply);
    if (isAccepted(body)) reply.code(202);
    return body;
  };
}

const EVERY_METHOD = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

function schemaOf(route: Route): Record<string, unknown> {
  const schema: Record<string, unknown> = { summary: route.summary, tags: [route.tag] };
  if (route.isUndocumented) schema.hide = true;
  if (route.body) schema.body = route.body;
  if (route.query) schema.querystring = route.query;
  if (route.params) schema.params = route.params;
  if (route.reply) {
    schema.response = { [route.status ?? 200]: route.reply, ...(route.isAccepted ? { 202: route.reply } : {}) };
  }
  if (route.status === 204) schema.response = { 204: { type: 'null', description: 'Done; nothing to say' } };
  if (route.access !== 'public') schema.security = [{ bearer: [] }, { apiKey: [] }];
  return schema;
}

function onRequestOf(route: Route, mount: Mount, url: string, options: MountOptions): OnRequest[] {
  const { authenticate, issuer } = options;
  const steps: OnRequest[] = [];
  if (route.sameOrigin) steps.push(fromThisSite(issuer));
  if (route.cors === 'public') steps.push(allowAnyOrigin);
  if (mount === 'bare' && route.mounts.length > 1) steps.push(refuseUnknownVersion);
  if (route.access !== 'public') steps.push(authenticating(route.access, authenticate, url));
  return steps;
}

function mountAt(app: FastifyInstance, route: Route, mount: Mount, options: MountOptions): void {
  const url = mountedPath(mount, route.path);
  const methods = route.method === 'ANY' ? EVERY_METHOD : [route.method];
  for (const method of methods) options.paths.add(url, method, route.cors === 'public');
  const mounted = {
    method: methods,
    url,
    schema: schemaOf(route),
    config: { isGate: route.isGate ?? false },
    onRequest: onRequestOf(route, mount, url, options),
    ...(typeof route.access === 'function' ? { validatorCompiler: asRead } : {}),
    ...(route.body ? { preValidation: emptyBodyIsObject } : {}),
    ...(route.bodyLimitBytes ? { bodyLimit: route.bodyLimitBytes } : {}),
    ...(route.cacheSeconds ? { onSend: cacheable(route.cacheSeconds) } : {}),
    handler: handling(route, options),
  };
  if (route.method !== 'ANY' && !route.ignoresBody) {
    app.route(mounted);
    return;
  }
  app.register(async (scope) => {
    ignoreBodies(scope);
    scope.route(mounted);
  });
}

/** Whatever body comes along, and whatever it calls itself, is left unread: node:http discards it after the reply. */
function ignoreBodies(scope: FastifyInstance): void {
  scope.addHook('onRequest', (request, _reply, done) => {
    // Fastify would refuse a type that it cannot read before it asks any parser.
    delete request.headers['content-type'];
    done();
  });
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null, undefined));
}

const emptyBodyIsObject: OnRequest = (request, _reply, done) => {
  if (request.body === undefined) request.body = {};
  done();
};

/** Where the query says what is asked of the caller, `access` has read it; the schema describes it. */
const asRead = () => () => true;

/** Mounts a route at each of its places. */
export function mountRoute(app: FastifyInstance, route: Route, options: MountOptions): void {
  for (const mount of route.mounts) mountAt(app, route, mount, options);
}
