import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DATABASES, startServer, stopServers, type TestServer } from '../harness.ts';
import { request, sendRaw } from './raw.ts';

/** Any UTF-16 code unit: control characters and halves of surrogate pairs too. */
const anyChar = fc.nat({ max: 0xffff }).map((code) => String.fromCharCode(code));

afterAll(stopServers);

const LIMIT = 64 * 1024;
const JSON_TYPE = { 'content-type': 'application/json' };
let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

const names = async () =>
  (await server.call('/v1/projects?limit=100')).json.data.map(({ name }: { name: string }) => name);
const post = (body: string | Uint8Array, headers: Record<string, string> = JSON_TYPE, path = '/v1/projects') =>
  server.call(path, { method: 'POST', body, headers });
const authorized = (...headers: string[]) => [`Authorization: Bearer ${server.key}`, ...headers];

describe('size', () => {
  const ofSize = (bytes: number) => `{"name":"${'a'.repeat(bytes - 11)}"}`;

  test('64 KiB is read, one byte more is 413', async () => {
    expect((await post(ofSize(LIMIT))).json).toMatchObject({ error: 'validation_failed', fields: [{ path: 'name' }] });
    const over = await post(ofSize(LIMIT + 1));
    expect([over.status, over.json.error]).toEqual([413, 'payload_too_large']);
  });

  test('a Content-Length over the cap is refused before any of the body, and the connection ends', async () => {
    const headers = authorized(
      'Content-Type: application/json',
      'Content-Length: 1000000000',
      'Connection: keep-alive',
    );
    const [reply] = await sendRaw(server, request('POST /v1/projects', headers));
    expect([reply?.status, reply?.json.error]).toEqual([413, 'payload_too_large']);
  });

  test('chunks over the cap are refused before the handler, and the connection ends', async () => {
    const headers = authorized(
      'Content-Type: application/json',
      'Transfer-Encoding: chunked',
      'Connection: keep-alive',
    );
    const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
    // Valid JSON by itself: a parser that stopped at the cap would take it.
    const body = chunk('{"name":"chunked"') + chunk(' '.repeat(40_000)) + chunk(' '.repeat(40_000)) + chunk('}');
    const [reply] = await sendRaw(server, request('POST /v1/projects', headers, `${body}0\r\n\r\n`));
    expect([reply?.status, reply?.json.error]).toEqual([413, 'payload_too_large']);
    expect(await names()).not.toContain('chunked');
  });

  test('chunks under the cap are one body', async () => {
    const headers = authorized('Content-Type: application/json', 'Transfer-Encoding: chunked');
    const [reply] = await sendRaw(
      server,
      request('POST /v1/projects', headers, '9\r\n{"name":"\r\n7\r\npieces"\r\n1\r\n}\r\n0\r\n\r\n'),
    );
    expect([reply?.status, reply?.json.name]).toEqual([201, 'pieces']);
  });
});

describe('content type', () => {
  test.each([
    'application/json',
    'APPLICATION/JSON',
    'application/json;charset=utf-8',
    'application/json; charset="UTF-8"',
    'application/json ; charset=utf8',
    'application/json\t;charset=utf-8',
  ])('%j is JSON, under the same schema', async (type) => {
    expect((await post('{"name":"typed"}', { 'content-type': type })).status).toBe(201);
    const wrong = await post('{"name":1}', { 'content-type': type });
    expect([wrong.status, wrong.json.fields]).toEqual([422, [{ path: 'name', message: 'must be string' }]]);
  });

  test.each([
    'text/plain',
    'text/plain;application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/json, text/plain',
    'application/json x',
    'application/json\tx',
    'application/jsonx',
    'application/json5',
    'application/ld+json',
    'text/json',
    'application /json',
    'json',
    '*/*',
    'application/json; charset=latin1',
    'application/json; charset=utf-16',
    "application/json; charset='utf-8'",
  ])('%j is 415', async (type) => {
    const reply = await post('{"name":"untyped"}', { 'content-type': type });
    expect([reply.status, reply.json.error]).toEqual([415, 'unsupported_media_type']);
  });

  test('a leading space or tab changes nothing, and neither does a body without a type get in', async () => {
    const send = async (...headers: string[]) => {
      const [reply] = await sendRaw(server, request('POST /v1/projects', authorized(...headers), '{"name":1}'));
      return reply?.status;
    };
    expect(await send('Content-Type:   application/json')).toBe(422);
    expect(await send('Content-Type:\tapplication/json')).toBe(422);
    expect(await send()).toBe(415);
    expect(await send('Content-Type:')).toBe(415);
    expect(await send('Content-Type: text/plain', 'Content-Type: application/json')).toBe(415);
  });

  test('a coded body is not taken for a plain one', async () => {
    for (const coding of ['gzip', 'br', 'identity, gzip']) {
      const reply = await post('{"name":"coded"}', { ...JSON_TYPE, 'content-encoding': coding });
      expect([reply.status, reply.json.error]).toEqual([415, 'unsupported_media_type']);
    }
    expect((await post('{"name":"plain"}', { ...JSON_TYPE, 'content-encoding': 'identity' })).status).toBe(201);
  });

  test('nothing of this was written', async () => {
    expect(await names()).not.toEqual(expect.arrayContaining([expect.stringMatching(/untyped|coded/)]));
  });
});

describe('JSON', () => {
  test.each([
    ['not JSON', '{"name":"x"'],
    ['two documents', '{"name":"x"}{"name":"y"}'],
    ['a trailing comma', '{"name":"x",}'],
    ['single quotes', "{'name':'x'}"],
    ['a comment', '{"name":"x"}//'],
    ['NaN', '{"name":NaN}'],
    ['a control character', '{"name":"a\u0001"}'],
    ['__proto__', '{"name":"x","__proto__":{"admin":true}}'],
    ['__proto__, escaped', '{"name":"x","\\u005f\\u005fproto__":{"admin":true}}'],
    ['__proto__, deep', '{"name":"x","a":[{"__proto__":{}}]}'],
    ['constructor.prototype', '{"name":"x","constructor":{"prototype":{"admin":true}}}'],
    ['21 levels', `${'['.repeat(21)}${']'.repeat(21)}`],
    ['30,000 levels', '['.repeat(30_000)],
    ['30,000 levels of objects', '{"a":'.repeat(10_000)],
    ['NUL outside of a string', '\0'],
  ])('%s is 400', async (_, body) => {
    const reply = await post(body);
    expect([reply.status, reply.json.error]).toEqual([400, 'invalid_request']);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  test.each([
    ['a stray continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['half of a surrogate pair', [0xed, 0xa0, 0x80]],
    ['a cut-off letter', [0xc3]],
    ['UTF-16', [0xff, 0xfe]],
  ])('%s is not UTF-8: 400', async (_, bytes) => {
    const body = Buffer.concat([Buffer.from('{"name":"'), Buffer.from(bytes), Buffer.from('"}')]);
    const reply = await post(body);
    expect([reply.status, reply.json.message]).toEqual([400, 'The body is not valid UTF-8.']);
  });

  test.each([
    ['NUL', '{"name":"a\\u0000b"}', 'name'],
    ['a lone high surrogate', '{"name":"\\ud800"}', 'name'],
    ['a lone low surrogate', '{"name":"\\udfffx"}', 'name'],
    ['NUL in a field name', '{"name":"x","a\\u0000":1}', 'body'],
    ['an unknown field', '{"name":"x","is_admin":true}', 'is_admin'],
    ['a field without a name', '{"name":"x","":true}', '""'],
    ['an unknown field that every object has', '{"name":"x","toString":1}', 'toString'],
    ['a field called constructor', '{"name":"x","constructor":1}', 'constructor'],
    ['a wrong type', '{"name":["x"]}', 'name'],
    ['null for a text', '{"name":null}', 'name'],
    ['an array', '[]', 'body'],
    ['a text', '"x"', 'body'],
    ['a number', '1', 'body'],
    ['null', 'null', 'body'],
    ['20 levels', `{"name":${'['.repeat(19)}${']'.repeat(19)}}`, 'name'],
  ])('%s is 422 and names the field', async (_, body, path) => {
    const reply = await post(body);
    expect([reply.status, reply.json.error]).toEqual([422, 'validation_failed']);
    expect(reply.json.fields.map((field: { path: string }) => field.path)).toContain(path);
  });

  test('1e309 and other numbers that are none are 422', async () => {
    for (const number of ['1e309', '-1e309', '1.5', '0', '1000001', '"1"', 'true']) {
      const reply = await post(`{"item":"x","quantity":${number}}`, JSON_TYPE, '/v1/orders');
      expect([number, reply.status, reply.json.fields?.[0]?.path]).toEqual([number, 422, 'quantity']);
    }
  });

  test('every wrong field is named at once', async () => {
    const reply = await server.call('/v1/api-keys', { json: { name: '', scopes: 'read', type: 'other', more: 1 } });
    expect(reply.json.fields).toEqual(
      expect.arrayContaining([
        { path: 'name', message: expect.any(String) },
        { path: 'scopes', message: 'must be array' },
        { path: 'type', message: expect.any(String) },
        { path: 'more', message: 'is not a known field' },
      ]),
    );
  });

  test('a body of nothing is {}', async () => {
    const fields = [{ path: 'name', message: 'is required' }];
    expect((await server.call('/v1/projects', { method: 'POST' })).json).toMatchObject({ fields });
    for (const body of ['', ' ', '\r\n\t', '{}', '\ufeff{}']) expect((await post(body)).json).toMatchObject({ fields });
    const { id } = (await server.call('/v1/api-keys', { json: { name: 'x', scopes: [] } })).json;
    const revoked = await server.call(`/v1/api-keys/${id}/revoke`, { method: 'POST' });
    expect([revoked.status, revoked.json.state]).toEqual([200, 'revoked']);
    expect((await post('null', JSON_TYPE, `/v1/api-keys/${id}/revoke`)).status).toBe(422);
  });

  test('text that only looks dangerous is kept as it is', async () => {
    for (const name of [
      "Robert'); DROP TABLE sandbox_rows;--",
      '<script>alert(1)</script>',
      '{"a":1}',
      '😀 ñ 漢',
      '%00',
    ]) {
      const made = await server.call('/v1/projects', { json: { name } });
      expect((await server.call(`/v1/projects/${made.json.id}`)).json.name).toBe(name);
    }
  });

  test('whatever JSON comes, it is refused and nothing breaks', async () => {
    const json = fc.oneof(fc.jsonValue({ maxDepth: 6 }), fc.dictionary(fc.string({ unit: anyChar }), fc.jsonValue()));
    await fc.assert(
      fc.asyncProperty(json, async (value) => {
        const reply = await post(JSON.stringify(value), JSON_TYPE, '/v1/api-keys');
        expect([400, 422]).toContain(reply.status);
      }),
      { numRuns: 100 },
    );
  });

  test('whatever bytes come, they are refused and nothing breaks', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 1 }),
      fc.string({ unit: anyChar, minLength: 1 }).map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (body) => {
        const reply = await post(body, JSON_TYPE, '/v1/api-keys');
        expect([400, 422]).toContain(reply.status);
      }),
      { numRuns: 100 },
    );
  });
});

describe.each(DATABASES)('hostile text in any field, on %s', (database) => {
  const HOSTILE = [
    "'; DROP TABLE api_keys; --",
    '" OR 1=1',
    '\\',
    '%',
    '\u0000',
    '\ud800',
    '\u202e',
    '\r\nX: y',
    '𐏿'.repeat(500),
  ];

  test('is kept or refused, never a failure of ours, and tells nothing of the database', async () => {
    const target = await startServer({ database });
    const fields = [
      (text: string) => ({ name: text }),
      (text: string) => ({ scopes: [text] }),
      (text: string) => ({ type: text }),
      (text: string) => ({ environment: text }),
      (text: string) => ({ workspace_id: text }),
      (text: string) => ({ expires_at: text }),
      (text: string) => ({ expires_in: text }),
      (text: string) => ({ rotate_after: text }),
      (text: string) => ({ owner: text }),
      (text: string) => ({ external_id: text }),
      (text: string) => ({ metadata: { [text]: 'x' } }),
      (text: string) => ({ metadata: { x: text } }),
    ];
    const bodies = HOSTILE.flatMap((text) => fields.map((field) => ({ name: 'x', scopes: [], ...field(text) })));
    const urls = HOSTILE.flatMap((text) => {
      const value = encodeURIComponent(text.toWellFormed());
      return ['external_id', 'cursor', 'limit', 'environment', 'workspace_id', value].map(
        (name) => `?${name}=${value}`,
      );
    });
    for (const key of [target.key, target.rootKey]) {
      const replies = await Promise.all([
        ...bodies.map((json) => target.call('/v1/api-keys', { key, json })),
        ...urls.map((query) => target.call(`/v1/api-keys${query}`, { key })),
        ...HOSTILE.map((text) => target.call(`/v1/api-keys/${encodeURIComponent(text.toWellFormed())}`, { key })),
      ]);
      for (const { status, text } of replies) {
        expect([200, 201, 400, 403, 404, 409, 422]).toContain(status);
        expect(text).not.toMatch(/sqlite|postgres|syntax error|invalid byte sequence|SELECT /i);
      }
    }
    expect((await target.call('/v1/api-keys')).status).toBe(200);
    expect(target.logLines.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
  });
});
