import { makeId } from '@latchkey/protocol';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
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
  WORKS,
} from './installation.ts';

const HOUR_MS = 3_600_000;

describe.each(DATABASES)('rotating a key on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(1));

  const rotate = (id: string, body: object = {}, key = server.rootKey) => {
    const place = key === server.rootKey ? { workspace_id: server.workspaceId } : {};
    return server.call(`/v1/api-keys/${id}/rotate`, { key, json: { ...place, ...body } });
  };

  async function rotated(id: string, body: object = {}, key = server.rootKey): Promise<MadeKey> {
    const reply = await rotate(id, body, key);
    expect(reply.status, reply.text).toBe(201);
    return reply.json;
  }

  const conflict = async (id: string) => {
    const { status, json } = await rotate(id);
    return [status, json.error];
  };

  test('gives a successor with everything that the old one had, and a text of its own', async () => {
    await makePlan(server, 'wide', { per_hour: 500 });
    const owner = (await server.call('/v1/auth/verify')).json.user_id;
    const { key: oldText, ...old } = await makeKey(server, {
      name: 'Billing',
      type: 'restricted',
      environment: 'live',
      scopes: ['read:orders', 'read'],
      expires_in: '90d',
      rotate_after: '30d',
      owner,
      ip_allowlist: ['127.0.0.0/8', '2001:db8::/32'],
      plan: 'wide',
      limits: { per_hour: 300, per_second: 7 },
      quota: { limit: 9, period: 'month' },
      external_id: 'billing-1',
      metadata: { team: 'money' },
    });
    clock.advance(5000);
    const { key, ...successor } = await rotated(old.id);
    const endsAt = iso(clock.nowMs() + 24 * HOUR_MS);
    expect(successor).toEqual({
      ...old,
      id: expect.stringMatching(/^key_[0-9A-Za-z]{24}$/),
      hint: `rk_live_…${key.slice(-4)}`,
      created_at: iso(clock.nowMs()),
      previous: { id: old.id, expires_at: endsAt },
    });
    expect(successor.id).not.toBe(old.id);
    expect(key).toMatch(/^rk_live_[0-9A-Za-z]{46}$/);
    expect(await keyAs(server, old.id)).toEqual({ ...old, expires_at: endsAt, successor_id: successor.id });
    expect(await keyAs(server, successor.id)).toEqual(successor);
    for (const [text, id] of [
      [oldText, old.id],
      [key, successor.id],
    ] as const) {
      const { json } = await server.call('/v1/auth/verify', { key: text });
      expect(json).toMatchObject({ credential_id: id, scopes: old.scopes, user_id: owner, environment: 'live' });
    }
  });

  test('keeps who made the first, whoever rotates', async () => {
    const maker = await makeKey(server, { scopes: ['read', 'api_keys:write'] });
    const made = await makeKey(server, { scopes: ['read'] }, maker.key);
    expect((await rotated(made.id)).created_by).toBe(maker.id);
    expect((await rotated(maker.id, {}, maker.key)).created_by).toBe('root');
  });

  test('lets both work for a day, and then the new one alone', async () => {
    const old = await makeKey(server, { scopes: ['read'] });
    const successor = await rotated(old.id);
    const rotatedAtMs = clock.nowMs();
    for (const key of [old.key, successor.key]) expect(await answerTo(server, key)).toEqual(WORKS);
    clock.set(rotatedAtMs + 24 * HOUR_MS - 1);
    for (const key of [old.key, successor.key]) expect(await answerTo(server, key)).toEqual(WORKS);
    clock.set(rotatedAtMs + 24 * HOUR_MS);
    expect(await answerTo(server, old.key)).toEqual(EXPIRED);
    expect(await answerTo(server, successor.key)).toEqual(WORKS);
    expect((await keyAs(server, old.id)).state).toBe('expired');
  });

  test('lets the old one live as long as was said, and never beyond its own end', async () => {
    const [short, long] = [await makeKey(server, { expires_in: '1h' }), await makeKey(server, { expires_in: '1h' })];
    const madeAtMs = clock.nowMs();
    const next = [await rotated(short.id, { overlap: '10m' }), await rotated(long.id, { overlap: '30d' })];
    expect(next.map(({ previous }) => previous.expires_at)).toEqual([iso(madeAtMs + 600_000), short.expires_at]);
    expect(next.map(({ expires_at }) => expires_at)).toEqual([short.expires_at, long.expires_at]);
    clock.set(madeAtMs + 600_000);
    expect(await answerTo(server, short.key)).toEqual(EXPIRED);
    expect(await answerTo(server, long.key)).toEqual(WORKS);
    clock.set(madeAtMs + HOUR_MS - 1);
    for (const { key } of [long, ...next]) expect(await answerTo(server, key)).toEqual(WORKS);
    clock.set(madeAtMs + HOUR_MS);
    for (const { key } of [long, ...next]) expect(await answerTo(server, key)).toEqual(EXPIRED);
  });

  test.each(['0s', '0d'])('with an overlap of %s ends the old one at once, in memory or not', async (overlap) => {
    for (const isWarm of [true, false]) {
      const old = await makeKey(server, { expires_in: '1h' });
      if (isWarm) expect(await answerTo(server, old.key)).toEqual(WORKS);
      const successor = await rotated(old.id, { overlap });
      expect(await answerTo(server, old.key)).toEqual(REVOKED);
      expect(await answerTo(server, successor.key)).toEqual(WORKS);
      const now = iso(clock.nowMs());
      expect(successor.previous).toEqual({ id: old.id, expires_at: now });
      expect(await keyAs(server, old.id)).toMatchObject({
        state: 'revoked',
        revoked_at: now,
        expires_at: old.expires_at,
      });
    }
  });

  test('the successor again ends the older predecessor at once: two of a chain live, never three', async () => {
    const first = await makeKey(server, {});
    const second = await rotated(first.id);
    expect(await answerTo(server, first.key)).toEqual(WORKS);
    clock.advance(1000);
    const third = await rotated(second.id);
    expect(await answerTo(server, first.key)).toEqual(REVOKED);
    for (const { key } of [second, third]) expect(await answerTo(server, key)).toEqual(WORKS);
    expect(third.previous).toEqual({ id: second.id, expires_at: iso(clock.nowMs() + 24 * HOUR_MS) });
    clock.advance(24 * HOUR_MS);
    const fourth = await rotated(third.id);
    // It had ended by itself, and still says so.
    expect(await answerTo(server, second.key)).toEqual(EXPIRED);
    for (const { key } of [third, fourth]) expect(await answerTo(server, key)).toEqual(WORKS);
  });

  test('is for a living key without a successor', async () => {
    const keys = await Promise.all(['succeeded', 'revoked', 'disabled'].map((name) => makeKey(server, { name })));
    const [succeeded, revoked, disabled] = keys.map(({ id }) => id) as [string, string, string];
    const expired = await makeKey(server, { expires_in: '1s' });
    await rotated(succeeded);
    await server.call(`/v1/api-keys/${revoked}/revoke`, { json: {} });
    await server.call(`/v1/api-keys/${disabled}`, { method: 'PATCH', json: { state: 'disabled' } });
    clock.advance(1000);
    const newest = async () => (await server.call('/v1/api-keys?limit=1')).json.data[0].id;
    const before = await newest();
    for (const id of [succeeded, revoked, disabled, expired.id]) expect(await conflict(id)).toEqual([409, 'conflict']);
    clock.advance(24 * HOUR_MS);
    expect(await conflict(succeeded)).toEqual([409, 'conflict']);
    expect(await newest()).toBe(before);
  });

  test('many times in parallel gives one successor', async () => {
    const old = await makeKey(server, { external_id: `race-${database}` });
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, index) => rotate(old.id, { overlap: `${index}h` })),
    );
    const statuses = replies.map(({ status }) => status).sort();
    expect(statuses).toEqual([201, ...Array.from({ length: 19 }, () => 409)]);
    const won = replies.find(({ status }) => status === 201)?.json;
    expect((await keyAs(server, old.id)).successor_id).toBe(won.id);
    const chain = await server.latchkey.database.read
      .selectFrom('api_keys')
      .select('id')
      .where('bucket', '=', old.id)
      .execute();
    expect(chain.map(({ id }) => id).sort()).toEqual([old.id, won.id].sort());
  });

  test('leaves one count for both: limit and quota', async () => {
    const old = await makeKey(server, { limits: { per_hour: 5 }, quota: { limit: 9, period: 'total' } });
    for (let call = 0; call < 2; call += 1) expect(await answerTo(server, old.key)).toEqual(WORKS);
    const successor = await rotated(old.id);
    const { headers } = await server.call('/v1/auth/verify', { key: successor.key });
    expect(headers.get('x-ratelimit-remaining')).toBe('2');
    expect(await answerTo(server, old.key)).toEqual(WORKS);
    expect(await answerTo(server, successor.key)).toEqual(WORKS);
    for (const { key } of [old, successor]) expect(await answerTo(server, key)).toEqual([429, 'rate_limit_exceeded']);
    clock.advance(HOUR_MS);
    const last = await rotated(successor.id, { overlap: '1h' });
    for (const { key } of [successor, last, successor, last]) expect(await answerTo(server, key)).toEqual(WORKS);
    for (const { key } of [successor, last]) expect(await answerTo(server, key)).toEqual([429, 'quota_exceeded']);
  });

  test('sent again under one Idempotency-Key is one rotation', async () => {
    const old = await makeKey(server, { scopes: ['read'] });
    const send = () =>
      server.call(`/v1/api-keys/${old.id}/rotate`, { json: {}, headers: { 'idempotency-key': `turn-${old.id}` } });
    const [first, second] = [await send(), await send()];
    expect([first.status, second.status, second.headers.get('idempotency-replayed')]).toEqual([201, 201, 'true']);
    expect(second.json).toEqual(first.json);
  });

  test.each([
    ['overlap', { overlap: '24' }],
    ['overlap', { overlap: '-1h' }],
    ['overlap', { overlap: '1.5h' }],
    ['overlap', { overlap: 3600 }],
    ['overlap', { overlap: null }],
    ['overlap', { overlap: '99999999999d' }],
    ['expires_at', { expires_at: '2031-01-01T00:00:00Z' }],
    ['scopes', { scopes: ['admin'] }],
    ['name', { name: 'other' }],
  ])('refuses %s in %j', async (path, body) => {
    const { id } = await makeKey(server, {});
    const refused = await rotate(id, body);
    expect([refused.status, refused.json.error]).toEqual([422, 'validation_failed']);
    expect(refused.json.fields[0].path).toBe(path);
    expect(await keyAs(server, id)).not.toHaveProperty('successor_id');
  });

  test('the longest overlap still has an end that can be told', async () => {
    const { id } = await makeKey(server, {});
    expect((await rotated(id, { overlap: '36525d' })).previous.expires_at).toMatch(/^2\d{3}-/);
  });

  test('is written down under the old key, with its successor', async () => {
    const old = await makeKey(server, {});
    const successor = await rotated(old.id, { overlap: '1h' });
    const events = await eventsAbout(server, old.id);
    expect(events.map(({ action }) => action)).toEqual(['api_key.created', 'api_key.rotated']);
    const data = JSON.parse(events[1]?.data ?? '');
    expect(data).toEqual({
      successor_id: successor.id,
      predecessor_ends_at: clock.nowMs() + HOUR_MS,
      hint: successor.hint,
    });
  });

  describe('by another key', () => {
    const refusedAndUnchanged = async (target: MadeKey, by: MadeKey, statuses = [403]) => {
      const refused = await rotate(target.id, {}, by.key);
      expect(statuses, refused.text).toContain(refused.status);
      expect(refused.text).not.toContain('sk_');
      expect(await keyAs(server, target.id)).not.toHaveProperty('successor_id');
      expect(await answerTo(server, target.key)).toEqual(WORKS);
    };

    test('needs api_keys:write', async () => {
      const target = await makeKey(server, {});
      for (const scopes of [[], ['api_keys:read'], ['read', 'write', 'delete'], ['api_keys:verify']]) {
        await refusedAndUnchanged(target, await makeKey(server, { scopes }));
      }
    });

    test('that may do less is refused: its holder would get the wider text (J12)', async () => {
      await makePlan(server, 'narrow', { per_hour: 10, per_second: 5 });
      const scopes = ['read', 'api_keys:write'];
      const rotator = await makeKey(server, { scopes });
      await refusedAndUnchanged(await makeKey(server, { scopes: ['read', 'write'] }), rotator);
      await refusedAndUnchanged(await makeKey(server, { scopes: ['admin'] }), rotator);
      const ending = await makeKey(server, { scopes, expires_in: '1h' });
      await refusedAndUnchanged(await makeKey(server, { scopes: ['read'] }), ending, [403, 422]);
      await refusedAndUnchanged(await makeKey(server, { scopes: ['read'], expires_in: '2h' }), ending, [403, 422]);
      const slow = await makeKey(server, { scopes, plan: 'narrow' });
      await refusedAndUnchanged(await makeKey(server, { scopes: ['read'] }), slow);
      await refusedAndUnchanged(await makeKey(server, { scopes: ['read'], limits: { per_hour: 11 } }), slow);
    });

    test('that may do as much succeeds', async () => {
      const rotator = await makeKey(server, { scopes: ['read', 'api_keys:write'], expires_in: '1h' });
      const target = await makeKey(server, { scopes: ['read:orders'], expires_in: '30m' });
      expect((await rotated(target.id, {}, rotator.key)).expires_at).toBe(target.expires_at);
    });

    test('of another environment or workspace does not find it (J9)', async () => {
      const live = await makeKey(server, { environment: 'live', scopes: ['admin'] });
      const foreign = await makeKey(server, { workspace_id: await makeWorkspace(server), scopes: ['admin'] });
      const target = await makeKey(server, {});
      const missing = makeId('api_key', START_MS, pooledRandom());
      for (const { key } of [live, foreign]) {
        const paths = { foreign: `/v1/api-keys/${target.id}/rotate`, missing: `/v1/api-keys/${missing}/rotate` };
        await expectAsIfMissing(server, { key, json: {} }, paths);
      }
      expect(await keyAs(server, target.id)).not.toHaveProperty('successor_id');
    });

    test('itself is allowed, and widens nothing', async () => {
      const { key, ...old } = await makeKey(server, {
        scopes: ['api_keys:write'],
        expires_in: '1h',
        ip_allowlist: ['127.0.0.1'],
        quota: { limit: 50, period: 'day' },
      });
      const successor = await rotated(old.id, {}, key);
      for (const field of ['scopes', 'expires_at', 'ip_allowlist', 'quota', 'environment']) {
        expect(successor[field]).toEqual(old[field]);
      }
    });

    test('itself is allowed after one of its scopes was removed from the catalogue', async () => {
      const root = { key: server.rootKey };
      const scope = { name: 'reports:read', description: 'See reports.' };
      expect((await server.call('/v1/scopes', { ...root, json: scope })).status).toBe(201);
      const old = await makeKey(server, { scopes: ['api_keys:write', 'reports:read'] });
      expect((await server.call('/v1/scopes/reports:read', { ...root, method: 'DELETE' })).status).toBe(204);
      expect((await rotated(old.id, {}, old.key)).scopes).toEqual(old.scopes);
    });
  });
});

describe('rotating a key that another process is changing', () => {
  let server: TestServer;
  let other: pg.Client;
  let watcher: pg.Client;

  beforeAll(async () => {
    server = await startServer({ database: 'postgres', clock: manualClock(START_MS) });
    const { database } = server.config;
    const connectionString = database.kind === 'postgres' ? database.url : '';
    [other, watcher] = [new pg.Client({ connectionString }), new pg.Client({ connectionString })];
    await Promise.all([other.connect(), watcher.connect()]);
  });
  afterAll(async () => {
    await Promise.all([other?.end(), watcher?.end()]);
    await stopServers();
  });

  /** Runs the call while a transaction of another process has changed the key and not committed yet. */
  async function whileChanging<T>(sql: string, id: string, call: () => Promise<T>): Promise<T> {
    await other.query('begin');
    await other.query(`update api_keys set ${sql} where id = $1`, [id]);
    const reply = call();
    await vi.waitFor(async () => {
      const waiting = "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
      expect((await watcher.query(waiting)).rowCount).toBe(1);
    });
    await other.query('commit');
    return reply;
  }

  test('hands on what that change has left, not what was before it', async () => {
    const { id } = await makeKey(server, { scopes: ['read', 'write'] });
    const rotate = () => server.call(`/v1/api-keys/${id}/rotate`, { json: {} });
    const { status, json } = await whileChanging(`scopes = '["read"]'`, id, rotate);
    expect([status, json.scopes]).toEqual([201, ['read']]);
  });

  test('a predecessor cannot be given a longer life by a patch that began before it was one', async () => {
    const { id } = await makeKey(server, {});
    const endsAtMs = START_MS + HOUR_MS;
    const patch = () => server.call(`/v1/api-keys/${id}`, { method: 'PATCH', json: { expires_at: null } });
    const { status } = await whileChanging(`successor_id = 'key_x', expires_at = ${endsAtMs}`, id, patch);
    expect(status).toBe(409);
    expect((await keyAs(server, id)).expires_at).toBe(iso(endsAtMs));
  });

  test('nor can a scope come back that was just taken away', async () => {
    const target = await makeKey(server, { scopes: ['read', 'orders:write'] });
    const editor = await makeKey(server, { scopes: ['read', 'api_keys:write'] });
    const json = { scopes: ['orders:write'] };
    const patch = () => server.call(`/v1/api-keys/${target.id}`, { key: editor.key, method: 'PATCH', json });
    const { status } = await whileChanging(`scopes = '["read"]'`, target.id, patch);
    expect(status).toBe(403);
    expect((await keyAs(server, target.id)).scopes).toEqual(['read']);
  });
});
