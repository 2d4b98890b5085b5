import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Failure } from '../failure.ts';
import { clientAddress } from './client-address.ts';
import { decodeUtf8, refuseUnstorableText } from './json-body.ts';
import { type PathTable, routedPath } from './paths.ts';
import { refuseForeignForm } from './same-origin.ts';

/** One request of a browser for a page, before anybody knows who is behind it. */
export interface PageCall {
  query: URLSearchParams;
  /** The fields of a form; empty for a GET. */
  form: URLSearchParams;
  params: Readonly<Record<string, string>>;
  requestId: string;
  /** The client's address behind trusted proxies, canonical. */
  address: string;
  /** A request header, by its lower-case name. */
  header(name: string): string | undefined;
}

/** What a page answers: a document, or after a form the way to the next one. */
export interface PageReply {
  status: number;
  headers: Readonly<Record<string, string>>;
  /** Set-Cookie lines. */
  cookies: readonly string[];
  body: string | Uint8Array;
}

/** A path for people. It stands beside the API: no credential in a header, no version, no place in OpenAPI. */
export interface PageRoute {
  method: 'GET' | 'POST';
  path: string;
  /** A form of any site may be sent here: it changes nothing by itself. */
  fromAnywhere?: true;
  handler(call: PageCall): PageReply | Promise<PageReply>;
}

/** Draws a refusal for a person; what is not the person's is logged before. */
export type FailurePage = (failure: Failure, call: PageCall) => PageReply;

declare module 'fastify' {
  interface FastifyContextConfig {
    isPage?: boolean;
  }
}

const FORM_TYPE = 'application/x-www-form-urlencoded';

/** Field names and values as they were typed; what a database could not keep is refused like in JSON. */
function readForm(request: FastifyRequest, body: Buffer): URLSearchParams {
  const form = new URLSearchParams(decodeUtf8(request, body));
  // Each of them, also where a name stands twice.
  for (const [name, value] of form) refuseUnstorableText({ [name]: value });
  return form;
}

export function pageCallOf(request: FastifyRequest): PageCall {
  const mark = request.url.indexOf('?');
  return {
    query: new URLSearchParams(mark === -1 ? '' : request.url.slice(mark + 1)),
    form: request.body instanceof URLSearchParams ? request.body : new URLSearchParams(),
    params: (request.params ?? {}) as Record<string, string>,
    requestId: request.id,
    address: clientAddress(request),
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
  };
}

export function sendPage(reply: FastifyReply, { status, headers, cookies, body }: PageReply): FastifyReply {
  reply.code(status).headers(headers);
  for (const line of cookies) reply.header('set-cookie', line);
  return reply.send(typeof body === 'string' ? body : Buffer.from(body));
}

/** Mounts pages in a scope of their own: their bodies are forms, and no form comes from another site (security K23). */
export function mountPages(
  app: FastifyInstance,
  pages: readonly PageRoute[],
  { paths, issuer }: { paths: PathTable; issuer(): string },
): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(FORM_TYPE, { parseAs: 'buffer' }, (request, body, done) => {
      try {
        done(null, readForm(request, body as Buffer));
      } catch (error) {
        done(error as Error);
      }
    });
    for (const { method, path, handler, fromAnywhere = false } of pages) {
      paths.add(path, method, false);
      scope.route({
        method,
        url: path,
        schema: { hide: true } as object,
        config: { isPage: true },
        onRequest: (request, _reply, done) => {
          try {
            refuseUnstorableText(request.params);
            if (method === 'POST' && !fromAnywhere) refuseForeignForm(request.headers, issuer());
            done();
          } catch (error) {
            done(error as Error);
          }
        },
        handler: async (request, reply) => sendPage(reply, await handler(pageCallOf(request))),
      });
    }
  });
}

const API_PATH = /^\/(?:v\d+|oauth|\.well-known|metrics|healthz|readyz|openapi)(?:[/.?]|$)/;

/** Whether a page can be read there: whoever shows a credential in a header is a program, whatever it accepts. */
export function readsPages({ header }: Pick<PageCall, 'header'>): boolean {
  const isProgram = header('authorization') !== undefined || header('x-api-key') !== undefined;
  return !isProgram && header('accept')?.includes('text/html') === true;
}

/** Whether a refusal is for a person: on a page, and where somebody followed a link to nowhere. */
export function isForPerson(request: FastifyRequest): boolean {
  // A browser asks a server for a path (RFC 9112 §3.2.1). The router finds pages behind a whole URL, an asterisk and a
  // fragment, too.
  if (!request.url.startsWith('/') || request.url.includes('#')) return false;
  if (request.routeOptions.config.isPage === true) return true;
  return request.is404 && !API_PATH.test(routedPath(request.url)) && readsPages(pageCallOf(request));
}
