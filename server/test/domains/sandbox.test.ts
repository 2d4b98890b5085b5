import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { makeKey, makeWorkspace, START_MS } from './installation.ts';

const MISSING = { projects: `prj_${'0'.repeat(24)}`, orders: `ord_${'0'.repeat(24)}` };

describe.each(DATABASES)('the sandbox on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(1));

  /** A workspace of its own with a key that may do everything in it. */
  async function freshKey(environment = 'test'): Promise<string> {
    const workspace_id = await makeWorkspace(server, 'Sandbox');
    return (await makeKey(server, { workspace_id, environment, scopes: ['read', 'write', 'delete'] })).key;
  }

  test('has something to see on the first call, in test and in live', async () => {
    const live = await makeKey(server, { environment: 'live', scopes: ['read'] });
    const ids: string[] = [];
    for (const key of [server.key, live.key]) {
      const projects = (await server.call('/v1/projects', { key })).json;
      expect(projects).toEqual({
        data: [{ id: expect.stringMatching(/^prj_[0-9A-Za-z]{24}$/), name: 'Example project' }],
      });
      const orders = (await server.call('/v2/orders', { key })).json.data;
      expect(orders).toEqual([
        { id: expect.stringMatching(/^ord_[0-9A-Za-z]{24}$/), item: 'Example order', quantity: 1, status: 'open' },
      ]);
      ids.push(projects.data[0].id, orders[0].id);
      const counts = ['projects', 'orders'].map((type) => ({ type, count: 1 }));
      for (const version of ['v1', 'v2']) {
        expect((await server.call(`/${version}/data`, { key })).json).toEqual({ data: counts });
      }
    }
    expect(new Set(ids).size).toBe(4);
  });

  describe.each([
    {
      type: 'projects',
      given: { name: 'Bridge' },
      whole: { name: 'Bridge' },
      change: { name: 'Tunnel' },
      invalid: [{}, { name: '' }, { name: ' \t' }, { name: null }, { name: 5 }, { name: 'n'.repeat(201) }],
    },
    {
      type: 'orders',
      given: { item: 'Bolt' },
      whole: { item: 'Bolt', quantity: 1, status: 'open' },
      change: { quantity: 7, status: 'shipped' },
      invalid: [
        {},
        { item: '' },
        { item: 'x', quantity: 0 },
        { item: 'x', quantity: 1.5 },
        { item: 'x', quantity: '2' },
        { item: 'x', quantity: 1_000_001 },
        { item: 'x', quantity: null },
        { item: 'x', status: 'lost' },
      ],
    },
  ] as const)('$type', ({ type, given, whole, change, invalid }) => {
    const missing = MISSING[type];

    test.each(['/v1', '/v2'])('are added, shown, changed and removed under %s', async (base) => {
      const key = await freshKey();
      const made = await server.call(`${base}/${type}`, { key, json: given });
      expect([made.status, made.json]).toEqual([201, { id: expect.any(String), ...whole }]);
      const { id } = made.json;
      const at = `${base}/${type}/${id}`;
      expect((await server.call(at, { key })).json).toEqual({ id, ...whole });
      const changed = await server.call(at, { key, method: 'PATCH', json: change });
      expect([changed.status, changed.json]).toEqual([200, { id, ...whole, ...change }]);
      expect((await server.call(at, { key, method: 'PATCH', json: {} })).json).toEqual(changed.json);
      expect((await server.call(at, { key })).json).toEqual(changed.json);
      expect((await server.call(`${base}/${type}`, { key })).json).toEqual({ data: [changed.json] });
      const removed = await server.call(at, { key, method: 'DELETE' });
      expect([removed.status, removed.text]).toEqual([204, '']);
      for (const call of [{}, { method: 'PATCH', json: change }, { method: 'DELETE' }]) {
        expect((await server.call(at, { key, ...call })).status).toBe(404);
      }
      expect((await server.call(`${base}/${type}`, { key })).json).toEqual({ data: [] });
    });

    test('refuse what does not fit, and keep nothing of it', async () => {
      const key = await freshKey();
      const { json: row } = await server.call(`/v1/${type}`, { key, json: given });
      for (const fields of [
        ...invalid,
        { ...given, extra: 1 },
        { ...given, id: row.id },
        { ...given, owner: 'me' },
        [],
      ]) {
        const refused = await server.call(`/v1/${type}`, { key, json: fields });
        expect([JSON.stringify(fields), refused.status]).toEqual([JSON.stringify(fields), 422]);
      }
      for (const fields of [{ extra: 1 }, { id: missing }, { workspace_id: 'ws_' }, { environment: 'live' }, []]) {
        const refused = await server.call(`/v1/${type}/${row.id}`, { key, method: 'PATCH', json: fields });
        expect([refused.status, refused.json.error]).toEqual([422, 'validation_failed']);
      }
      expect((await server.call(`/v1/${type}`, { key })).json).toEqual({ data: [row] });
    });

    test('are listed from the oldest, page by page', async () => {
      const key = await freshKey();
      const ids: string[] = [];
      for (let count = 0; count < 5; count += 1) {
        ids.push((await server.call(`/v1/${type}`, { key, json: given })).json.id);
        clock.advance(1);
      }
      const seen: string[][] = [];
      let cursor: string | undefined;
      do {
        const { json } = await server.call(`/v1/${type}?limit=2${cursor ? `&cursor=${cursor}` : ''}`, { key });
        seen.push(json.data.map(({ id }: { id: string }) => id));
        cursor = json.next_cursor;
      } while (cursor !== undefined);
      expect(seen).toEqual([ids.slice(0, 2), ids.slice(2, 4), ids.slice(4)]);
      for (const query of ['limit=0', 'limit=101', 'limit=x', 'limit=1e309', 'cursor=%00', 'sort=id']) {
        expect((await server.call(`/v1/${type}?${query}`, { key })).status, query).toBe(422);
      }
      for (const bad of [
        '',
        'abc',
        'A'.repeat(5000),
        Buffer.from(`${'0'.repeat(22)}${ids[0]}`).toString('base64url'),
      ]) {
        expect((await server.call(`/v1/${type}?cursor=${bad}`, { key })).status).toBe(400);
      }
    });

    test('keep test and live apart', async () => {
      const workspace_id = await makeWorkspace(server, 'Apart');
      const scopes = ['read', 'write', 'delete'];
      const [mine, theirs] = [
        await makeKey(server, { workspace_id, scopes, environment: 'test' }),
        await makeKey(server, { workspace_id, scopes, environment: 'live' }),
      ];
      const { json: row } = await server.call(`/v1/${type}`, { key: mine.key, json: given });
      const at = `/v1/${type}/${row.id}`;
      for (const call of [{}, { method: 'PATCH', json: change }, { method: 'DELETE' }]) {
        expect((await server.call(at, { key: theirs.key, ...call })).status).toBe(404);
      }
      expect((await server.call(`/v1/${type}`, { key: theirs.key })).json.data).toEqual([]);
      expect((await server.call(at, { key: mine.key })).json).toEqual(row);
      const count = async (key: string) => {
        const { json } = await server.call('/v1/data', { key });
        return json.data.find((entry: { type: string }) => entry.type === type).count;
      };
      expect([await count(mine.key), await count(theirs.key)]).toEqual([1, 0]);
    });

    test('are not found by what is no id, or the id of another type', async () => {
      const key = await freshKey();
      const other = type === 'projects' ? 'orders' : 'projects';
      const json = other === 'orders' ? { item: 'x' } : { name: 'x' };
      const { id } = (await server.call(`/v1/${other}`, { key, json })).json;
      for (const wrong of [missing, id, `${missing}0`, 'x', '%00', "'%20OR%201=1", '..%2f', 'constructor']) {
        for (const call of [{}, { method: 'PATCH', json: change }, { method: 'DELETE' }]) {
          expect((await server.call(`/v1/${type}/${wrong}`, { key, ...call })).status, wrong).toBe(404);
        }
      }
      expect((await server.call(`/v1/${other}/${id}`, { key })).status).toBe(200);
    });

    const spellings = (verb: string) => [
      verb,
      `${verb}:all`,
      `${type}:${verb}`,
      `${verb}:${type}`,
      'admin',
      'admin:all',
    ];
    const others = (verb: string) => {
      const other = type === 'projects' ? 'orders' : 'projects';
      return [...['read', 'write', 'delete'].filter((each) => each !== verb), `${other}:${verb}`, `${verb}:${other}`];
    };

    test.each(['read', 'write', 'delete'])('ask for the scope to %s, in any of its spellings', async (verb) => {
      const calls = {
        read: [[`/v1/${type}`, {}, 200] as const, [`/v2/${type}/${missing}`, {}, 404] as const],
        write: [
          [`/v2/${type}`, { json: given }, 201] as const,
          [`/v1/${type}/${missing}`, { method: 'PATCH', json: change }, 404] as const,
        ],
        delete: [[`/v1/${type}/${missing}`, { method: 'DELETE' }, 404] as const],
      }[verb];
      const keysOf = (names: string[]) => Promise.all(names.map((scope) => makeKey(server, { scopes: [scope] })));
      for (const [path, options, status] of calls ?? []) {
        for (const { key, scopes } of await keysOf(spellings(verb))) {
          expect([scopes, (await server.call(path, { ...options, key })).status]).toEqual([scopes, status]);
        }
        for (const { key, scopes } of await keysOf(others(verb))) {
          const refused = await server.call(path, { ...options, key });
          expect([scopes, refused.status]).toEqual([scopes, 403]);
          expect(refused.text).toContain(`${type}:${verb}`);
        }
      }
    });

    test('lose no change of several that come at once', async () => {
      const key = await freshKey();
      const fields: Record<string, unknown>[] =
        type === 'orders' ? [{ item: 'Nut' }, { quantity: 99 }, { status: 'cancelled' }] : [{ name: 'Dam' }, {}, {}];
      for (let round = 0; round < 5; round += 1) {
        const { id } = (await server.call(`/v1/${type}`, { key, json: given })).json;
        const at = `/v1/${type}/${id}`;
        await Promise.all(fields.map((json) => server.call(at, { key, method: 'PATCH', json })));
        expect((await server.call(at, { key })).json).toEqual({ id, ...Object.assign({}, whole, ...fields) });
      }
    });

    test('are removed once, however many ask at once', async () => {
      const key = await freshKey();
      const { id } = (await server.call(`/v1/${type}`, { key, json: given })).json;
      const calls = Array.from({ length: 8 }, () => server.call(`/v1/${type}/${id}`, { key, method: 'DELETE' }));
      const statuses = (await Promise.all(calls)).map(({ status }) => status);
      expect(statuses.toSorted()).toEqual([204, ...Array.from({ length: 7 }, () => 404)]);
    });
  });

  test('data asks for data:read', async () => {
    for (const scope of ['read', 'data:read', 'read:data', 'admin']) {
      const { key } = await makeKey(server, { scopes: [scope] });
      expect((await server.call('/v1/data', { key })).status, scope).toBe(200);
    }
    for (const scope of ['write', 'projects:read', 'data:write', 'delete:data', 'api_keys:read']) {
      const { key } = await makeKey(server, { scopes: [scope] });
      const refused = await server.call('/v1/data', { key });
      expect([scope, refused.status]).toEqual([scope, 403]);
      expect(refused.json.message).toContain('data:read');
    }
  });
});

test('the sandbox is off when it is switched off', async () => {
  onTestFinished(stopServers);
  const server = await startServer({ env: { LATCHKEY_SANDBOX: 'off' } });
  for (const path of ['/v1/projects', '/v2/orders', '/v1/data']) {
    expect((await server.call(path)).status, path).toBe(404);
  }
  expect((await server.call('/v1/auth/verify')).status).toBe(200);
});
