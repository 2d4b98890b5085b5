import { makeId } from '@latchkey/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import {
  answerTo,
  EXPIRED,
  eventsAbout,
  expectAsIfMissing,
  iso,
  keyAs,
  type MadeKey,
  makeKey,
  makePlan,
  makeWorkspace,
  REVOKED,
  START_MS,
  UNKNOWN,
  WORKS,
} from './installation.ts';

const HOUR_MS = 3_600_000;

describe.each(DATABASES)('changing a key on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ database, clock });
    await makePlan(server, 'wide', { per_hour: 1000, per_second: 60 });
    await makePlan(server, 'narrow', { per_hour: 100, per_second: 50 });
    await makePlan(server, 'private', { per_hour: 50 }, { offered: false });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(1));

  const patch = (id: string, json: object, key = server.rootKey) => {
    const place = key === server.rootKey ? { workspace_id: server.workspaceId } : {};
    return server.call(`/v1/api-keys/${id}`, { method: 'PATCH', key, json: { ...place, ...json } });
  };

  /** The status of a patch, which changed nothing unless it is 200. */
  async function statusOf(id: string, json: object, key?: string): Promise<number> {
    const before = await keyAs(server, id);
    const { status, text } = await patch(id, json, key);
    if (status === 200) return status;
    expect([403, 409, 422], text).toContain(status);
    expect(await keyAs(server, id)).toEqual(before);
    return status;
  }

  const FIELDS: [object, object?][] = [
    [{ name: '  Renamed ' }, { name: 'Renamed' }],
    [{ scopes: ['write:orders', 'read'] }],
    [{ scopes: [] }],
    [{ expires_at: '2031-02-01T01:00:00+01:00' }, { expires_at: '2031-02-01T00:00:00.000Z' }],
    [{ rotate_after: '90d' }],
    [{ owner: 'billing team' }],
    [{ ip_allowlist: ['10.0.0.7', '2001:DB8::/32'] }, { ip_allowlist: ['10.0.0.7/32', '2001:db8::/32'] }],
    [{ plan: 'narrow' }],
    [{ plan: 'private' }],
    [{ limits: { per_hour: 5 } }, { limits: { per_hour: 5, per_second: null } }],
    [{ quota: { limit: 7, period: 'day' } }],
    [{ metadata: { a: 'b' } }],
    [{ metadata: {} }],
    [{ state: 'disabled' }],
  ];

  test.each(FIELDS)('sets %j, and nothing else', async (fields, shown = fields) => {
    const { key: _, ...before } = await makeKey(server, { name: 'before', metadata: { old: 'x' } });
    const changed = await patch(before.id, fields);
    expect([changed.status, changed.json]).toEqual([200, { ...before, ...shown }]);
    expect(await keyAs(server, before.id)).toEqual(changed.json);
  });

  test('takes a lifetime counted from now', async () => {
    const { id } = await makeKey(server, { expires_in: '1d' });
    clock.advance(HOUR_MS);
    expect((await patch(id, { expires_in: '2h' })).json.expires_at).toBe(iso(clock.nowMs() + 2 * HOUR_MS));
  });

  test('unsets with null what may be unset', async () => {
    const { key: _, ...made } = await makeKey(server, {
      expires_in: '1d',
      rotate_after: '90d',
      owner: 'me',
      ip_allowlist: ['10.0.0.0/8'],
      plan: 'narrow',
      limits: { per_hour: 3 },
      quota: { limit: 3, period: 'hour' },
      external_id: `gone-${database}`,
      metadata: { a: 'b' },
    });
    const names = ['expires_at', 'rotate_after', 'owner', 'ip_allowlist', 'plan', 'limits', 'quota', 'external_id'];
    const nothing = Object.fromEntries([...names, 'metadata'].map((name) => [name, null]));
    expect((await patch(made.id, nothing)).json).toEqual({ ...made, ...nothing });
    expect((await patch(made.id, { expires_in: null })).json.expires_at).toBeNull();
  });

  test('is the same under /v2 and without a version', async () => {
    for (const base of ['/v2', '']) {
      const { id } = await makeKey(server, {});
      const changed = await server.call(`${base}/api-keys/${id}`, { method: 'PATCH', json: { name: `by ${base}` } });
      expect([changed.status, changed.json.name]).toEqual([200, `by ${base}`.trim()]);
    }
  });

  test.each([
    ['type', { type: 'restricted' }],
    ['environment', { environment: 'live' }],
    ['id', { id: 'key_000000000000000000000000' }],
    ['key', { key: 'sk_test_mine' }],
    ['created_by', { created_by: 'root' }],
    ['all_workspaces', { all_workspaces: true }],
    ['hint', { hint: 'x' }],
    ['revoked_at', { revoked_at: null }],
    ['successor_id', { successor_id: null }],
    ['state', { state: 'revoked' }],
    ['state', { state: null }],
    ['name', { name: ' ' }],
    ['name', { name: null }],
    ['scopes', { scopes: ['nope'] }],
    ['scopes', { scopes: null }],
    ['expires_at', { expires_at: '2029-12-31T00:00:00Z' }],
    ['expires_in', { expires_in: '1d', expires_at: '2031-01-01T00:00:00Z' }],
    ['owner', { owner: `usr_${'0'.repeat(24)}` }],
    ['rotate_after', { rotate_after: '0d' }],
    ['ip_allowlist.0', { ip_allowlist: ['10.0.0'] }],
    ['ip_allowlist', { ip_allowlist: [] }],
    ['plan', { plan: 'nope' }],
    ['limits.per_hour', { limits: { per_hour: 0 } }],
    ['limits.per_day', { limits: { per_day: 5 } }],
    ['quota.period', { quota: { limit: 5, period: 'week' } }],
    ['quota', { quota: { limit: 5 } }],
    ['metadata.a', { metadata: { a: 1 } }],
  ])('refuses %s in %j', async (path, fields) => {
    const { id } = await makeKey(server, {});
    const before = await keyAs(server, id);
    const refused = await patch(id, { name: 'not kept', ...fields });
    expect([refused.status, refused.json.error]).toEqual([422, 'validation_failed']);
    const paths: string[] = refused.json.fields.map((field: { path: string }) => field.path);
    expect(paths.some((each) => each.startsWith(path))).toBe(true);
    expect(await keyAs(server, id)).toEqual(before);
  });

  test('of nothing is allowed, and leaves no trace', async () => {
    const { key: _, ...made } = await makeKey(server, {});
    for (const json of [{}, { workspace_id: server.workspaceId }]) {
      expect((await patch(made.id, json)).json).toEqual(made);
    }
    expect(await eventsAbout(server, made.id)).toHaveLength(1);
  });

  test('a taken external_id is a conflict, and one of a predecessor is free', async () => {
    const [first, second] = [await makeKey(server, { external_id: `one-${database}` }), await makeKey(server, {})];
    const json = { external_id: first.external_id };
    expect(await statusOf(second.id, json)).toBe(409);
    const successor = await server.call(`/v1/api-keys/${first.id}/rotate`, { json: {} });
    expect(await statusOf(second.id, json)).toBe(409);
    expect((await patch(successor.json.id, { external_id: null })).status).toBe(200);
    expect((await patch(second.id, json)).status).toBe(200);
  });

  test('writes down what was changed, by whom, and no values', async () => {
    const editor = await makeKey(server, { scopes: ['api_keys:write'] });
    const { id } = await makeKey(server, {});
    await patch(id, { owner: 'private matter', metadata: { secret: 'thing' } }, editor.key);
    const event = (await eventsAbout(server, id))[1];
    expect(event).toMatchObject({ action: 'api_key.updated', actor_id: editor.id, environment: 'test' });
    expect(JSON.parse(event?.data ?? '').changed.sort()).toEqual(['metadata', 'owner']);
    expect(event?.data).not.toMatch(/matter|thing/);
  });

  test('many at once all land', async () => {
    const { id } = await makeKey(server, {});
    const fields = [{ name: 'all' }, { owner: 'me' }, { metadata: { a: 'b' } }, { rotate_after: '1d' }];
    const statuses = await Promise.all(fields.map(async (field) => (await patch(id, field)).status));
    expect(statuses).toEqual([200, 200, 200, 200]);
    expect(await keyAs(server, id)).toMatchObject(Object.assign({}, ...fields));
  });

  describe('holds for the very next call', () => {
    async function warmKey(fields: object): Promise<MadeKey> {
      const made = await makeKey(server, fields);
      expect(await answerTo(server, made.key)).toEqual(WORKS);
      return made;
    }

    test('scopes and owner', async () => {
      const { id, key } = await warmKey({ scopes: ['read'] });
      expect((await server.call('/v1/projects', { key })).status).toBe(200);
      await patch(id, { scopes: ['read:orders'], owner: 'new' });
      expect((await server.call('/v1/projects', { key })).status).toBe(403);
      expect((await server.call('/v1/orders', { key })).status).toBe(200);
      expect((await server.call('/v1/auth/verify', { key })).json.user_id).toBe('new');
    });

    test('disabled and active again (J5)', async () => {
      const { id, key } = await warmKey({});
      expect((await patch(id, { state: 'disabled' })).json.state).toBe('disabled');
      const refused = await server.call('/v1/auth/verify', { key });
      expect([refused.status, refused.json.error, refused.json.message]).toEqual([
        ...UNKNOWN,
        'The API key is disabled.',
      ]);
      expect((await patch(id, { state: 'active' })).json.state).toBe('active');
      expect(await answerTo(server, key)).toEqual(WORKS);
    });

    test('expiry, sooner and later', async () => {
      const { id, key } = await warmKey({ expires_in: '1d' });
      await patch(id, { expires_in: '1s' });
      clock.advance(1000);
      expect(await answerTo(server, key)).toEqual(EXPIRED);
      await patch(id, { expires_at: null });
      expect(await answerTo(server, key)).toEqual(WORKS);
    });

    test('addresses, limits and quota', async () => {
      const { id, key } = await warmKey({});
      await patch(id, { ip_allowlist: ['10.0.0.0/8'] });
      expect(await answerTo(server, key)).toEqual([403, 'ip_not_allowed']);
      await patch(id, { ip_allowlist: null, limits: { per_hour: 2 } });
      // What was counted stays counted, also while there was no limit.
      expect(await answerTo(server, key)).toEqual(WORKS);
      expect(await answerTo(server, key)).toEqual([429, 'rate_limit_exceeded']);
      await patch(id, { limits: null, plan: 'narrow' });
      const { headers } = await server.call('/v1/auth/verify', { key });
      expect([headers.get('x-ratelimit-limit'), headers.get('x-ratelimit-remaining')]).toEqual(['100', '97']);
      await patch(id, { plan: null, quota: { limit: 1, period: 'total' } });
      expect(await answerTo(server, key)).toEqual(WORKS);
      expect(await answerTo(server, key)).toEqual([429, 'quota_exceeded']);
    });

    test('never leaves a moment in which a disabled key still works', async () => {
      const { id, key } = await warmKey({});
      let isDone = false;
      const knocking = Array.from({ length: 4 }, async () => {
        while (!isDone) await answerTo(server, key);
        return answerTo(server, key);
      });
      await patch(id, { state: 'disabled' });
      isDone = true;
      expect(await Promise.all(knocking)).toEqual(Array.from({ length: 4 }, () => UNKNOWN));
    });
  });

  describe('of an ended key', () => {
    test('is a conflict once it is revoked', async () => {
      const { id, key } = await makeKey(server, { scopes: ['read'] });
      await server.call(`/v1/api-keys/${id}/revoke`, { json: {} });
      for (const json of [{ name: 'x' }, { state: 'active' }, { expires_at: null }, { scopes: [] }, {}]) {
        expect(await statusOf(id, json)).toBe(409);
      }
      expect(await answerTo(server, key)).toEqual(REVOKED);
    });

    test('leaves a predecessor the end of its overlap', async () => {
      const { id, key } = await makeKey(server, {});
      await server.call(`/v1/api-keys/${id}/rotate`, { json: { overlap: '1h' } });
      for (const json of [{ expires_at: null }, { expires_in: '2h' }, { expires_in: '1m' }]) {
        expect(await statusOf(id, json)).toBe(409);
      }
      expect((await patch(id, { name: 'the old one' })).status).toBe(200);
      clock.advance(HOUR_MS);
      expect(await answerTo(server, key)).toEqual(EXPIRED);
    });
  });

  describe('by a key, of itself', () => {
    const own = (more: object) => makeKey(server, { scopes: ['read', 'api_keys:write'], ...more });

    test('narrower is allowed in every field', async () => {
      const fields: [object, object][] = [
        [{}, { scopes: ['read:orders', 'api_keys:write'] }],
        [{}, { scopes: [] }],
        [{}, { expires_in: '1d' }],
        [{ expires_in: '1d' }, { expires_in: '1h' }],
        [{}, { plan: 'wide' }],
        [{ plan: 'wide' }, { plan: 'narrow' }],
        [{ limits: { per_hour: 500 } }, { plan: 'narrow' }],
        [{}, { ip_allowlist: ['127.0.0.0/8'] }],
        [{ ip_allowlist: ['127.0.0.0/8', '10.0.0.0/8'] }, { ip_allowlist: ['127.0.0.1', '10.3.0.0/16', '10.9.9.9'] }],
        [{ ip_allowlist: ['127.0.0.1', '::/0'] }, { ip_allowlist: ['2001:db8::/64', '127.0.0.1'] }],
        [{ quota: { limit: 90, period: 'day' } }, { quota: { limit: 90, period: 'day' } }],
        [{}, { state: 'disabled' }],
        [{ expires_in: '1d' }, { name: 'y', metadata: null, rotate_after: '1d' }],
      ];
      for (const [made, change] of fields) {
        const { id, key } = await own(made);
        const label = JSON.stringify(change);
        expect([label, (await patch(id, change, key)).status]).toEqual([label, 200]);
      }
    });

    test('wider is refused in every field (J12, N3)', async () => {
      const fields: [object, object, number][] = [
        [{}, { scopes: ['read', 'write', 'api_keys:write'] }, 403],
        [{}, { scopes: ['admin'] }, 403],
        [{ scopes: ['read:own', 'api_keys:write'] }, { scopes: ['read', 'api_keys:write'] }, 403],
        [{ expires_in: '1d' }, { expires_at: null }, 422],
        [{ expires_in: '1d' }, { expires_in: null }, 422],
        [{ expires_in: '1d' }, { expires_in: '25h' }, 422],
        [{ plan: 'narrow' }, { plan: 'wide' }, 403],
        [{ plan: 'narrow' }, { plan: null }, 403],
        [{}, { plan: 'private' }, 403],
        [{ limits: { per_hour: 10 } }, { limits: null }, 403],
        [{ limits: { per_hour: 10 } }, { limits: { per_hour: 5 } }, 403],
        [{}, { limits: { per_hour: 5 } }, 403],
        [{ quota: { limit: 90, period: 'day' } }, { quota: null }, 403],
        [{ quota: { limit: 90, period: 'day' } }, { quota: { limit: 91, period: 'day' } }, 403],
        [{ quota: { limit: 90, period: 'day' } }, { quota: { limit: 90, period: 'hour' } }, 403],
        [{ ip_allowlist: ['127.0.0.0/8'] }, { ip_allowlist: null }, 403],
        [{ ip_allowlist: ['127.0.0.0/8'] }, { ip_allowlist: ['127.0.0.0/7'] }, 403],
        [{ ip_allowlist: ['127.0.0.0/8'] }, { ip_allowlist: ['127.0.0.1', '10.0.0.1'] }, 403],
        [{ ip_allowlist: ['127.0.0.0/8'] }, { ip_allowlist: ['127.0.0.1', '::/0'] }, 403],
        [{ ip_allowlist: ['127.0.0.0/8'] }, { ip_allowlist: ['::ffff:0:0/96'] }, 403],
        [{ ip_allowlist: ['127.0.0.0/8'] }, { ip_allowlist: ['127.0.0.1', '::/80'] }, 403],
      ];
      for (const [made, change, status] of fields) {
        const { id, key } = await own(made);
        const label = JSON.stringify([made, change]);
        expect([label, await statusOf(id, { name: 'not kept', ...change }, key)]).toEqual([label, status]);
      }
    });

    test('a plan that does not bind, behind limits of its own, changes nothing', async () => {
      const { id, key } = await own({ plan: 'wide', limits: { per_hour: 10 } });
      expect(await statusOf(id, { plan: 'narrow' }, key)).toBe(200);
      expect((await server.call('/v1/auth/verify', { key })).headers.get('x-ratelimit-limit')).toBe('10');
    });

    test('nor does one half of a rotation widen the other', async () => {
      const limits = { ip_allowlist: ['127.0.0.0/8'], quota: { limit: 90, period: 'day' } };
      const old = await own(limits);
      const successor = (await server.call(`/v1/api-keys/${old.id}/rotate`, { key: old.key, json: {} })).json;
      for (const [by, of] of [
        [old, successor],
        [successor, old],
      ] as const) {
        for (const change of [{ ip_allowlist: null }, { ip_allowlist: ['0.0.0.0/0'] }, { quota: null }]) {
          expect(await statusOf(of.id, change, by.key)).toBe(403);
        }
        expect(await statusOf(of.id, { ip_allowlist: ['127.0.0.1'] }, by.key)).toBe(200);
      }
    });
  });

  describe('by a key, of another', () => {
    test('never gives what the caller lacks, and may leave what was there', async () => {
      const editor = await makeKey(server, {
        scopes: ['read', 'api_keys:write'],
        expires_in: '2h',
        plan: 'narrow',
      });
      const fields: [object, object, number][] = [
        [{ scopes: ['write', 'read'] }, { scopes: ['write'] }, 200],
        [{ scopes: ['write'] }, { scopes: ['write:orders', 'read:own'] }, 200],
        [{ scopes: ['write:orders'] }, { scopes: ['write'] }, 403],
        [{ scopes: ['write'] }, { scopes: ['write', 'delete'] }, 403],
        [{ scopes: ['read'] }, { scopes: ['api_keys:read'] }, 403],
        [{ scopes: [] }, { scopes: ['admin'] }, 403],
        [{}, { expires_in: '3h' }, 200],
        [{ expires_in: '3h' }, { expires_in: '150m' }, 200],
        [{ expires_in: '3h' }, { expires_in: '4h' }, 422],
        [{ expires_in: '3h' }, { expires_at: null }, 422],
        [{ expires_in: '1h' }, { expires_in: '90m' }, 200],
        [{ expires_in: '1h' }, { expires_in: '3h' }, 422],
        [{ plan: 'wide' }, { plan: 'narrow' }, 200],
        [{ plan: 'narrow' }, { plan: 'wide' }, 403],
        [{ plan: 'narrow' }, { plan: null }, 403],
        [{ plan: 'private' }, { plan: 'narrow' }, 200],
        [{}, { plan: 'wide' }, 200],
        [{ limits: { per_hour: 5 } }, { limits: null }, 403],
        [{ scopes: ['admin'], plan: 'wide' }, { name: 'z', owner: 'y', metadata: { a: 'b' } }, 200],
        [{ scopes: ['admin'] }, { state: 'disabled' }, 200],
        // Giving back what somebody took is a grant: the caller must hold all that the key does.
        [{ ip_allowlist: ['10.0.0.0/8'], expires_in: '1h', plan: 'narrow' }, { ip_allowlist: ['10.0.0.0/7'] }, 200],
        [{ ip_allowlist: ['10.0.0.0/8'], scopes: ['admin'], expires_in: '1h' }, { ip_allowlist: null }, 403],
      ];
      for (const [made, change, status] of fields) {
        const { id } = await makeKey(server, made);
        const label = JSON.stringify([made, change]);
        expect([label, await statusOf(id, change, editor.key)]).toEqual([label, status]);
      }
    });

    test('needs api_keys:write', async () => {
      const { id } = await makeKey(server, {});
      for (const scopes of [[], ['api_keys:read'], ['read', 'write', 'delete'], ['webhooks:write']]) {
        const { key } = await makeKey(server, { scopes });
        expect(await statusOf(id, { name: 'not mine' }, key)).toBe(403);
      }
    });

    test('of another environment or workspace does not find it (J9)', async () => {
      const { id } = await makeKey(server, {});
      const missing = makeId('api_key', START_MS, pooledRandom());
      for (const place of [{ environment: 'live' }, { workspace_id: await makeWorkspace(server) }]) {
        const { key } = await makeKey(server, { scopes: ['admin'], ...place });
        const paths = { foreign: `/v1/api-keys/${id}`, missing: `/v1/api-keys/${missing}` };
        for (const json of [{ name: 'mine' }, { state: 'disabled' }, {}]) {
          await expectAsIfMissing(server, { key, method: 'PATCH', json }, paths);
        }
      }
      expect((await keyAs(server, id)).name).toBe('made');
    });
  });

  test('a restricted key never comes to manage anything, not even by root', async () => {
    const { id } = await makeKey(server, { type: 'restricted', scopes: ['read'] });
    for (const scopes of [['admin'], ['read', 'api_keys:write'], ['webhooks:write']]) {
      expect(await statusOf(id, { scopes })).toBe(422);
    }
    expect(await statusOf(id, { scopes: ['read', 'write', 'api_keys:read'] })).toBe(200);
  });

  test('a key is renamed by who does not hold its scopes, also when one of them is gone', async () => {
    const scope = { name: 'reports:write', description: 'Write reports.' };
    const root = { key: server.rootKey };
    expect((await server.call('/v1/scopes', { ...root, json: scope })).status).toBe(201);
    const { id } = await makeKey(server, { scopes: ['reports:write', 'read'] });
    const editor = await makeKey(server, { scopes: ['api_keys:write'] });
    expect((await server.call('/v1/scopes/reports:write', { ...root, method: 'DELETE' })).status).toBe(204);
    expect((await patch(id, { name: 'Reporter' }, editor.key)).json).toMatchObject({ name: 'Reporter' });
    expect(await statusOf(id, { scopes: ['reports:write', 'read'] }, editor.key)).toBe(422);
  });
});
