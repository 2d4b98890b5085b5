import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { TSchema } from 'typebox';
import { Failure, OAuthFailure } from '../failure.ts';
import { clientAddress } from './client-address.ts';
import { authorizationLine, type CredentialSource, refuseInQuery } from './credentials.ts';
import { type Pairs, type Parameters, parametersOf, readFlatJson, readFormText } from './form-body.ts';
import { decodeUtf8 } from './json-body.ts';
import type { PathTable } from './paths.ts';
import { PUBLIC_CORS } from './reply-headers.ts';

/** One request to an OAuth endpoint: text by name, and not yet asked who calls. */
export interface FormCall extends Parameters {
  /** The `Authorization` line as it came; one at most. */
  authorization: string | undefined;
  /** A request header, by its lower-case name. */
  header(name: string): string | undefined;
  /** The client's address behind trusted proxies, canonical. */
  address: string;
  requestId: string;
}

export interface FormReply {
  status: number;
  headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  body: object;
}

/** What the OpenAPI document says of a parameter. */
export interface FormParameter {
  description: string;
  isRequired?: true;
}

/** An endpoint as the OAuth RFCs have it: a form in, JSON out, errors of RFC 6749, unknown parameters ignored. */
export interface FormRoute {
  method: 'GET' | 'POST';
  path: string;
  summary: string;
  tag: string;
  parameters: Readonly<Record<string, FormParameter>>;
  /** What the reply looks like, for the OpenAPI document; nothing is filtered by it. */
  reply?: TSchema;
  /** Also takes a flat JSON object of strings. */
  allowsJson?: boolean;
  /** Anyone's page may call it: `Access-Control-Allow-Origin: *`, never with credentials. */
  cors?: 'public';
  /** 64 KiB unless said. */
  bodyLimitBytes?: number;
  handler(call: FormCall): FormReply | Promise<FormReply>;
}

const FORM = /^application\/x-www-form-urlencoded(?: *; *charset *= *"?[\w-]+"?)? *$/i;
const JSON_TYPE = /^application\/json(?: *; *charset *= *"?[\w-]+"?)? *$/i;

/** By the type as a whole: a list of types, or one with something behind it, is none (security C1, O2). */
function pairsOf(request: FastifyRequest, allowsJson: boolean): Pairs {
  const { body } = request;
  const type = request.headers['content-type'];
  if (!Buffer.isBuffer(body) || (body.length === 0 && type === undefined)) return [];
  if (type !== undefined && FORM.test(type)) return readFormText(decodeUtf8(request, body));
  if (type !== undefined && allowsJson && JSON_TYPE.test(type)) return readFlatJson(decodeUtf8(request, body));
  throw new Failure(
    'unsupported_media_type',
    'Send the parameters as Content-Type: application/x-www-form-urlencoded.',
  );
}

function queryOf(url: string): string {
  const mark = url.indexOf('?');
  return mark === -1 ? '' : url.slice(mark + 1);
}

function parametersIn(request: FastifyRequest, { method, allowsJson = false }: FormRoute): Parameters {
  const query = queryOf(request.url);
  if (method === 'GET') return parametersOf(readFormText(query));
  const body = pairsOf(request, allowsJson);
  // RFC 6749 §2.3.1: a query ends up in logs. Twice is told first, so that nobody mends the wrong one.
  if (query !== '') {
    parametersOf([...readFormText(query), ...body]);
    throw new OAuthFailure('invalid_request', 'Send the parameters in the body, not in the query.');
  }
  return parametersOf(body);
}

function formCallOf(request: FastifyRequest, route: FormRoute): FormCall {
  const source = request.raw as CredentialSource;
  refuseInQuery(request.url);
  return {
    ...parametersIn(request, route),
    authorization: authorizationLine(source),
    header: (name) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value[0] : value;
    },
    address: clientAddress(request),
    requestId: request.id,
  };
}

/** RFC 6749 §5.1; `Cache-Control: no-store` stands on every reply. */
const NEVER_KEPT = { pragma: 'no-cache' };

function schemaOf({ method, parameters, allowsJson, reply, summary, tag }: FormRoute): Record<string, unknown> {
  const properties = Object.fromEntries(
    Object.entries(parameters).map(([name, { description }]) => [name, { type: 'string', description }]),
  );
  const required = Object.entries(parameters).flatMap(([name, { isRequired }]) => (isRequired ? [name] : []));
  const schema = { type: 'object', properties, ...(required.length > 0 ? { required } : {}) };
  const types = ['application/x-www-form-urlencoded', ...(allowsJson ? ['application/json'] : [])];
  return {
    summary,
    tags: [tag],
    ...(method === 'GET' ? { querystring: schema } : { body: schema, consumes: types }),
    ...(reply ? { response: { 200: reply } } : {}),
  };
}

function mountForm(scope: FastifyInstance, route: FormRoute, paths: PathTable): void {
  const { method, path, cors, bodyLimitBytes, handler } = route;
  paths.add(path, method, cors === 'public');
  scope.route({
    method,
    url: path,
    schema: schemaOf(route),
    ...(bodyLimitBytes ? { bodyLimit: bodyLimitBytes } : {}),
    onRequest: (_request, reply, done) => {
      reply.headers(cors === 'public' ? { ...NEVER_KEPT, ...PUBLIC_CORS } : NEVER_KEPT);
      done();
    },
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      const { status, headers = {}, body } = await handler(formCallOf(request, route));
      return reply.code(status).headers(headers).type('application/json; charset=utf-8').send(JSON.stringify(body));
    },
  });
}

/** Mounts OAuth's endpoints in a scope of their own: their bodies are read here, and their schemas only describe. */
export function mountForms(app: FastifyInstance, routes: readonly FormRoute[], paths: PathTable): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // Forms by their name too: what only `*` fits Fastify takes apart anew each time.
    const types = ['application/x-www-form-urlencoded', '*'];
    scope.addContentTypeParser(types, { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.setValidatorCompiler(() => () => true);
    scope.setSerializerCompiler(() => JSON.stringify);
    for (const each of routes) mountForm(scope, each, paths);
  });
}
