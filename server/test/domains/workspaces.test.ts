import { makeId } from '@latchkey/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { type CallOptions, DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import {
  answerTo,
  eventsAbout,
  expectAsIfMissing,
  iso,
  type MadeKey,
  makeKey,
  makePlan,
  REVOKED,
  START_MS,
  UNKNOWN,
  WORKS,
} from './installation.ts';

const missing = makeId('workspace', START_MS, pooledRandom());

describe.each(DATABASES)('workspaces on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ database, clock });
    await makePlan(server, 'gold', { per_hour: 7 });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(1));

  const call = (path: string, options: CallOptions = {}) =>
    server.call(`/v1/workspaces${path}`, { key: server.rootKey, ...options });
  const patch = (id: string, json: object, key?: string) =>
    call(`/${id}`, { method: 'PATCH', json, ...(key === undefined ? {} : { key }) });

  // biome-ignore lint/suspicious/noExplicitAny: replies are looked into freely in tests
  async function make(fields: object = {}): Promise<any> {
    const made = await call('', { json: { name: 'Made', ...fields } });
    expect(made.status, made.text).toBe(201);
    return made.json;
  }

  test('are made by root, with every field that was given', async () => {
    expect(await make()).toEqual({
      id: expect.stringMatching(/^ws_[0-9A-Za-z]{24}$/),
      name: 'Made',
      state: 'active',
      external_id: null,
      metadata: {},
      plan: null,
      limits: null,
      pooled: false,
      require_second_factor: false,
      created_at: iso(clock.nowMs()),
    });
    const given = { external_id: 'crm-1', metadata: { tier: 'x', 'a\nb': 'c' }, plan: 'gold', pooled: true };
    const made = await make({ ...given, name: '  Acme  ', limits: { per_hour: 3 } });
    expect(made).toMatchObject({ ...given, name: 'Acme', limits: { per_hour: 3, per_second: null } });
    expect((await call(`/${made.id}`)).json).toEqual(made);
    expect((await server.call(`/v2/workspaces/${made.id}`, { key: server.rootKey })).json).toEqual(made);
    expect((await call('?external_id=crm-1')).json).toEqual({ data: [made], next_cursor: null });
    expect((await eventsAbout(server, made.id))[0]).toMatchObject({ action: 'workspace.created', actor_kind: 'root' });
  });

  test('are listed from the oldest, page by page, each once', async () => {
    const ids: string[] = [server.workspaceId];
    for (const { id } of (await call('?limit=100')).json.data.slice(1)) ids.push(id);
    for (let count = 0; count < 3; count += 1) {
      clock.advance(1);
      ids.push((await make()).id);
    }
    const seen: string[] = [];
    let cursor = '';
    do {
      const { json } = await call(`?limit=2${cursor}`);
      expect(json.data.length).toBeLessThanOrEqual(2);
      seen.push(...json.data.map(({ id }: { id: string }) => id));
      cursor = json.next_cursor === null ? '' : `&cursor=${json.next_cursor}`;
    } while (cursor);
    expect(seen).toEqual(ids);
    const key = await makeKey(server, {});
    const stolen = (await call('?limit=1')).json.next_cursor;
    expect((await call(`?limit=1&cursor=${stolen}`, { key: key.key })).status).toBe(400);
  });

  test('are changed field by field', async () => {
    const { id, ...made } = await make({ external_id: 'crm-2', metadata: { a: 'b' } });
    for (const [fields, shown = fields] of [
      [{ name: ' Renamed ' }, { name: 'Renamed' }],
      [{ external_id: 'crm-3' }],
      [{ external_id: null }],
      [{ metadata: {} }],
      [{ plan: 'gold' }],
      [{ plan: null }],
      [{ limits: { per_second: 4 } }, { limits: { per_hour: null, per_second: 4 } }],
      [{ limits: null }],
      [{ pooled: true }],
      [{ pooled: false }],
      [{}],
    ] as [object, object?][]) {
      Object.assign(made, shown);
      const changed = await patch(id, fields);
      expect([changed.status, changed.json]).toEqual([200, { id, ...made }]);
    }
    expect((await call(`/${id}`)).json).toEqual({ id, ...made });
  });

  test.each([
    ['name', { name: ' ' }],
    ['name', { name: 'n'.repeat(101) }],
    ['name', { name: null }],
    ['state', { state: 'deleted' }],
    ['state', { state: null }],
    ['external_id', { external_id: '' }],
    ['metadata', { metadata: { ['k'.repeat(41)]: 'v' } }],
    ['plan', { plan: 'no such plan' }],
    ['limits.per_hour', { limits: { per_hour: 0 } }],
    ['pooled', { pooled: 1 }],
    ['id', { id: 'ws_000000000000000000000000' }],
    ['created_at', { created_at: '2030-01-01T00:00:00Z' }],
    ['owner', { owner: 'me' }],
  ])('refuse %s in %j', async (path, fields) => {
    const refused = await patch(server.workspaceId, { metadata: { not: 'kept' }, ...fields });
    expect([
      refused.status,
      refused.json.fields?.[0].path.split('.').slice(0, path.split('.').length).join('.'),
    ]).toEqual([422, path]);
    const made = await call('', { json: { name: 'x', ...fields } });
    expect(made.status).toBe(422);
    expect((await call(`/${server.workspaceId}`)).json.metadata).toEqual({});
  });

  test('have an external_id of their own, also under parallel calls', async () => {
    const replies = await Promise.all(
      Array.from({ length: 8 }, () => call('', { json: { name: 'x', external_id: 'one' } })),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 7 }, () => 409)]);
    const { id } = await make();
    const refused = await patch(id, { name: 'not kept', external_id: 'one' });
    expect([refused.status, refused.json.error]).toEqual([409, 'conflict']);
    expect((await call(`/${id}`)).json.name).toBe('Made');
  });

  test('of a key: its own is all that it sees, and it changes nothing of the operator (N4)', async () => {
    const { id } = await make({ external_id: `tenant-${database}` });
    const { key } = await makeKey(server, { workspace_id: id, scopes: ['admin'] });
    for (const query of ['', '?limit=100', `?external_id=tenant-${database}`]) {
      const { json } = await call(query, { key });
      expect(json.data.map((row: { id: string }) => row.id)).toEqual([id]);
    }
    expect((await call('?external_id=crm-1', { key })).json.data).toEqual([]);
    expect((await call(`/${id}`, { key })).json.id).toBe(id);
    const paths = { foreign: `/v1/workspaces/${server.workspaceId}`, missing: `/v1/workspaces/${missing}` };
    await expectAsIfMissing(server, { key }, paths);
    for (const [path, options] of [
      ['', { json: { name: 'x' } }],
      [`/${id}`, { method: 'PATCH', json: { state: 'active' } }],
      [`/${id}`, { method: 'PATCH', json: { plan: 'gold' } }],
    ] as [string, CallOptions][]) {
      const refused = await call(path, { key, ...options });
      expect([refused.status, refused.json.error]).toEqual([403, 'forbidden']);
    }
    const suspension = { key, method: 'PATCH', json: { state: 'suspended' } };
    await expectAsIfMissing(server, suspension, paths);
    const named = await call(`/${id}`, { key, method: 'PATCH', json: { name: 'Renamed by its admin' } });
    expect([named.status, named.json.name]).toEqual([200, 'Renamed by its admin']);
    expect((await call('', { key: null })).status).toBe(401);
    expect(await answerTo(server, server.key)).toEqual(WORKS);
  });

  test('that never were are 404', async () => {
    for (const id of [missing, 'ws_', 'x', `key_${'0'.repeat(24)}`, '%00', "'--"]) {
      expect((await call(`/${id}`)).status, id).toBe(404);
      expect((await patch(id, { name: 'x' })).status, id).toBe(404);
    }
    expect((await patch(missing, {})).status).toBe(404);
  });

  describe('suspended', () => {
    async function withKeys(): Promise<{ id: string; keys: MadeKey[] }> {
      const { id } = await make();
      const kinds = [{ scopes: ['admin'] }, { environment: 'live' }, { type: 'restricted' }, { all_workspaces: true }];
      const keys = await Promise.all(kinds.map((kind) => makeKey(server, { workspace_id: id, ...kind })));
      return { id, keys };
    }

    test('stop all their keys at once, in memory or not, and nobody else (J7)', async () => {
      const { id, keys } = await withKeys();
      const bystander = await makeKey(server, {});
      for (const { key } of keys.slice(1)) expect(await answerTo(server, key)).toEqual(WORKS);
      expect((await patch(id, { state: 'suspended' })).json.state).toBe('suspended');
      for (const { key } of keys) {
        expect(await answerTo(server, key)).toEqual(UNKNOWN);
        expect((await server.call('/v2/projects', { key })).json.error.reason).toBe('invalid_token');
        expect((await server.call('/v1/gate', { key })).status).toBe(401);
      }
      const message = (await server.call('/v1/auth/verify', { key: keys[0]?.key ?? '' })).json.message;
      expect(message).toBe('The workspace of this API key is suspended.');
      for (const key of [bystander.key, server.key]) expect(await answerTo(server, key)).toEqual(WORKS);
      const events = await eventsAbout(server, id);
      expect(events.at(-1)?.action).toBe('workspace.suspended');
    });

    test('work again when they are made active, but for what ended meanwhile', async () => {
      const { id, keys } = await withKeys();
      const [a, b] = keys as [MadeKey, MadeKey];
      await patch(id, { state: 'suspended' });
      const json = { workspace_id: id };
      expect((await server.call(`/v1/api-keys/${b.id}/revoke`, { key: server.rootKey, json })).status).toBe(200);
      expect(await answerTo(server, b.key)).toEqual(REVOKED);
      const late = await makeKey(server, { workspace_id: id });
      expect(await answerTo(server, late.key)).toEqual(UNKNOWN);
      await patch(id, { name: 'Still suspended' });
      expect(await answerTo(server, a.key)).toEqual(UNKNOWN);
      expect((await patch(id, { state: 'active' })).json.state).toBe('active');
      for (const key of [a.key, late.key]) expect(await answerTo(server, key)).toEqual(WORKS);
      expect(await answerTo(server, b.key)).toEqual(REVOKED);
    });

    test('leave no moment in which a key still works', async () => {
      const { id, keys } = await withKeys();
      let isDone = false;
      const knocking = keys.map(async ({ key }) => {
        while (!isDone) await answerTo(server, key);
        return answerTo(server, key);
      });
      await patch(id, { state: 'suspended' });
      isDone = true;
      expect(await Promise.all(knocking)).toEqual(keys.map(() => UNKNOWN));
    });
  });

  test('hand their plan and limits to the keys that have none, at once', async () => {
    const { id } = await make();
    const { key } = await makeKey(server, { workspace_id: id });
    const own = await makeKey(server, { workspace_id: id, limits: { per_hour: 2 } });
    const limitOf = async (text: string) =>
      (await server.call('/v1/auth/verify', { key: text })).headers.get('x-ratelimit-limit');
    expect(await limitOf(key)).toBeNull();
    await patch(id, { plan: 'gold' });
    expect([await limitOf(key), await limitOf(own.key)]).toEqual(['7', '2']);
    await patch(id, { limits: { per_hour: 5 } });
    expect([await limitOf(key), await limitOf(own.key)]).toEqual(['5', '2']);
    const wider = await server.call('/v1/plans/gold', {
      method: 'PATCH',
      key: server.rootKey,
      json: { api_key: { per_hour: 9 } },
    });
    expect(wider.status).toBe(200);
    await patch(id, { limits: null });
    expect(await limitOf(key)).toBe('9');
  });
});
