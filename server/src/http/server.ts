import type { IncomingMessage, Server } from 'node:http';
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import type { RandomBytes } from '../crypto/index.ts';
import { Failure } from '../failure.ts';
import type { Authenticate } from './authenticate.ts';
import { type TrustProxy, trustedProxies } from './client-address.ts';
import {
  createClientErrorHandler,
  createSendFailure,
  type ErrorReplyOptions,
  replyWithFailures,
  type SendFailure,
} from './error-replies.ts';
import { type FormRoute, mountForms } from './form-routes.ts';
import type { Idempotency } from './idempotency/index.ts';
import { acceptJsonBodies } from './json-body.ts';
import { mountRoute } from './mount.ts';
import {
  answerOddRequests,
  HEADER_LIMIT_BYTES,
  refusedHeaderSize,
  refusedHost,
  refusedTarget,
} from './odd-requests.ts';
import { describeRoutes, openapiRoutes } from './openapi.ts';
import { type FailurePage, mountPages, type PageRoute } from './page-routes.ts';
import { createPathTable, type PathTable } from './paths.ts';
import { commonHeaders, PUBLIC_PREFLIGHT } from './reply-headers.ts';
import { requestIds } from './request-id.ts';
import type { Route } from './route.ts';
import { useSchemas } from './validation.ts';

/** What was answered, for whoever measures. `route` is the pattern, never the URL. */
export interface AnsweredRequest {
  method: string;
  route: string;
  status: number;
  durationSeconds: number;
}

export interface HttpOptions {
  version: string;
  clock: Clock;
  randomBytes: RandomBytes;
  log: Logger;
  errorDetail: 'full' | 'general';
  trustProxy: TrustProxy;
  tls: { cert: string; key: string } | null;
  issuer(): string;
  /** Where the metadata of a resource stands (RFC 9728): by its audience, `default` for the default one, `any` too. */
  resourceMetadata(audience: string): string | null;
  authenticate: Authenticate;
  idempotency: Idempotency;
  onAnswered(answered: AnsweredRequest): void;
}

const BODY_LIMIT_BYTES = 64 * 1024;
const MAX_HEADERS = 100;

function fastifyOptions(options: HttpOptions, sendFailure: SendFailure, errors: ErrorReplyOptions) {
  const limits = {
    maxHeaderSize: HEADER_LIMIT_BYTES,
    headersTimeout: 10_000,
    connectionsCheckingInterval: 5000,
    requireHostHeader: false,
  };
  const newId = requestIds(options.clock, options.randomBytes);
  const shared = {
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: 30_000,
    keepAliveTimeout: 65_000,
    trustProxy: trustedProxies(options.trustProxy),
    genReqId: (raw: Pick<IncomingMessage, 'headers'>) => newId(raw),
    clientErrorHandler: createClientErrorHandler(errors),
    frameworkErrors: sendFailure,
    return503OnClosing: false,
    routerOptions: { maxParamLength: 128 },
    logger: false,
  };
  if (!options.tls) return { ...shared, http: limits } as FastifyServerOptions;
  return { ...shared, http2: true, https: { ...limits, ...options.tls, allowHTTP1: true } } as FastifyServerOptions;
}

type Missing = (url: string) => Failure;

function addCommonHooks(app: FastifyInstance, options: HttpOptions, errors: ErrorReplyOptions, missing: Missing): void {
  const { onAnswered } = options;
  /** Connections that end with the reply under way: what was sent behind that request is not to be run. */
  const ending = new WeakSet<object>();
  app.decorateRequest('principal', null);
  app.decorateRequest('wantedResource', null);
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(errors.commonHeaders).header('x-request-id', request.id);
    if (ending.has(request.raw.socket)) return done(new Failure('invalid_request'));
    const badHost = refusedHost(request.raw);
    if (badHost) {
      ending.add(request.raw.socket);
      reply.header('connection', 'close');
    }
    // Before its body is read: what is wrong with that does not matter where nobody would take it.
    const unknown = request.is404 ? missing(request.url) : undefined;
    done(badHost ?? refusedHeaderSize(request.raw) ?? refusedTarget(request.raw) ?? unknown);
  });
  app.addHook('onResponse', (request, reply, done) => {
    onAnswered({
      method: request.method,
      route: request.routeOptions.url ?? 'unknown',
      status: reply.statusCode,
      durationSeconds: reply.elapsedTime / 1000,
    });
    done();
  });
}

function missingAt(paths: PathTable): Missing {
  return (url) => {
    const known = paths.find(url);
    if (!known) return new Failure('not_found', 'There is no such path.');
    return new Failure('method_not_allowed', undefined, { allow: known.methods });
  };
}

/** OPTIONS never asks who calls: the path's methods, and for public paths a preflight that any page may rely on. */
function answerOptions(app: FastifyInstance, paths: PathTable): void {
  app.options('*', { schema: { hide: true } as object }, (request, reply) => {
    const known = paths.find(request.url);
    if (!known) throw new Failure('not_found', 'There is no such path.');
    const allow = known.methods.join(', ');
    reply.header('allow', allow);
    if (known.isPublic) reply.headers(PUBLIC_PREFLIGHT).header('access-control-allow-methods', allow);
    reply.code(204).send();
  });
}

export interface HttpServer {
  app: FastifyInstance;
  add(routes: readonly Route[]): void;
  /** Whether anything answers at a path. */
  answers(path: string): boolean;
  /** OAuth's endpoints. */
  addForms(routes: readonly FormRoute[]): void;
  /** Pages for people, and how a refusal looks to them. */
  addPages(pages: readonly PageRoute[], failurePage: FailurePage): void;
}

/** Fastify, set up: ids, caps, strict bodies, errors from the catalogue, OpenAPI. Knows no route but its own. */
export async function createHttpServer(options: HttpOptions): Promise<HttpServer> {
  const newId = requestIds(options.clock, options.randomBytes);
  const errors: ErrorReplyOptions = {
    clock: options.clock,
    log: options.log,
    detail: options.errorDetail,
    issuer: options.issuer,
    resourceMetadata: options.resourceMetadata,
    newRequestId: () => newId({ headers: {} }),
    commonHeaders: commonHeaders(options.tls !== null || options.issuer().startsWith('https://')),
    failurePage: null,
  };
  const sendFailure = createSendFailure(errors);
  const app = Fastify(fastifyOptions(options, sendFailure, errors));
  app.server.maxHeadersCount = MAX_HEADERS;
  answerOddRequests(app.server as Server, createClientErrorHandler(errors));
  const paths = createPathTable();
  const missing = missingAt(paths);
  acceptJsonBodies(app);
  useSchemas(app);
  addCommonHooks(app, options, errors, missing);
  replyWithFailures(app, sendFailure, missing);
  answerOptions(app, paths);
  await describeRoutes(app, options.version);
  const { authenticate, idempotency, issuer } = options;
  const add = (routes: readonly Route[]) => {
    for (const each of routes) mountRoute(app, each, { authenticate, idempotency, paths, issuer });
  };
  add(openapiRoutes(() => app, options.issuer));
  const addForms = (routes: readonly FormRoute[]) => mountForms(app, routes, paths);
  const addPages = (pages: readonly PageRoute[], failurePage: FailurePage) => {
    errors.failurePage = failurePage;
    mountPages(app, pages, { paths, issuer });
  };
  const answers = (path: string) => paths.find(path) !== null;
  return { app, add, answers, addForms, addPages };
}
