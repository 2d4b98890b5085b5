import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, stopServers, type TestServer } from '../harness.ts';
import { readDocument, tablesOf } from './documents.ts';

const markdown = readDocument('docs/api.md');
const tables = tablesOf(markdown);
const calls = tables
  .filter(({ header }) => header[0] === 'call')
  .flatMap(({ rows }) => rows.map(([call = '', needs = '']) => ({ call, needs })));

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
}
/** OAuth's endpoints take forms. */
type Operations = Record<string, { requestBody?: { content: { 'application/json'?: { schema: Schema } } } }>;

let server: TestServer;
let paths: Record<string, Operations>;
let nothing: string;

beforeAll(async () => {
  server = await startServer();
  paths = (await server.call('/openapi.json', { key: null })).json.paths;
  const key = { name: 'no scopes', scopes: [] };
  nothing = (await server.call('/v1/api-keys', { key: server.rootKey, json: key })).json.key;
});
afterAll(stopServers);

/** `/v2` and unversioned twins are told of once, in words. */
function isTwin(path: string): boolean {
  return (
    path.replace(/^\/v2(?=\/)|^(?=\/api-keys)|^\/oauth(?=\/applications)/, '/v1') !== path && path !== '/v2/auth/test'
  );
}

function callsOf(path: string, operations: Operations): string[] {
  const methods = Object.keys(operations).filter((method) => method !== 'head');
  return methods.length > 3 ? [`ANY ${path}`] : methods.map((method) => `${method.toUpperCase()} ${path}`);
}

function bodyFields(path: string, method: string): string[] {
  const schema = paths[path]?.[method]?.requestBody?.content['application/json']?.schema;
  return Object.keys(schema?.properties ?? {});
}

test('docs/api.md has every call of the server, and no other', () => {
  const real = Object.entries(paths).flatMap(([path, operations]) => (isTwin(path) ? [] : callsOf(path, operations)));
  expect(calls.map(({ call }) => call).sort()).toEqual(real.sort());
});

const ID_PREFIXES: Record<string, string> = { projects: 'prj', orders: 'ord', applications: 'app', resources: 'res' };

test('docs/api.md says of every call what it needs', async () => {
  for (const { call, needs } of calls) {
    const [method = '', pattern = ''] = call.replace('ANY', 'GET').split(' ');
    const [, collection = ''] = /^\/v1\/([a-z-]+)/.exec(pattern) ?? [];
    const id = `${ID_PREFIXES[collection] ?? 'key'}_${'0'.repeat(24)}`;
    const path = pattern
      .replace('{id}', id)
      .replace('{name}', 'none')
      .replace('{client_id}', `app_${'0'.repeat(24)}`)
      .replace('{secret_id}', `sec_${'0'.repeat(24)}`);
    const key = needs === 'anyone' || needs === 'a client' ? null : nothing;
    const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: '' };
    const isForm = needs === 'a client' && !path.startsWith('/oauth/register');
    const sent = method === 'GET' ? {} : isForm ? form : { json: {} };
    const { status, json } = await server.call(path, { method, key, ...sent });
    const refusal = [status, json?.error?.reason ?? json?.error, json?.message?.match(/needs the scope ([^;]+);/)?.[1]];
    if (needs.startsWith('root')) expect(refusal.slice(0, 1), call).toEqual([403]);
    else if (needs === 'a session' || needs === 'proof') expect(refusal.slice(0, 2), call).toEqual([403, 'forbidden']);
    else if (needs === 'a client') expect([400, 401], call).toContain(status);
    // In OAuth's words, without a message.
    else if (needs === 'openid' || pattern === '/oauth/register')
      expect(refusal.slice(0, 2), call).toEqual([403, 'insufficient_scope']);
    else if (needs === 'its registration_access_token') expect(status, call).toBe(401);
    else if (needs.includes(':')) expect(refusal, call).toEqual([403, 'insufficient_scope', needs]);
    else expect([200, 404, 422], call).toContain(status);
  }
});

test('docs/api.md has every field of a new key, and no other', () => {
  const rows = tables.find(({ heading }) => heading === 'Fields of a new key')?.rows ?? [];
  const written = rows.flatMap(([fields = '']) => fields.split(', '));
  expect(written.sort()).toEqual(bodyFields('/v1/api-keys', 'post').sort());
});

test('docs/api.md names every field that a body may have and every field that a key reads as', async () => {
  const bodies = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).flatMap((method) => bodyFields(path, method)),
  );
  const importing = paths['/v1/api-keys/import']?.post?.requestBody?.content['application/json']?.schema;
  const imported = Object.keys(importing?.properties?.keys?.items?.properties ?? {});
  const { json: list } = await server.call('/v1/api-keys');
  const fields = new Set([...bodies, ...imported, ...Object.keys(list.data[0])]);
  expect(fields.size).toBeGreaterThan(30);
  expect([...fields].filter((field) => !new RegExp(`["\`{ ]${field}["\`:,} ]`).test(markdown))).toEqual([]);
});
