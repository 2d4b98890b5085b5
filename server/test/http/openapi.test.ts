import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { startServer, stopServers, type TestServer } from '../harness.ts';

afterAll(stopServers);

const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'options'];

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  schema?: object;
}
interface Operation {
  summary?: string;
  tags?: string[];
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { description?: string; content?: Record<string, { schema: Schema }> }>;
  security?: Record<string, string[]>[];
}
interface Schema {
  required?: string[];
  properties?: Record<string, object>;
  additionalProperties?: unknown;
}
interface Document {
  openapi: string;
  info: Record<string, string>;
  servers: { url: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { securitySchemes: Record<string, object> };
}

/** Pages are for people: they stand beside the API. */
const PAGE =
  /^(?:get|post) \/(?:$|assets\/|sign-|recover|email\/|invitations\/accept|account|authorize$|oauth\/(?:authorize|consent|logout)(?:\/|$))/;

const FORM = 'application/x-www-form-urlencoded';

/** OAuth's endpoints take forms; that for tokens JSON too. */
const FORMS: Record<string, string[]> = {
  '/oauth/token': [FORM, 'application/json'],
  '/token': [FORM, 'application/json'],
  '/oauth/revoke': [FORM],
  '/oauth/introspect': [FORM],
};

let server: TestServer;
let document: Document;

beforeAll(async () => {
  server = await startServer();
  document = (await server.call('/openapi.json', { key: null })).json;
});

function operations(): [path: string, method: string, operation: Operation][] {
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): [string, string, Operation] => [path, method, operation]),
  );
}

/** Every route that Fastify has, as `get /v1/api-keys/{id}`; from its own drawing of the tree. */
function mountedRoutes(): string[] {
  const above: string[] = [];
  const drawn = server.latchkey.http.app.printRoutes({ commonPrefix: false }).split('\n');
  return drawn.flatMap((line) => {
    const [, indent = '', part = '', methods = ''] =
      /^((?:│ {3}| {4})*)[├└]── (\S+)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? [];
    if (part === '') return [];
    const depth = indent.length / 4;
    above.splice(depth, above.length, part);
    const path = above.join('').replace(/:(\w+)/g, '{$1}');
    return methods
      .split(', ')
      .filter((method) => method !== '')
      .map((method) => `${method.toLowerCase()} ${path}`);
  });
}

describe('the document', () => {
  test('is OpenAPI 3.1 about this server', async () => {
    const reply = await server.call('/openapi.json', { key: null });
    expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info).toMatchObject({ title: 'Latchkey', version: 'test', license: { name: 'Apache-2.0' } });
    expect(document.servers).toEqual([{ url: server.issuer }]);
  });

  test('is the same in YAML', async () => {
    const reply = await server.call('/openapi.yaml', { key: null });
    expect(reply.headers.get('content-type')).toBe('application/yaml; charset=utf-8');
    expect(parse(reply.text)).toEqual(document);
  });

  test('describes every route that is mounted, and no other', () => {
    const documented = operations().map(([path, method]) => `${method} ${path}`);
    const mounted = mountedRoutes().filter((route) => !/^head |\*$/.test(route) && !PAGE.test(route));
    expect(mounted).toEqual(expect.arrayContaining(['post /v1/api-keys/{id}/revoke', 'delete /v2/orders/{id}']));
    expect(documented.sort()).toEqual(mounted.sort());
  });

  test('has a whole structure: parameters, bodies, responses, credentials', () => {
    for (const [path, method, operation] of operations()) {
      const where = `${method} ${path}`;
      expect(METHODS, where).toContain(method);
      expect(path, where).toMatch(/^\/[a-z0-9_{}./-]*$/);
      expect(operation.summary, where).toMatch(/\S/);
      expect(operation.tags, where).toEqual([expect.any(String)]);
      const parameters = operation.parameters ?? [];
      const inPath = parameters.filter((each) => each.in === 'path');
      expect(inPath.map(({ name }) => name).sort(), where).toEqual(
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort(),
      );
      expect(
        inPath.every(({ required }) => required === true),
        where,
      ).toBe(true);
      expect(new Set(parameters.map((each) => `${each.in} ${each.name}`)).size, where).toBe(parameters.length);
      for (const each of parameters) {
        expect(['path', 'query', 'header'], where).toContain(each.in);
        expect(each.schema, where).toBeTypeOf('object');
      }
      if (method === 'get' || method === 'delete') expect(operation.requestBody, where).toBeUndefined();
      if (operation.requestBody)
        expect(Object.keys(operation.requestBody.content), where).toEqual(FORMS[path] ?? ['application/json']);
      expect(Object.keys(operation.responses).length, where).toBeGreaterThan(0);
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(status, where).toMatch(/^(?:[2-5]\d\d|default)$/);
        expect(response.description, where).toBeTypeOf('string');
      }
      for (const need of operation.security ?? []) {
        for (const scheme of Object.keys(need))
          expect(document.components.securitySchemes, where).toHaveProperty(scheme);
      }
    }
  });

  test('holds schemas of JSON Schema 2020-12 only', () => {
    const ajv = new Ajv2020({ strict: false, validateSchema: true });
    const bodies = operations().flatMap(([, , { requestBody, responses }]) =>
      [requestBody, ...Object.values(responses)].flatMap((each) => Object.values(each?.content ?? {})),
    );
    const schemas = bodies.map(({ schema }) => schema).filter((schema) => schema !== undefined);
    expect(schemas.length).toBeGreaterThan(30);
    for (const schema of schemas) expect(() => ajv.compile(schema)).not.toThrow();
  });

  test.each(['/v1/api-keys', '/v2/api-keys', '/api-keys'])('tells how to make a key at %s', (path) => {
    const { post, get } = document.paths[path] ?? {};
    const body = post?.requestBody?.content['application/json']?.schema;
    expect(body).toMatchObject({ type: 'object', required: ['name', 'scopes'], additionalProperties: false });
    expect(Object.keys(body?.properties ?? {})).toEqual(
      expect.arrayContaining([
        'name',
        'scopes',
        'type',
        'environment',
        'expires_at',
        'expires_in',
        'owner',
        'metadata',
      ]),
    );
    const made = post?.responses['201']?.content?.['application/json']?.schema;
    expect(made?.required).toEqual(expect.arrayContaining(['id', 'key', 'hint', 'scopes']));
    expect(get?.responses['200']?.content?.['application/json']?.schema.required).toEqual(['data', 'next_cursor']);
    expect(post?.security).toEqual([{ bearer: [] }, { apiKey: [] }]);
  });

  test('says which routes anyone may call', () => {
    const open = operations().filter(([, , { security }]) => security === undefined);
    expect(open.map(([path]) => path)).toEqual(
      expect.arrayContaining(['/openapi.json', '/openapi.yaml', '/healthz', '/readyz', '/docs/errors']),
    );
    const others = open.filter(([path]) => !/\/auth\/(?:login|refresh|logout)$/.test(path) && !isOAuth(path));
    expect(others.filter(([path]) => /api-keys|projects|orders|metrics|auth/.test(path))).toEqual([]);
  });
});

const isOAuth = (path: string) => path in FORMS || path in REGISTRATION || path.startsWith('/.well-known/');

/** Of who registers nothing, and of a client that shows no registration token. */
const REGISTRATION: Record<string, number> = { '/oauth/register': 400, '/oauth/register/{client_id}': 401 };

/** Without a word of who it is about. */
const LOGIN: Record<string, number> = { login: 422, refresh: 422, logout: 422 };

describe('every documented route', () => {
  const call = (path: string, method: string, key: string | null) => {
    const url = path.replace(/\{\w+\}/, `key_${'0'.repeat(24)}`);
    return server.call(url, { key, method: method.toUpperCase(), ...(method === 'get' ? {} : { json: {} }) });
  };

  test('is there: without a credential it answers, or asks for one', async () => {
    const peer = { '/metrics': 200, '/dev/mail': 200, '/dev/callback': 200 } as Record<string, number>;
    for (const [path, method, { security, requestBody }] of operations()) {
      // Where anybody may send a body, an empty one is told what is missing.
      const needed = requestBody?.content['application/json']?.schema.required ?? [];
      const open = needed.length > 0 ? 422 : 200;
      const { status } = await call(path, method, null);
      const [, login] = /\/auth\/(login|refresh|logout)$/.exec(path) ?? [];
      // A client says who it is in the form.
      const form = path in FORMS ? (FORMS[path]?.includes('application/json') ? 400 : 415) : undefined;
      const expected = peer[path] ?? REGISTRATION[path] ?? form ?? LOGIN[login ?? ''] ?? (security ? 401 : open);
      expect([path, method, status]).toEqual([path, method, expected]);
    }
  });

  const ROUTES = /\/(?:projects|orders|api-keys)(?:\/\{id\}(?:\/revoke)?)?$/;

  test('answers what it documents', async () => {
    await server.call('/v1/orders', { json: { item: 'x' } });
    const samples: Record<string, object> = {
      projects: { name: 'sample' },
      orders: { item: 'sample' },
      'api-keys': { name: 'sample', scopes: [] },
    };
    const routes = operations().filter(([path]) => ROUTES.test(path));
    expect(routes.length).toBeGreaterThan(25);
    for (const [path, method, { responses, requestBody }] of routes) {
      const [list = '', kind = ''] = /^(?:\/v\d)?\/([\w-]+)/.exec(path) ?? [];
      const sample = samples[kind] ?? {};
      const id = path.includes('{') ? (await server.call(list, { json: sample })).json.id : '';
      const json = path.endsWith('/revoke') || method === 'patch' ? {} : sample;
      const url = path.replace(/\{\w+\}/, id);
      const reply = await server.call(url, { method: method.toUpperCase(), ...(requestBody ? { json } : {}) });
      expect([method, path, Object.keys(responses)]).toEqual([method, path, [String(reply.status)]]);
      expect(reply.status).toBeLessThan(300);
      const schema = responses[reply.status]?.content?.['application/json']?.schema;
      const ajv = new Ajv2020({ strict: false });
      if (reply.status !== 204) expect([ajv.validate(schema ?? false, reply.json), ajv.errors]).toEqual([true, null]);
    }
  });
});
