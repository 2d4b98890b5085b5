import { DEFAULT_SCOPES } from '@latchkey/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type CallOptions, DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { eventsAbout, type MadeKey, makeKey, makeWorkspace, START_MS } from './installation.ts';

describe.each(DATABASES)('the scope catalogue on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(1));

  const call = (path: string, options: CallOptions = {}) =>
    server.call(`/v1/scopes${path}`, { key: server.rootKey, ...options });
  const at = (name: string) => `/${encodeURIComponent(name)}`;
  const patch = (name: string, json: object) => call(at(name), { method: 'PATCH', json });
  const remove = (name: string) => call(at(name), { method: 'DELETE' });
  const create = async (name: string, more: object = {}) => {
    const made = await call('', { json: { name, description: `May ${name}.`, ...more } });
    expect(made.status, made.text).toBe(201);
    return made.json;
  };
  const status = async (key: string, path: string, options: CallOptions = {}) =>
    (await server.call(path, { key, ...options })).status;

  const resourceId = async (audience: string): Promise<string> => {
    const json = { name: 'An API', audience };
    return (await server.call('/v1/resources', { key: server.rootKey, json })).json.id;
  };

  test('begins with the defaults, for every credential to read', async () => {
    const { key } = await makeKey(server, {});
    const { json } = await call('', { key });
    expect(json.next_cursor).toBeNull();
    const expected = DEFAULT_SCOPES.map((scope) => ({ ...scope, resource: null }));
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
    expect(json.data).toEqual(expected.sort(byName));
    for (const { name } of DEFAULT_SCOPES) {
      expect((await call(at(name), { key })).json).toEqual(
        json.data.find((row: { name: string }) => row.name === name),
      );
    }
    expect((await server.call('/v2/scopes', { key })).json).toEqual(json);
    expect((await call('', { key: null })).status).toBe(401);
  });

  test('takes a new scope, and its words as they are', async () => {
    const given = { description: 'Send invoices; „Rechnungen".', implies: ['orders:read'], sensitive: true };
    const resource = await resourceId('https://invoices.example.com');
    const made = await create('invoices:send', { ...given, resource });
    const whole = { name: 'invoices:send', kind: 'product', ...given, resource };
    expect(made).toEqual(whole);
    expect((await call(at('invoices:send'))).json).toEqual(whole);
    expect(await create('plain')).toMatchObject({ implies: [], sensitive: false, resource: null });
    const names = ['https://api.example.com/a?b=c', "it's", 'a/b', '%2F', 'constructor', '__proto__'];
    for (const name of names) {
      await create(name);
      expect((await call(at(name))).json.name).toBe(name);
      expect((await makeKey(server, { scopes: [name] })).scopes).toEqual([name]);
    }
  });

  test.each([
    ['name', { name: '' }],
    ['name', { name: 'two words' }],
    ['name', { name: 'quo"te' }],
    ['name', { name: 'back\\slash' }],
    ['name', { name: 'ümlaut' }],
    ['name', { name: 'n'.repeat(101) }],
    ['description', { description: '' }],
    ['description', { description: undefined }],
    ['description', { description: 'd'.repeat(301) }],
    ['implies', { implies: ['no:such'] }],
    ['implies', { implies: ['read', 'read'] }],
    ['sensitive', { sensitive: 'yes' }],
    ['kind', { kind: 'management' }],
    ['resource', { resource: 5 }],
    ['resource', { resource: 'https://api.example.com' }],
    ['resource', { resource: `res_${'0'.repeat(24)}` }],
  ])('refuses %s in %j', async (path, fields) => {
    const refused = await call('', { json: { name: 'refused', description: 'x', ...fields } });
    expect([refused.status, refused.json.fields?.[0].path]).toEqual([422, path]);
    expect((await call(at('refused'))).status).toBe(404);
  });

  test('is written by root alone', async () => {
    const { key } = await makeKey(server, { scopes: ['admin'] });
    const json = { name: 'mine', description: 'x' };
    for (const [path, options] of [
      ['', { json }],
      [at('read'), { method: 'PATCH', json: { implies: ['api_keys:write'] } }],
      [at('read'), { method: 'DELETE' }],
    ] as [string, CallOptions][]) {
      const refused = await call(path, { ...options, key });
      expect([refused.status, refused.json.error]).toEqual([403, 'forbidden']);
    }
  });

  test('has each name once, and keeps what Latchkey itself asks for', async () => {
    const names = Array.from({ length: 6 }, () => call('', { json: { name: 'once', description: 'x' } }));
    expect((await Promise.all(names)).map((reply) => reply.status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
    expect((await call('', { json: { name: 'admin', description: 'x' } })).status).toBe(409);
    for (const name of ['admin', 'api_keys:write', 'usage:read', 'openid', 'offline_access']) {
      const refused = await remove(name);
      expect([name, refused.status, refused.json?.error]).toEqual([name, 409, 'conflict']);
    }
    for (const name of ['never:was', 'once ', '%00']) {
      expect((await patch(name, { description: 'x' })).status, name).toBe(404);
      expect((await remove(name)).status, name).toBe(404);
    }
  });

  test('is changed field by field, and not otherwise', async () => {
    await create('changing');
    for (const change of [
      { description: 'Other words.' },
      { implies: ['read', 'changing'] },
      { sensitive: true },
      { resource: await resourceId('urn:x') },
      { resource: null },
      {},
    ]) {
      const changed = await patch('changing', change);
      expect([changed.status, changed.json]).toEqual([200, { ...(await call(at('changing'))).json, ...change }]);
    }
    for (const change of [{ name: 'other' }, { kind: 'identity' }, { description: '' }, { implies: ['no:such'] }]) {
      expect((await patch('changing', change)).status).toBe(422);
    }
  });

  test('changed in nothing, leaves no trace', async () => {
    await create('untouched');
    expect((await patch('untouched', {})).status).toBe(200);
    expect(await eventsAbout(server, 'untouched')).toHaveLength(1);
  });

  test('is written down in the audit log', async () => {
    await create('audited');
    await patch('audited', { sensitive: true });
    await remove('audited');
    const events = await eventsAbout(server, 'audited');
    expect(events.map(({ action, actor_kind }) => [action, actor_kind])).toEqual([
      ['scope.created', 'root'],
      ['scope.updated', 'root'],
      ['scope.deleted', 'root'],
    ]);
  });

  describe('decides the very next call', () => {
    test('a new scope opens what it implies, and nothing else', async () => {
      await create('viewer', { implies: ['projects:read'] });
      const { key } = await makeKey(server, { scopes: ['viewer'] });
      expect(await status(key, '/v1/projects')).toBe(200);
      expect(await status(key, '/v1/orders')).toBe(403);
      expect(await status(key, '/v1/projects', { json: { name: 'x' } })).toBe(403);
      expect((await server.call('/v1/auth/verify', { key })).json.scopes).toEqual(['viewer']);
    });

    test('also through other scopes, round in circles', async () => {
      await create('inner', { implies: ['orders:read'] });
      await create('outer', { implies: ['inner'] });
      await patch('inner', { implies: ['orders:read', 'outer'] });
      const { key } = await makeKey(server, { scopes: ['outer'] });
      expect(await status(key, '/v1/orders')).toBe(200);
      expect(await status(key, '/v1/projects')).toBe(403);
    });

    test('a change of what is implied reaches keys in memory', async () => {
      await create('growing');
      const { key } = await makeKey(server, { scopes: ['growing'] });
      expect(await status(key, '/v1/projects')).toBe(403);
      await patch('growing', { implies: ['projects:read'] });
      expect(await status(key, '/v1/projects')).toBe(200);
      await patch('growing', { implies: [] });
      expect(await status(key, '/v1/projects')).toBe(403);
    });

    test('a removed scope opens nothing, by itself or through others, and is not granted again', async () => {
      await create('leaf', { implies: ['projects:read'] });
      await create('branch', { implies: ['leaf', 'orders:read'] });
      const [leaf, branch] = [
        await makeKey(server, { scopes: ['leaf'] }),
        await makeKey(server, { scopes: ['branch'] }),
      ];
      for (const { key } of [leaf, branch]) expect(await status(key, '/v1/projects')).toBe(200);
      expect((await remove('leaf')).status).toBe(204);
      for (const { key } of [leaf, branch]) expect(await status(key, '/v1/projects')).toBe(403);
      expect(await status(branch.key, '/v1/orders')).toBe(200);
      expect((await remove('leaf')).status).toBe(404);
      const json = { name: 'x', scopes: ['leaf'], workspace_id: server.workspaceId };
      expect((await server.call('/v1/api-keys', { key: server.rootKey, json })).status).toBe(422);
      expect((await call(at('branch'))).json.implies).toEqual(['leaf', 'orders:read']);
    });

    test('admin has every product scope that there is, from its first moment', async () => {
      const { key } = await makeKey(server, { scopes: ['admin'] });
      const check = async () =>
        (await server.call('/v1/api-keys/verify', { key, json: { key, scopes: ['brand:new'] } })).json.code;
      expect(await check()).toBe('insufficient_scope');
      await create('brand:new');
      expect(await check()).toBe('valid');
      await remove('brand:new');
      expect(await check()).toBe('insufficient_scope');
    });

    test('what a key may give on follows it', async () => {
      await create('team', { implies: ['projects:read', 'api_keys:write'] });
      const { key } = await makeKey(server, { scopes: ['team'] });
      const give = (scope: string) => status(key, '/v1/api-keys', { json: { name: 'x', scopes: [scope] } });
      for (const scope of ['team', 'projects:read', 'read:projects'])
        expect([scope, await give(scope)]).toEqual([scope, 201]);
      for (const scope of ['read', 'projects:write', 'orders:read'])
        expect([scope, await give(scope)]).toEqual([scope, 403]);
      await patch('team', { implies: ['api_keys:write'] });
      expect(await give('projects:read')).toBe(403);
      await patch('team', { implies: [] });
      expect(await give('team')).toBe(403);
    });

    test('a restricted key that would come to manage keys by it is refused when it is made', async () => {
      await create('helper', { implies: ['webhooks:write'] });
      const json = { name: 'x', type: 'restricted', scopes: ['helper'], workspace_id: server.workspaceId };
      const refused = await server.call('/v1/api-keys', { key: server.rootKey, json });
      expect([refused.status, refused.json.fields?.[0].path]).toEqual([422, 'scopes']);
    });
  });

  describe('scopes of own rows in the sandbox', () => {
    const OWN = ['read:own', 'write:own', 'delete:own'];
    const names = async (key: string, path = '/v1/projects') =>
      (await server.call(path, { key })).json.data.map((row: { name?: string; item?: string }) => row.name ?? row.item);

    async function people(): Promise<{ ann: MadeKey; bob: MadeKey; all: MadeKey; annRow: string; bobRow: string }> {
      const workspace_id = await makeWorkspace(server, 'People');
      const ann = await makeKey(server, { workspace_id, scopes: OWN, owner: 'ann' });
      const bob = await makeKey(server, { workspace_id, scopes: OWN, owner: 'bob' });
      const all = await makeKey(server, { workspace_id, scopes: ['read', 'write', 'delete'], owner: 'chief' });
      const add = async (key: string, name: string) => {
        clock.advance(1);
        return (await server.call('/v1/projects', { key, json: { name } })).json.id as string;
      };
      return { ann, bob, all, annRow: await add(ann.key, "Ann's"), bobRow: await add(bob.key, "Bob's") };
    }

    test('show, change and remove what belongs to the key’s owner, and nothing of others', async () => {
      const { ann, bob, all, annRow, bobRow } = await people();
      expect(await names(ann.key)).toEqual(["Ann's"]);
      expect(await names(bob.key)).toEqual(["Bob's"]);
      expect(await names(all.key)).toEqual(["Ann's", "Bob's"]);
      const own = `/v1/projects/${annRow}`;
      const foreign = `/v1/projects/${bobRow}`;
      expect(await status(ann.key, own)).toBe(200);
      expect(await status(ann.key, own, { method: 'PATCH', json: { name: 'New' } })).toBe(200);
      for (const options of [{}, { method: 'PATCH', json: { name: 'Mine' } }, { method: 'DELETE' }]) {
        expect(await status(ann.key, foreign, options)).toBe(404);
        expect(await status(ann.key, foreign.replace('v1', 'v2'), options)).toBe(404);
      }
      expect(await status(all.key, foreign, { method: 'PATCH', json: { name: "Bob's still" } })).toBe(200);
      expect(await status(ann.key, own, { method: 'DELETE' })).toBe(204);
      expect(await names(all.key)).toEqual(["Bob's still"]);
    });

    test('count only their own, and page through them alone', async () => {
      const { ann, bob } = await people();
      for (const item of ['a', 'b', 'c']) {
        for (const { key } of [ann, bob]) await server.call('/v1/orders', { key, json: { item } });
        clock.advance(1);
      }
      expect((await server.call('/v1/data', { key: ann.key })).json.data).toEqual([
        { type: 'projects', count: 1 },
        { type: 'orders', count: 3 },
      ]);
      const first = (await server.call('/v1/orders?limit=2', { key: ann.key })).json;
      expect(first.data).toHaveLength(2);
      const rest = (await server.call(`/v1/orders?limit=2&cursor=${first.next_cursor}`, { key: ann.key })).json;
      expect(rest.data.map(({ item }: { item: string }) => item)).toEqual(['c']);
      expect(await status(bob.key, `/v1/orders?limit=2&cursor=${first.next_cursor}`)).toBe(400);
    });

    test('of a key without owner are its own alone', async () => {
      const workspace_id = await makeWorkspace(server, 'Nobody');
      const [one, two] = await Promise.all([1, 2].map(() => makeKey(server, { workspace_id, scopes: OWN })));
      await server.call('/v1/projects', { key: one?.key ?? '', json: { name: 'One' } });
      expect(await names(one?.key ?? '')).toEqual(['One']);
      expect(await names(two?.key ?? '')).toEqual([]);
    });

    test('each open only what they say', async () => {
      const { all, annRow } = await people();
      const workspace_id = all.workspace_id;
      const own = `/v1/projects/${annRow}`;
      const reader = await makeKey(server, { workspace_id, scopes: ['read:own'], owner: 'ann' });
      expect(await status(reader.key, own)).toBe(200);
      expect(await status(reader.key, own, { method: 'PATCH', json: { name: 'x' } })).toBe(403);
      expect(await status(reader.key, own, { method: 'DELETE' })).toBe(403);
      expect(await status(reader.key, '/v1/projects', { json: { name: 'x' } })).toBe(403);
      const mixed = await makeKey(server, { workspace_id, scopes: ['read', 'write:own'], owner: 'bob' });
      expect(await status(mixed.key, own)).toBe(200);
      expect(await status(mixed.key, own, { method: 'PATCH', json: { name: 'x' } })).toBe(404);
      const live = await makeKey(server, { workspace_id, scopes: OWN, owner: 'ann', environment: 'live' });
      expect(await status(live.key, own)).toBe(404);
    });
  });
});
