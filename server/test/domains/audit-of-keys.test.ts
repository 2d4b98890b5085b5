import { SECRET_PATTERN } from '@latchkey/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { eventsAbout, makeKey, START_MS } from './installation.ts';

describe.each(DATABASES)('the audit log of keys on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);

  const countRows = async () => {
    const { read } = server.latchkey.database;
    const counts = (['api_keys', 'audit_events', 'changes'] as const).map(async (table) => {
      const rows = await read
        .selectFrom(table)
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .execute();
      return Number(rows[0]?.count);
    });
    return Promise.all(counts);
  };

  test('says who made and who ended a key, from where, in which request', async () => {
    const maker = await makeKey(server, { scopes: ['admin'] });
    const made = await server.call('/v2/api-keys', {
      key: maker.key,
      json: { name: 'Audited', scopes: ['read', 'orders:write'], expires_in: '1h' },
      headers: { 'x-request-id': 'make-1' },
    });
    const { id, hint, key } = made.json;
    clock.advance(1000);
    await server.call(`/v1/api-keys/${id}/revoke`, {
      key: server.rootKey,
      json: { reason: 'found in a repository' },
      headers: { 'x-request-id': 'end-1' },
    });
    const events = await eventsAbout(server, id);
    const shared = {
      id: expect.stringMatching(/^evt_[0-9A-Za-z]{24}$/),
      workspace_id: server.workspaceId,
      environment: 'test',
      target_id: id,
      address: '127.0.0.1',
    };
    expect(events.map(({ seq: _, batch: __, ...event }) => ({ ...event, data: JSON.parse(event.data) }))).toEqual([
      {
        ...shared,
        action: 'api_key.created',
        actor_kind: 'api_key',
        actor_id: maker.id,
        request_id: 'make-1',
        created_at: START_MS,
        data: {
          name: 'Audited',
          type: 'secret',
          scopes: ['read', 'orders:write'],
          expires_at: START_MS + 3_600_000,
          hint,
        },
      },
      {
        ...shared,
        action: 'api_key.revoked',
        actor_kind: 'root',
        actor_id: 'root',
        request_id: 'end-1',
        created_at: START_MS + 1000,
        data: { reason: 'found in a repository' },
      },
    ]);
    const text = JSON.stringify(events);
    expect(text).not.toMatch(SECRET_PATTERN);
    expect(text).not.toContain(key.slice(8, 48));
    expect(text).not.toMatch(/[0-9a-f]{64}/);
  });

  test('knows the first key as the work of the system', async () => {
    const { credential_id: id } = (await server.call('/v1/auth/verify')).json;
    expect(await eventsAbout(server, id)).toMatchObject([
      { action: 'api_key.created', actor_kind: 'system', actor_id: null, request_id: null, address: null },
    ]);
  });

  test('names a request that brought no id by the one it was given', async () => {
    const made = await server.call('/v1/api-keys', { json: { name: 'x', scopes: [] } });
    const requestId = made.headers.get('x-request-id');
    expect(requestId).toMatch(/^req_/);
    expect(await eventsAbout(server, made.json.id)).toMatchObject([{ request_id: requestId }]);
  });

  test('a refused call leaves no event, no key and no change', async () => {
    await makeKey(server, { external_id: 'taken' });
    const reader = await makeKey(server, { scopes: ['read', 'api_keys:read'] });
    const before = await countRows();
    const refused = [
      { json: { name: 'x', scopes: [], external_id: 'taken' } },
      { json: { name: 'x', scopes: ['nope'] } },
      { json: { name: 'x', scopes: ['admin'] } },
      { json: { name: 'x', scopes: [], environment: 'live' } },
      { key: reader.key, json: { name: 'x', scopes: [] } },
      { key: null, json: { name: 'x', scopes: [] } },
    ];
    for (const call of refused) {
      expect((await server.call('/v1/api-keys', call)).status).toBeGreaterThanOrEqual(400);
    }
    const gone = `/v1/api-keys/key_${'0'.repeat(24)}/revoke`;
    expect((await server.call(gone, { json: {} })).status).toBe(404);
    expect(await countRows()).toEqual(before);
  });

  test('a key and its event are there together, also when many are made at once', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, (_, index) => makeKey(server, { name: `${index}` })));
    for (const { id, name } of made) {
      const events = await eventsAbout(server, id);
      expect(events.map(({ action, data }) => [action, JSON.parse(data).name])).toEqual([['api_key.created', name]]);
    }
  });
});
