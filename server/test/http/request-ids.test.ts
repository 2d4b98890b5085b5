import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, stopServers, type TestServer } from '../harness.ts';
import { request, sendRaw } from './raw.ts';

afterAll(stopServers);

const MADE = /^req_[0-9A-Za-z]{24}$/;
let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

/** Replies of every making: handlers, each stage that refuses, and what no route takes. */
const OUTCOMES: [string, number, Parameters<TestServer['call']>[1]?][] = [
  ['/healthz', 200],
  ['/v1/auth/verify', 200],
  ['/v1/auth/verify', 204, { method: 'OPTIONS' }],
  ['/v1/%zz', 400],
  [`/v1/projects/${'a'.repeat(300)}`, 404],
  ['/v1/projects', 400, { body: '{', headers: { 'content-type': 'application/json' } }],
  ['/v1/auth/verify', 401, { key: null }],
  ['/v1/projects', 403, { key: 'root' }],
  ['/v1/nowhere', 404],
  ['/v2/nowhere', 404, { method: 'OPTIONS' }],
  ['/v1/projects', 405, { method: 'PUT' }],
  ['/v1/projects', 413, { body: 'x'.repeat(70_000), headers: { 'content-type': 'application/json' } }],
  ['/v1/projects', 415, { body: '{}', headers: { 'content-type': 'text/plain' } }],
  ['/v1/projects', 422, { json: {} }],
];

async function outcome(path: string, options: Parameters<TestServer['call']>[1] = {}, id?: string) {
  const headers = id === undefined ? options.headers : { ...options.headers, 'x-request-id': id };
  const key = options.key === 'root' ? server.rootKey : options.key;
  return server.call(path, { ...options, ...(key === undefined ? {} : { key }), ...(headers ? { headers } : {}) });
}

test.each(OUTCOMES)(
  '%s answers %i under the id that it was given, or one that was made',
  async (path, status, options) => {
    const kept = await outcome(path, options, 'My_id-1.2');
    expect([kept.status, kept.headers.get('x-request-id')]).toEqual([status, 'My_id-1.2']);
    const made = await outcome(path, options);
    expect([made.status, made.headers.get('x-request-id')]).toEqual([status, expect.stringMatching(MADE)]);
    if (status < 400) return;
    expect(kept.json.request_id ?? kept.json.error.request_id).toBe('My_id-1.2');
    expect(made.json.request_id ?? made.json.error.request_id).toBe(made.headers.get('x-request-id'));
  },
);

test.each(['a', '0', 'A-Z.a_z-9', '.', 'x'.repeat(128)])('keeps %s', async (id) => {
  expect((await outcome('/healthz', {}, id)).headers.get('x-request-id')).toBe(id);
});

test.each(['x'.repeat(129), 'a b', 'a,b', 'a/b', 'a:b', 'a"b', 'a\tb', 'ü', '', '<script>', '$(jndi)'])(
  'replaces %j',
  async (id) => {
    expect((await outcome('/healthz', {}, id)).headers.get('x-request-id')).toMatch(MADE);
  },
);

test('replaces one of two', async () => {
  const [reply] = await sendRaw(server, request('GET /healthz', ['X-Request-ID: one', 'X-Request-ID: two']));
  expect(reply?.headers.get('x-request-id')).toMatch(MADE);
});

test('a credential is no id: it would stand in the audit log', async () => {
  for (const key of [server.key, server.rootKey, `a.${server.key}`]) {
    const reply = await server.call('/v1/api-keys', {
      json: { name: 'x', scopes: [] },
      headers: { 'x-request-id': key },
    });
    expect([reply.status, reply.headers.get('x-request-id')]).toEqual([201, expect.stringMatching(MADE)]);
  }
  const ids = await server.latchkey.database.read.selectFrom('audit_events').select('request_id').execute();
  expect(JSON.stringify(ids)).not.toMatch(/sk_test_|lk_root_/);
});

test('bytes that are no request get an id too', async () => {
  const [reply] = await sendRaw(server, 'NONSENSE\r\n\r\n');
  expect(reply?.headers.get('x-request-id')).toMatch(MADE);
  expect(reply?.json.error.request_id).toBe(reply?.headers.get('x-request-id'));
});

test('no two requests share one that was made', async () => {
  const replies = await Promise.all(Array.from({ length: 200 }, () => server.call('/healthz', { key: null })));
  expect(new Set(replies.map(({ headers }) => headers.get('x-request-id'))).size).toBe(200);
});

describe('the id leads on', () => {
  test('to the audit event of what was done', async () => {
    const made = await server.call('/v1/api-keys', {
      json: { name: 'x', scopes: [] },
      headers: { 'x-request-id': 'audit-me' },
    });
    const events = await server.latchkey.database.read
      .selectFrom('audit_events')
      .select('target_id')
      .where('request_id', '=', 'audit-me')
      .execute();
    expect(events).toEqual([{ target_id: made.json.id }]);
  });

  test('to the log line of what was refused', async () => {
    await outcome('/v1/nowhere', {}, 'log-me');
    const lines = server.logLines.filter((line) => line.includes('log-me'));
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ request_id: 'log-me', code: 'not_found' }]);
  });
});
