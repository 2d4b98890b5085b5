import { ERRORS, GENERAL_CODES, INVALID_API_KEY_MESSAGE, mintSecret } from '@latchkey/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { request, sendRaw } from './raw.ts';

afterAll(stopServers);

const NOW = '2030-01-01T00:00:00.000Z';
const REQUEST_ID = /^req_[0-9A-Za-z]{24}$/;
const UNKNOWN_KEY = mintSecret('secret_test', (count) => crypto.getRandomValues(new Uint8Array(count)));
const clock = manualClock();
let server: TestServer;

beforeAll(async () => {
  server = await startServer({ clock });
});

const docs = (code: string) => `${server.issuer}/docs/errors#${code}`;

describe('one failure in its renderings', () => {
  const v1 = () => ({
    error: 'invalid_token',
    message: INVALID_API_KEY_MESSAGE,
    code: 401,
    timestamp: NOW,
    request_id: expect.stringMatching(REQUEST_ID),
    docs_url: docs('invalid_token'),
  });
  const v2 = () => ({
    error: {
      code: 'UNAUTHORIZED',
      reason: 'invalid_token',
      message: INVALID_API_KEY_MESSAGE,
      request_id: expect.stringMatching(REQUEST_ID),
      timestamp: NOW,
    },
  });

  test('/v1 is flat and names the code', async () => {
    const reply = await server.call('/v1/auth/verify', { key: UNKNOWN_KEY });
    expect(reply.status).toBe(401);
    expect(reply.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(reply.json).toEqual(v1());
    expect(reply.json.message).toBe('Invalid API key provided');
  });

  test('/v2 nests it and names the class', async () => {
    const reply = await server.call('/v2/auth/test', { key: UNKNOWN_KEY });
    expect([reply.status, reply.json]).toEqual([401, v2()]);
  });

  test.each([
    [undefined, v2],
    ['2.0', v2],
    ['1.0', v1],
  ])('an unversioned path follows X-API-Version %s', async (version, shape) => {
    const headers: Record<string, string> = version === undefined ? {} : { 'x-api-version': version };
    const reply = await server.call('/api-keys', { key: UNKNOWN_KEY, headers });
    expect([reply.status, reply.json]).toEqual([401, shape()]);
  });

  test.each(['3.0', '1', '2.0.0', '1.0, 2.0', 'v1', ''])('X-API-Version %j is not supported', async (version) => {
    const reply = await server.call('/api-keys', { headers: { 'x-api-version': version } });
    expect(reply.status).toBe(400);
    expect(reply.json.error).toMatchObject({ code: 'BAD_REQUEST', reason: 'unsupported_version' });
    expect(reply.json.error.message).toContain('1.0, 2.0');
  });

  test('a versioned path does not care for X-API-Version', async () => {
    const headers = { 'x-api-version': '9.9' };
    expect((await server.call('/v1/auth/verify', { headers })).status).toBe(200);
    expect((await server.call('/v1/auth/verify', { key: UNKNOWN_KEY, headers })).json).toEqual(v1());
  });

  test('an unversioned path serves what the versioned ones serve', async () => {
    const replies = await Promise.all(['/v1/api-keys', '/v2/api-keys', '/api-keys'].map((path) => server.call(path)));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
  });

  test.each(['/v1/auth/verify', '/v2/auth/test', '/api-keys'])('%s speaks RFC 9457 when asked', async (path) => {
    for (const accept of ['application/problem+json', 'text/html, application/problem+json;q=0.9']) {
      const reply = await server.call(path, { key: UNKNOWN_KEY, headers: { accept } });
      expect(reply.status).toBe(401);
      expect(reply.headers.get('content-type')).toBe('application/problem+json');
      expect(reply.headers.get('www-authenticate')).toContain('invalid_token');
      expect(reply.json).toEqual({
        type: docs('invalid_token'),
        title: 'invalid_token',
        status: 401,
        detail: INVALID_API_KEY_MESSAGE,
        request_id: expect.stringMatching(REQUEST_ID),
        timestamp: NOW,
      });
    }
  });

  test('a success is not a problem', async () => {
    const reply = await server.call('/v1/auth/verify', { headers: { accept: 'application/problem+json' } });
    expect([reply.status, reply.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
  });

  test('OAuth paths speak RFC 6749', async () => {
    const reply = await server.call('/oauth/no-such-endpoint', { key: null });
    expect(reply.json).toEqual({
      error: 'not_found',
      error_description: 'There is no such path.',
      request_id: expect.stringMatching(REQUEST_ID),
    });
  });

  test('validation names its fields in each shape', async () => {
    const fields = [{ path: 'name', message: 'is required' }];
    const json = { scopes: [] };
    expect((await server.call('/v1/api-keys', { json })).json).toMatchObject({ error: 'validation_failed', fields });
    expect((await server.call('/v2/api-keys', { json })).json).toMatchObject({
      error: { code: 'VALIDATION_FAILED', reason: 'validation_failed', fields },
    });
    const problem = await server.call('/v1/api-keys', { json, headers: { accept: 'application/problem+json' } });
    expect(problem.json).toMatchObject({ status: 422, title: 'validation_failed', fields });
  });

  test('a name that is a credential is not repeated', async () => {
    const sent = { name: 'x', scopes: [], [UNKNOWN_KEY]: 1, metadata: { a: { [UNKNOWN_KEY]: 1 } } };
    for (const path of ['/v1/api-keys', '/v2/api-keys']) {
      const { status, text } = await server.call(path, { json: sent });
      expect([status, text.includes(UNKNOWN_KEY)]).toEqual([422, false]);
      expect(text).toContain('{"path":"sk_test_[redacted]","message":"is not a known field"}');
      const scoped = await server.call(path, { json: { name: 'x', scopes: [UNKNOWN_KEY] } });
      expect([scoped.status, scoped.text.includes(UNKNOWN_KEY)]).toEqual([422, false]);
    }
  });

  test('a version that is percent-encoded is that version', async () => {
    for (const path of ['/%76%31/auth/verify', '/%761/auth/verify']) {
      const [reply] = await sendRaw(server, request(`GET ${path}`, [`X-API-Key: ${UNKNOWN_KEY}`]));
      expect([reply?.status, reply?.json]).toEqual([401, v1()]);
    }
  });

  test('a whole URL as the request target changes nothing', async () => {
    const [reply] = await sendRaw(server, request('GET http://elsewhere.example/v1/auth/verify?x=/v2/'));
    expect([reply?.status, reply?.json.error]).toEqual([401, 'missing_token']);
    const [wrongMethod] = await sendRaw(server, request('PUT http://elsewhere.example/v2/auth/test'));
    expect([wrongMethod?.status, wrongMethod?.json.error.reason]).toEqual([405, 'method_not_allowed']);
  });
});

test('docs_url leads to a page that explains every code that a reply can name', async () => {
  const page = await server.call('/docs/errors', { key: null });
  expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
  for (const code of [...Object.keys(ERRORS), ...Object.values(GENERAL_CODES)]) {
    expect(page.text.split(`id="${code}"`)).toHaveLength(2);
  }
  expect(page.text).toContain('Send <code>Authorization: Bearer …</code> or <code>X-API-Key</code>.');
});

describe('WWW-Authenticate', () => {
  const where = () => `resource_metadata="${server.issuer}/.well-known/oauth-protected-resource/v1"`;
  const challenge = async (path: string, options: Parameters<TestServer['call']>[1]) => {
    const reply = await server.call(path, options);
    return [reply.status, reply.headers.get('www-authenticate')];
  };

  test('tells where a token is to be had, and no error, when nothing was presented (RFC 6750 §3.1, RFC 9728 §5.1)', async () => {
    expect(await challenge('/v1/auth/verify', { key: null })).toEqual([401, `Bearer ${where()}`]);
    expect(await challenge('/v2/projects', { key: null, json: {} })).toEqual([401, `Bearer ${where()}`]);
  });

  test('says invalid_token for a wrong, an expired and a revoked key', async () => {
    const make = async (fields: object) =>
      (await server.call('/v1/api-keys', { json: { name: 'x', scopes: [], ...fields } })).json;
    const expiring = await make({ expires_in: '1s' });
    const revoked = await make({});
    await server.call(`/v1/api-keys/${revoked.id}/revoke`, { json: {} });
    clock.advance(1000);
    const said = (description: string) =>
      `Bearer error="invalid_token", error_description="${description}", ${where()}`;
    const verify = (key: string) => challenge('/v1/auth/verify', { key });
    expect(await verify(UNKNOWN_KEY)).toEqual([401, said(INVALID_API_KEY_MESSAGE)]);
    expect(await verify(expiring.key)).toEqual([401, said('The API key has expired.')]);
    expect(await verify(revoked.key)).toEqual([401, said('The API key has been revoked.')]);
    clock.advance(-1000);
  });

  test('says insufficient_scope, the scope, and in the body what is held', async () => {
    const { key } = (await server.call('/v1/api-keys', { json: { name: 'reader', scopes: ['read'] } })).json;
    const reply = await server.call('/v1/projects', { key, json: { name: 'no' } });
    expect([reply.status, reply.json.error]).toEqual([403, 'insufficient_scope']);
    expect(reply.json.message).toBe('This call needs the scope projects:write; the credential holds read.');
    expect(reply.headers.get('www-authenticate')).toBe(
      `Bearer error="insufficient_scope", error_description="${reply.json.message}", scope="projects:write", ${where()}`,
    );
  });

  test('is not said of what no other credential would mend', async () => {
    const forbidden = await server.call('/v1/projects', { key: server.rootKey });
    const wrongEnvironment = await server.call('/v1/api-keys', {
      json: { name: 'x', scopes: [], environment: 'live' },
    });
    const missing = await server.call('/v1/nowhere');
    expect([forbidden.json.error, wrongEnvironment.json.error, missing.json.error]).toEqual([
      'forbidden',
      'wrong_environment',
      'not_found',
    ]);
    for (const { headers } of [forbidden, wrongEnvironment, missing])
      expect(headers.has('www-authenticate')).toBe(false);
  });
});

describe('LATCHKEY_ERROR_DETAIL=general', () => {
  let general: TestServer;
  beforeAll(async () => {
    general = await startServer({ clock, env: { LATCHKEY_ERROR_DETAIL: 'general' } });
  });

  test('does not tell which check failed', async () => {
    const make = async (fields: object) =>
      (await general.call('/v1/api-keys', { json: { name: 'x', scopes: [], ...fields } })).json;
    const expiring = await make({ expires_in: '1s' });
    const revoked = await make({});
    await general.call(`/v1/api-keys/${revoked.id}/revoke`, { json: {} });
    clock.advance(1000);
    const headers = { 'x-request-id': 'same' };
    const replies = await Promise.all(
      [UNKNOWN_KEY, 'nonsense', expiring.key, revoked.key].map((key) =>
        general.call('/v1/auth/verify', { key, headers }),
      ),
    );
    clock.advance(-1000);
    expect(replies[0]?.json).toMatchObject({
      error: 'unauthorized',
      message: 'The request is not authenticated.',
      code: 401,
      docs_url: `${general.issuer}/docs/errors#unauthorized`,
    });
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
    expect(new Set(replies.map((reply) => reply.headers.get('www-authenticate'))).size).toBe(1);
  });

  test('says forbidden without the scopes', async () => {
    const { key } = (await general.call('/v1/api-keys', { json: { name: 'x', scopes: ['read'] } })).json;
    const flat = await general.call('/v1/projects', { key, json: { name: 'no' } });
    expect(flat.json).toMatchObject({ error: 'forbidden', message: 'The request is not allowed.', code: 403 });
    expect(flat.headers.has('www-authenticate')).toBe(false);
    const nested = await general.call('/v2/projects', { key, json: { name: 'no' } });
    expect(nested.json.error).toMatchObject({ code: 'FORBIDDEN', reason: 'forbidden' });
    expect(flat.text + nested.text).not.toContain('projects:write');
  });

  test('still says what the caller can mend', async () => {
    const invalid = await general.call('/v1/api-keys', { json: { scopes: [] } });
    expect(invalid.json).toMatchObject({ error: 'validation_failed', fields: [{ path: 'name' }] });
    expect((await general.call('/v1/nowhere')).json.error).toBe('not_found');
    expect((await general.call('/v1/auth/verify', { key: null })).json.error).toBe('unauthorized');
  });
});

describe('a failure of ours', () => {
  test('tells the caller nothing and the log everything, under one request id', async () => {
    const broken = await startServer();
    await broken.latchkey.database.write(({ query }) => query.schema.dropTable('sandbox_rows').execute());
    const reply = await broken.call('/v1/projects', { headers: { 'x-request-id': 'find-me' } });
    expect(reply.status).toBe(500);
    expect(reply.json).toMatchObject({
      error: 'internal_error',
      message: 'Something went wrong on our side.',
      request_id: 'find-me',
    });
    expect(reply.text).not.toMatch(/sandbox_rows|sqlite|select/i);
    const lines = broken.logLines.map((line) => JSON.parse(line)).filter(({ request_id }) => request_id === 'find-me');
    expect(lines).toMatchObject([{ level: 50, code: 'internal_error', route: '/v1/projects' }]);
    expect(lines[0].err.message).toContain('sandbox_rows');
  });
});
