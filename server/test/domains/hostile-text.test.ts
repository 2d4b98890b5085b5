import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { newPerson } from '../people/browser.ts';
import { makeKey, makeWorkspace, START_MS } from './installation.ts';

const TEXTS = [
  "'; DROP TABLE api_keys; --",
  '" OR ""="',
  "x' OR '1'='1",
  "\\'; SELECT pg_sleep(10); --",
  '1); DELETE FROM workspaces; /*',
  '%_%\\%',
  '$1 ? :name @p0 {0} {{x}} %s #{x}',
  '<script>alert(1)</script>&amp;',
  '$\u007bjndi:ldap://x}',
  '=1+1',
  '../../etc/passwd',
  '__proto__',
  'null',
  'NaN',
  '0x00',
  '\u0001\u0008\u001b[31m\r\n\t',
  '\u202eabc\u2066',
  'Zoë 日本語 🙂 👩‍👩‍👧',
  'e\u0301 \u00e9',
  '\ufeffbom',
  '\u2028\u2029',
  '{"json":true}',
];

const DATABASE_WORDS = /sqlite|postgres|syntax|constraint|column|relation|22021|22P02|kysely|SELECT |UTF8/i;

/** What a database can hold, in every letter there is: no NUL, no half of a surrogate pair. */
const storable = (maxLength: number) =>
  fc.string({ unit: 'binary', minLength: 1, maxLength }).filter((text) => !text.includes('\0') && text.isWellFormed());

describe.each(DATABASES)('any text in any field on %s', (database) => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ database, clock: manualClock(START_MS) });
  });
  afterAll(stopServers);

  test.each(TEXTS)('%j comes back as it went in (O9)', async (text) => {
    const workspace_id = await makeWorkspace(server, text);
    const fields = { name: `|${text}|`, owner: text, external_id: text, metadata: { [`k${text}`.slice(0, 40)]: text } };
    const { id, key } = await makeKey(server, { ...fields, workspace_id, scopes: ['admin'] });
    expect((await server.call(`/v1/api-keys/${id}`, { key })).json).toMatchObject(fields);
    const query = `external_id=${encodeURIComponent(text)}`;
    const found = await server.call(`/v1/api-keys?${query}`, { key });
    expect(found.json.data).toMatchObject([{ id, ...fields }]);
    expect((await server.call(`/v1/api-keys?${query}x`, { key })).json.data).toEqual([]);
    expect((await server.call('/v1/auth/verify', { key })).json.user_id).toBe(text);
    for (const [path, json] of [
      ['/v1/projects', { name: `|${text}|` }],
      ['/v1/orders', { item: `|${text}|` }],
    ] as const) {
      const made = await server.call(path, { key, json });
      expect(made.json).toMatchObject(json);
      expect((await server.call(`${path}/${made.json.id}`, { key })).json).toEqual(made.json);
      const changed = await server.call(`${path}/${made.json.id}`, { key, method: 'PATCH', json });
      expect(changed.json).toEqual(made.json);
    }
    const ended = await server.call(`/v1/api-keys/${id}/revoke`, { key, json: { reason: text } });
    expect(ended.status).toBe(200);
    const { read } = server.latchkey.database;
    const row = await read.selectFrom('api_keys').select('revoke_reason').where('id', '=', id).executeTakeFirst();
    expect(row?.revoke_reason).toBe(text);
  });

  test.each(TEXTS)('%j is a name that a person may have, on every page too (O9, N7)', async (text) => {
    const name = `|${text}|`;
    const person = await newPerson(server, { name });
    expect((await person.call('/v1/account')).json.name).toBe(name);
    const renamed = await person.call('/v1/account', { method: 'PATCH', json: { name: `${name}.` } });
    expect(renamed.json.name).toBe(`${name}.`);
    const page = await person.call('/account', { headers: { accept: 'text/html' } });
    expect(page.status).toBe(200);
    if (/[<]/.test(text)) expect(page.text).not.toContain(text);
    const logged = server.logLines.filter((line) => text.length > 8 && line.includes(text));
    expect(logged).toEqual([]);
  });

  test('so does any other', async () => {
    const given = fc.record({
      owner: storable(200),
      external_id: storable(200),
      metadata: fc.dictionary(
        storable(40).filter((name) => name !== '__proto__' && name !== 'constructor'),
        storable(60),
        { maxKeys: 3 },
      ),
    });
    await fc.assert(
      fc.asyncProperty(given, async ({ owner, external_id, metadata }) => {
        const fields = { owner: `o${owner}`.slice(0, 200), external_id, metadata };
        fc.pre(fields.owner.isWellFormed());
        const workspace_id = await makeWorkspace(server, 'Any');
        const { id, key } = await makeKey(server, { ...fields, workspace_id, scopes: ['api_keys:read'] });
        expect((await server.call(`/v1/api-keys/${id}`, { key })).json).toMatchObject(fields);
        const found = await server.call(`/v1/api-keys?external_id=${encodeURIComponent(external_id)}`, { key });
        expect(found.json.data).toHaveLength(1);
      }),
      { numRuns: 25 },
    );
  });

  test.each([
    ['NUL', 'a\0b'],
    ['half a surrogate pair', 'a\ud800'],
    ['the other half', '\udc00a'],
  ])('%s is refused in each field, with no word of the database (O9)', async (_, text) => {
    const { id } = await makeKey(server, {});
    const post = (path: string, json: object, method = 'POST'): Parameters<TestServer['call']> => [
      path,
      { json, method },
    ];
    const project = (await server.call('/v1/projects', { json: { name: 'x' } })).json.id;
    const calls = [
      post('/v1/api-keys', { name: text, scopes: [] }),
      post('/v1/api-keys', { name: 'x', scopes: [text] }),
      post('/v1/api-keys', { name: 'x', scopes: [], owner: text }),
      post('/v1/api-keys', { name: 'x', scopes: [], external_id: text }),
      post('/v1/api-keys', { name: 'x', scopes: [], workspace_id: text }),
      post('/v1/api-keys', { name: 'x', scopes: [], metadata: { a: text } }),
      post('/v1/api-keys', { name: 'x', scopes: [], metadata: { [text]: 'a' } }),
      post('/v1/api-keys', { name: 'x', scopes: [], expires_at: text }),
      post('/v1/api-keys', { name: 'x', scopes: [], [text]: 1 }),
      post(`/v1/api-keys/${id}/revoke`, { reason: text }),
      post('/v1/projects', { name: text }),
      post('/v1/orders', { item: text }),
      post(`/v1/projects/${project}`, { name: text }, 'PATCH'),
    ];
    for (const call of calls) {
      const refused = await server.call(...call);
      expect([refused.status, refused.json.error], call[0]).toEqual([422, 'validation_failed']);
      expect(refused.text).not.toMatch(DATABASE_WORDS);
    }
  });

  const queries = ["' OR 1=1 --", '\0', '\u0001', '%', '1e309', '[]', '{}', 'a'.repeat(300), '\ud7ff', '-1', '😀'];
  test.each(queries)('%j in a path or query is at worst refused (N6)', async (text) => {
    const encoded = encodeURIComponent(text);
    const names = ['limit', 'cursor', 'external_id', 'environment', 'workspace_id', 'sort', 'order_by', encoded];
    const paths = [
      ...names.map((name) => `/v1/api-keys?${name}=${encoded}`),
      ...names.map((name) => `/v1/projects?${name}=${encoded}`),
      `/v1/api-keys/${encoded}`,
      `/v1/api-keys/key_${encoded}`,
      `/v1/projects/${encoded}`,
      `/v2/orders/ord_${encoded}`,
      `/v1/${encoded}`,
    ];
    for (const path of paths) {
      for (const key of [server.key, server.rootKey]) {
        const reply = await server.call(path, { key });
        expect(reply.status, path).toBeLessThan(500);
        if (reply.status >= 400) expect(reply.text, path).not.toMatch(DATABASE_WORDS);
        else expect(path).toMatch(/\?external_id=/);
      }
    }
  });

  test.each(['%FF', '%ED%A0%80', '%C0%AE', '%', '%zz', '%E0%80%80'])(
    '%s in a URL is no text, and does no harm',
    async (bytes) => {
      for (const path of [`/v1/api-keys?external_id=${bytes}`, `/v1/api-keys/${bytes}`, `/v1/projects/${bytes}`]) {
        const { status, text } = await server.call(path);
        expect(status, path).toBeLessThan(500);
        expect(status === 200 ? '' : text).not.toMatch(DATABASE_WORDS);
      }
    },
  );

  test.each([
    '1e309',
    '-1e309',
    '1e-400',
    '9007199254740993',
    '0.1',
    '-1',
    '"1"',
    'true',
    '[1]',
    '{}',
    '99999999999999999999',
  ])('the number %s is refused where it does not fit', async (number) => {
    const headers = { 'content-type': 'application/json' };
    const order = await server.call('/v1/orders', { body: `{"item":"x","quantity":${number}}`, headers });
    expect(order.status).toBe(422);
    const key = await server.call('/v1/api-keys', { body: `{"name":"x","scopes":[],"expires_at":${number}}`, headers });
    expect(key.status).toBe(422);
  });
});
