import type { Socket } from 'node:net';
import { containsSecret } from '@latchkey/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import { type FailurePage, isForPerson, pageCallOf, sendPage } from './page-routes.ts';
import { errorFormatOf } from './paths.ts';
import { type ErrorFormat, type RenderContext, type RenderedFailure, renderFailure } from './render-failure.ts';
import { failureOfInvalidInput, InvalidInput } from './validation.ts';

export interface ErrorReplyOptions {
  clock: Clock;
  log: Logger;
  detail: RenderContext['detail'];
  issuer(): string;
  newRequestId(): string;
  /** What every reply carries; see `reply-headers.ts`. */
  commonHeaders: Record<string, string>;
  /** Where the metadata of a resource stands (RFC 9728), by its audience; null when it has none. */
  resourceMetadata(audience: string): string | null;
  /** Set once there are pages. */
  failurePage: FailurePage | null;
}

interface FrameworkError {
  code?: string;
  statusCode?: number;
  validation?: unknown;
  validationContext?: string;
  cause?: unknown;
}

const FRAMEWORK_CODES: Record<string, () => Failure> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () => new Failure('payload_too_large'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new Failure('unsupported_media_type', 'Send the body as Content-Type: application/json.'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new Failure('invalid_request', 'The body is not as long as Content-Length says.'),
  FST_ERR_BAD_URL: () => new Failure('invalid_request', 'The path is not a valid URL path.'),
  FST_ERR_MAX_PARAM_LENGTH: () => new Failure('not_found'),
};

/** Whatever was thrown, as a failure of the catalogue; what nobody foresaw is `internal_error`, and tells nothing. */
export function failureOf(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof InvalidInput) return failureOfInvalidInput(error, (error as FrameworkError).validationContext);
  const { code, statusCode } = (error ?? {}) as FrameworkError;
  const known = code === undefined ? undefined : FRAMEWORK_CODES[code];
  if (known) return known();
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return new Failure('invalid_request');
  return new Failure('internal_error', undefined, { cause: error });
}

const CLIENT_VERSION = /^[A-Za-z0-9][A-Za-z0-9 ._+/-]{0,63}$/;

/** What a client says of its own version (`X-Client-Version`): the first thing to ask when only some callers fail. */
function clientVersion({ headers }: FastifyRequest): { client_version?: string } {
  const version = headers['x-client-version'];
  if (typeof version !== 'string' || !CLIENT_VERSION.test(version) || containsSecret(version)) return {};
  return { client_version: version };
}

const NOT_ASCII = /[^\x20-\x7e]/g;

/** A proxy's sub-request knows only 401, 403 and 429; the body stands in a header too, for proxies that drop it. */
function forGate(rendered: RenderedFailure): void {
  const escaped = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  rendered.headers['x-latchkey-error'] = JSON.stringify(rendered.body).replace(NOT_ASCII, escaped);
  if (rendered.status !== 400) return;
  rendered.status = 401;
  // A 401 carries a challenge (RFC 9110 §15.5.2); RFC 6750 §3.1 has a word for this one.
  rendered.headers['www-authenticate'] = 'Bearer error="invalid_request"';
}

export type SendFailure = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void;

function formatFor(request: FastifyRequest): ErrorFormat {
  if (request.headers.accept?.includes('application/problem+json')) return 'problem';
  return errorFormatOf(request.url, request.headers['x-api-version']);
}

/** Renders every failure of every route in one place; logs what is ours, never what a caller sent. */
export function createSendFailure(options: ErrorReplyOptions): SendFailure {
  const { log, clock, detail } = options;
  return (error, request, reply) => {
    const failure = failureOf(error);
    const context = {
      request_id: request.id,
      route: request.routeOptions.url ?? null,
      code: failure.code,
      ...clientVersion(request),
    };
    if (failure.status >= 500 && !failure.details.isOverload)
      log.error({ ...context, err: failure.details.cause ?? failure }, 'request failed');
    else log.debug(context, 'request refused');
    // Once more, because an unreadable path never came by the hook that sets them.
    if (!reply.hasHeader('x-request-id')) reply.headers(options.commonHeaders).header('x-request-id', request.id);
    if (options.failurePage !== null && isForPerson(request)) {
      sendPage(reply, options.failurePage(failure, pageCallOf(request)));
      return;
    }
    const rendered = renderFailure(failure, {
      format: formatFor(request),
      detail,
      requestId: request.id,
      nowMs: clock.nowMs(),
      issuer: options.issuer(),
      resourceMetadata: request.wantedResource === null ? null : options.resourceMetadata(request.wantedResource),
    });
    const isGate = request.routeOptions.config.isGate === true;
    if (isGate) forGate(rendered);
    reply.code(rendered.status).headers(rendered.headers).type(rendered.contentType);
    // Past the route's own serializer, which knows only its success shape.
    reply.serializer(JSON.stringify).send(rendered.body);
  };
}

const PARSER_FAILURES: Record<string, () => Failure> = {
  HPE_HEADER_OVERFLOW: () =>
    new Failure('payload_too_large', 'The request has over 16 KiB or over 100 lines of headers.'),
  ERR_HTTP_REQUEST_TIMEOUT: () => new Failure('invalid_request', 'The request did not arrive in time.'),
};

/** Bytes that never became a request: answered in full, then the connection is closed (RFC 9112 §11.2). */
export function createClientErrorHandler(options: ErrorReplyOptions) {
  return (error: NodeJS.ErrnoException, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const failure = PARSER_FAILURES[error.code ?? '']?.() ?? new Failure('invalid_request', 'This is not valid HTTP.');
    const requestId = options.newRequestId();
    const rendered = renderFailure(failure, {
      format: 'v2',
      detail: options.detail,
      requestId,
      nowMs: options.clock.nowMs(),
      issuer: options.issuer(),
    });
    const body = JSON.stringify(rendered.body);
    const headers = {
      ...options.commonHeaders,
      'content-type': rendered.contentType,
      'content-length': String(Buffer.byteLength(body)),
      'x-request-id': requestId,
      connection: 'close',
    };
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 ${rendered.status} ${failure.code}\r\n${head.join('')}\r\n${body}`);
  };
}

/** Installs the handler for what routes throw; unknown paths and wrong methods come through `missing`. */
export function replyWithFailures(app: FastifyInstance, send: SendFailure, missing: (url: string) => Failure): void {
  app.setErrorHandler((error, request, reply) => send(error, request, reply));
  app.setNotFoundHandler((request, reply) => send(missing(request.url), request, reply));
}
