import { makeId, mintSecret } from '@latchkey/protocol';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { expectAsIfMissing, type MadeKey, makeKey, makeWorkspace, START_MS } from './installation.ts';

const random = pooledRandom();
const missing = {
  workspace: makeId('workspace', START_MS, random),
  key: makeId('api_key', START_MS, random),
  project: makeId('project', START_MS, random),
  order: makeId('order', START_MS, random),
};

describe.each(DATABASES)('two workspaces on %s', (database) => {
  let server: TestServer;
  let other: string;
  /** Keys that may do everything: one of each workspace. */
  let ours: MadeKey;
  let theirs: MadeKey;
  let project: string;
  let order: string;

  beforeAll(async () => {
    server = await startServer({ database, clock: manualClock(START_MS) });
    other = await makeWorkspace(server);
    ours = await makeKey(server, { scopes: ['admin'] });
    theirs = await makeKey(server, { scopes: ['admin'], workspace_id: other, external_id: 'theirs' });
    project = (await server.call('/v1/projects', { key: theirs.key, json: { name: 'Theirs' } })).json.id;
    order = (await server.call('/v1/orders', { key: theirs.key, json: { item: 'Theirs' } })).json.id;
  });
  afterAll(stopServers);

  const stillAlive = async () => {
    expect((await server.call('/v1/auth/verify', { key: theirs.key })).status).toBe(200);
    expect((await server.call(`/v1/projects/${project}`, { key: theirs.key })).json.name).toBe('Theirs');
    expect((await server.call(`/v1/orders/${order}`, { key: theirs.key })).json.item).toBe('Theirs');
  };

  test.each(['/v1', '/v2', ''])("a key of the other is as if it never was, under '%s' (J9, N4)", async (base) => {
    const path = (id: string) => `${base}/api-keys/${id}`;
    for (const headers of [{}, { accept: 'application/problem+json' }, { 'x-api-version': '1.0' }]) {
      const call = { key: ours.key, headers };
      await expectAsIfMissing(server, call, { foreign: path(theirs.id), missing: path(missing.key) });
      await expectAsIfMissing(
        server,
        { ...call, json: { reason: 'mine now' } },
        { foreign: `${path(theirs.id)}/revoke`, missing: `${path(missing.key)}/revoke` },
      );
    }
    await stillAlive();
  });

  test.each(['/v1', '/v2'])('a row of the other is as if it never was, under %s', async (base) => {
    const places: [string, string, object][] = [
      [`${base}/projects/${project}`, `${base}/projects/${missing.project}`, { name: 'Ours' }],
      [`${base}/orders/${order}`, `${base}/orders/${missing.order}`, { item: 'Ours' }],
    ];
    for (const [foreign, absent, json] of places) {
      const paths = { foreign, missing: absent };
      for (const call of [{}, { method: 'PATCH', json }, { method: 'DELETE' }]) {
        await expectAsIfMissing(server, { key: ours.key, ...call }, paths);
      }
    }
    await stillAlive();
  });

  test('naming the other workspace is as if it never was, and has no effect', async () => {
    const { key } = ours;
    const named = (id: string) => [
      { path: '/v1/api-keys', options: { key, json: { name: 'x', scopes: [], workspace_id: id } } },
      { path: `/v1/api-keys/${ours.id}/revoke`, options: { key, json: { workspace_id: id } } },
      { path: `/v1/api-keys/${theirs.id}/revoke`, options: { key, json: { workspace_id: id } } },
      { path: `/v1/api-keys?workspace_id=${id}`, options: { key } },
      { path: `/v1/api-keys/${theirs.id}?workspace_id=${id}`, options: { key } },
      { path: `/v1/api-keys/${ours.id}?workspace_id=${id}`, options: { key } },
    ];
    for (const [index, { path, options }] of named(other).entries()) {
      const reply = await server.call(path, options);
      const absent = named(missing.workspace)[index];
      const expected = await server.call(absent?.path ?? '', absent?.options);
      const told = ({ status, json }: typeof reply) => [status, json.error, json.message];
      expect([path, ...told(reply)]).toEqual([path, 404, ...told(expected).slice(1)]);
    }
    await stillAlive();
    expect((await server.call('/v1/auth/verify', { key })).status).toBe(200);
    const listed = await server.call(`/v1/api-keys?workspace_id=${other}`, { key: server.rootKey });
    expect(listed.json.data.map(({ id }: MadeKey) => id)).toEqual([theirs.id]);
  });

  test('lists and filters stay at home', async () => {
    for (const query of ['', '?limit=100', '?external_id=theirs', `?workspace_id=${ours.workspace_id}`]) {
      const listed = await server.call(`/v1/api-keys${query}`, { key: ours.key });
      expect(listed.status).toBe(200);
      expect(listed.json.data.filter(({ workspace_id }: MadeKey) => workspace_id === other)).toEqual([]);
    }
    for (const path of ['/v1/projects?limit=100', '/v1/orders?limit=100']) {
      expect((await server.call(path, { key: ours.key })).text).not.toContain('Theirs');
      expect((await server.call(path, { key: theirs.key })).json.data).toHaveLength(1);
    }
    const counts = (await server.call('/v1/data', { key: theirs.key })).json.data;
    expect(counts).toEqual([
      { type: 'projects', count: 1 },
      { type: 'orders', count: 1 },
    ]);
  });

  test('a cursor of one does not open the list of the other (N4, N6)', async () => {
    for (const key of [ours.key, theirs.key]) {
      for (const name of ['a', 'b']) await server.call('/v1/projects', { key, json: { name } });
      await server.call('/v1/api-keys', { key, json: { name: 'x', scopes: [] } });
    }
    for (const path of ['/v1/projects', '/v1/api-keys']) {
      const cursor = (await server.call(`${path}?limit=1`, { key: theirs.key })).json.next_cursor;
      expect((await server.call(`${path}?limit=1&cursor=${cursor}`, { key: theirs.key })).status).toBe(200);
      expect((await server.call(`${path}?limit=1&cursor=${cursor}`, { key: ours.key })).status).toBe(400);
    }
  });

  describe('root', () => {
    const root = () => ({ key: server.rootKey });
    const invalid = (reply: { status: number; json: { fields?: { path: string }[] } }) =>
      [reply.status, reply.json.fields?.[0]?.path] as const;

    test('must say which of several it means', async () => {
      const json = { name: 'x', scopes: [] };
      expect(invalid(await server.call('/v1/api-keys', { ...root(), json }))).toEqual([422, 'workspace_id']);
      expect(invalid(await server.call('/v1/api-keys', root()))).toEqual([422, 'workspace_id']);
      expect(invalid(await server.call(`/v1/api-keys/${ours.id}`, root()))).toEqual([422, 'workspace_id']);
      const revoked = await server.call(`/v1/api-keys/${ours.id}/revoke`, { ...root(), json: {} });
      expect(invalid(revoked)).toEqual([422, 'workspace_id']);
    });

    test('acts in the one it names, and only there', async () => {
      const made = await makeKey(server, { workspace_id: other, environment: 'live' });
      expect(made).toMatchObject({ workspace_id: other, created_by: 'root', environment: 'live' });
      const list = async (workspaceId: string, more = '') => {
        const { json } = await server.call(`/v1/api-keys?limit=100&workspace_id=${workspaceId}${more}`, root());
        return json.data.map(({ id }: MadeKey) => id);
      };
      expect(await list(other)).toEqual(expect.arrayContaining([made.id, theirs.id]));
      expect(await list(other, '&environment=live')).toEqual([made.id]);
      expect(await list(server.workspaceId)).not.toContain(made.id);
      const path = `/v1/api-keys/${made.id}`;
      expect((await server.call(`${path}?workspace_id=${other}`, root())).status).toBe(200);
      await expectAsIfMissing(server, root(), {
        foreign: `${path}?workspace_id=${server.workspaceId}`,
        missing: `/v1/api-keys/${missing.key}?workspace_id=${server.workspaceId}`,
      });
      const revoke = (workspace_id: string) => server.call(`${path}/revoke`, { ...root(), json: { workspace_id } });
      expect((await revoke(server.workspaceId)).status).toBe(404);
      expect((await server.call('/v1/auth/verify', { key: made.key })).status).toBe(200);
      expect((await revoke(other)).status).toBe(200);
      expect((await server.call('/v1/auth/verify', { key: made.key })).json.error).toBe('token_revoked');
    });

    test.each([missing.workspace, 'ws_', 'x', "'; --", 'é'])('hears 404 when it names %s', async (workspace_id) => {
      const query = `workspace_id=${encodeURIComponent(workspace_id)}`;
      const json = { name: 'x', scopes: [], workspace_id };
      expect((await server.call('/v1/api-keys', { ...root(), json })).status).toBe(404);
      expect((await server.call(`/v1/api-keys?${query}`, root())).status).toBe(404);
      expect((await server.call(`/v1/api-keys/${ours.id}?${query}`, root())).status).toBe(404);
      const revoke = { ...root(), json: { workspace_id } };
      expect((await server.call(`/v1/api-keys/${ours.id}/revoke`, revoke)).status).toBe(404);
    });

    test('cannot name one with what is no text', async () => {
      for (const text of ['%00', `ws_${'0'.repeat(65)}`, 'a&workspace_id=b']) {
        expect((await server.call(`/v1/api-keys?workspace_id=${text}`, root())).status, text).toBe(422);
      }
      for (const workspace_id of ['a\0', '\ud800', 5, null, ['x']]) {
        const json = { name: 'x', scopes: [], workspace_id };
        expect((await server.call('/v1/api-keys', { ...root(), json })).status).toBe(422);
      }
    });
  });
});

describe.each(DATABASES)('one workspace on %s', (database) => {
  test('is the one that root means', async () => {
    onTestFinished(stopServers);
    const server = await startServer({ database });
    const root = { key: server.rootKey };
    const made = await server.call('/v1/api-keys', { ...root, json: { name: 'x', scopes: ['read'] } });
    expect([made.status, made.json.workspace_id, made.json.environment]).toEqual([201, server.workspaceId, 'test']);
    expect((await server.call(`/v1/api-keys/${made.json.id}`, root)).status).toBe(200);
    expect((await server.call('/v1/api-keys', root)).json.data).toHaveLength(2);
    expect((await server.call(`/v1/api-keys/${made.json.id}/revoke`, { ...root, json: {} })).status).toBe(200);
  });
});

test('production begins with none: root is told so, and there is no first key, secret or sandbox', async () => {
  onTestFinished(stopServers);
  const rootKey = mintSecret('root', pooledRandom());
  const server = await startServer({
    env: {
      LATCHKEY_MODE: 'production',
      LATCHKEY_ISSUER: 'https://auth.example.com',
      LATCHKEY_ROOT_KEY: rootKey,
      LATCHKEY_ENCRYPTION_KEYS: `k1:${Buffer.from(pooledRandom()(32)).toString('base64')}`,
    },
  });
  expect(server.firstStart).toBeNull();
  const refused = await server.call('/v1/api-keys', { key: rootKey, json: { name: 'x', scopes: [] } });
  expect([refused.status, refused.json.fields[0].path]).toEqual([422, 'workspace_id']);
  const workspace_id = await makeWorkspace(server, 'First');
  const { key } = await makeKey(server, { scopes: ['read'], workspace_id }, rootKey);
  expect((await server.call('/v1/auth/verify', { key })).json.subject_issuer).toBe('https://auth.example.com');
  for (const path of ['/v1/projects', '/v2/orders', '/v1/data']) {
    expect((await server.call(path, { key })).status, path).toBe(404);
  }
  // Nor are mails kept to be looked at, nor passwords taken by API, before the operator says so.
  for (const each of [null, rootKey]) {
    expect((await server.call('/dev/mail', { key: each, headers: { host: 'localhost' } })).status).toBe(404);
  }
  for (const path of ['/v1/auth/login', '/v1/auth/refresh', '/v2/auth/login']) {
    expect((await server.call(path, { method: 'POST', key: null, json: {} })).status, path).toBe(404);
  }
});
