import { makeId } from '@latchkey/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { createKeyActivity } from '../../src/insights/index.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { expectAsIfMissing, iso, type MadeKey, makeKey, makeWorkspace, START_MS } from './installation.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const missing = makeId('api_key', START_MS, pooledRandom());

describe.each(DATABASES)('the activity of a key on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ database, clock, env: { LATCHKEY_TRUST_PROXY: '127.0.0.1' } });
  });
  afterAll(stopServers);
  // Each test begins with a minute of its own.
  beforeEach(() => clock.set(clock.nowMs() - (clock.nowMs() % MINUTE_MS) + MINUTE_MS));

  const use = (key: string, path: string, from = '203.0.113.1') =>
    server.call(path, { key, headers: { 'x-forwarded-for': from } });

  const activity = async (id: string, query = '', key = server.key) => {
    await server.latchkey.flush();
    return server.call(`/v1/api-keys/${id}/activity${query}`, { key });
  };

  const rowsOf = async (id: string): Promise<unknown[][]> =>
    (await activity(id)).json.data.map((row: Record<string, unknown>) => [
      row.route,
      row.address,
      row.outcome,
      row.count,
    ]);

  test('counts by minute, route, address and outcome', async () => {
    const { id, key } = await makeKey(server, { scopes: ['read:projects'] });
    for (let call = 0; call < 3; call += 1) await use(key, '/v1/projects');
    await use(key, '/v1/projects', '2001:DB8:0::1');
    await use(key, '/v2/projects', '::ffff:203.0.113.1');
    await use(key, '/v1/orders');
    await use(key, `/v1/projects/prj_${'0'.repeat(24)}`);
    const { json, status } = await activity(id);
    expect(status).toBe(200);
    const minute = iso(clock.nowMs());
    expect(json).toEqual({
      data: [
        { minute, route: '/v1/orders', address: '203.0.113.1', outcome: 'insufficient_scope', count: 1 },
        { minute, route: '/v1/projects', address: '2001:db8::1', outcome: 'ok', count: 1 },
        { minute, route: '/v1/projects', address: '203.0.113.1', outcome: 'ok', count: 3 },
        { minute, route: '/v1/projects/:id', address: '203.0.113.1', outcome: 'ok', count: 1 },
        { minute, route: '/v2/projects', address: '203.0.113.1', outcome: 'ok', count: 1 },
      ].sort((a, b) => (`${a.route} ${a.address}` < `${b.route} ${b.address}` ? -1 : 1)),
      next_cursor: null,
    });
  });

  test('adds to a minute that was written down before, also from many at once', async () => {
    const { id, key } = await makeKey(server, { scopes: ['read'] });
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(Array.from({ length: 10 }, () => use(key, '/v1/projects')));
      await Promise.all([server.latchkey.flush(), server.latchkey.flush()]);
    }
    expect(await rowsOf(id)).toEqual([['/v1/projects', '203.0.113.1', 'ok', 30]]);
    clock.advance(MINUTE_MS - 1);
    await use(key, '/v1/projects');
    expect(await rowsOf(id)).toEqual([['/v1/projects', '203.0.113.1', 'ok', 31]]);
    clock.advance(1);
    await use(key, '/v1/projects');
    expect((await rowsOf(id)).map((row) => row[3])).toEqual([1, 31]);
  });

  test('names every refusal by its code', async () => {
    const { id, key } = await makeKey(server, { limits: { per_hour: 1 }, ip_allowlist: ['203.0.113.1'] });
    await use(key, '/v1/auth/verify');
    await use(key, '/v1/auth/verify');
    await use(key, '/v1/auth/verify', '203.0.113.2');
    await server.call(`/v1/api-keys/${id}/revoke`, { json: {} });
    await use(key, '/v1/auth/verify');
    expect((await rowsOf(id)).map(([, address, outcome]) => [address, outcome])).toEqual([
      ['203.0.113.1', 'ok'],
      ['203.0.113.1', 'rate_limit_exceeded'],
      ['203.0.113.1', 'token_revoked'],
      ['203.0.113.2', 'ip_not_allowed'],
    ]);
  });

  test('tells of checks by others, with the address that they named, if it is one', async () => {
    const { id, key } = await makeKey(server, { scopes: ['read'] });
    const asker = await makeKey(server, { scopes: ['api_keys:verify'] });
    for (const more of [{ ip: '::ffff:198.51.100.7' }, { ip: '198.51.100.7' }, { ip: '<script>' }, {}]) {
      await server.call('/v1/api-keys/verify', { key: asker.key, json: { key, ...more } });
    }
    await server.call('/v1/api-keys/verify', { key: asker.key, json: { key, scopes: ['write'] } });
    expect(await rowsOf(id)).toEqual([
      ['verify', '', 'insufficient_scope', 1],
      ['verify', '', 'ok', 2],
      ['verify', '198.51.100.7', 'ok', 2],
    ]);
    expect((await rowsOf(asker.id)).map(([route]) => route)).toEqual(['/v1/api-keys/verify']);
  });

  test('tells apart a hundred addresses within a minute, whatever is written in between', async () => {
    const { id, key } = await makeKey(server, { scopes: ['read'] });
    for (let from = 0; from < 120; from += 1) {
      await use(key, '/v1/projects', `198.51.100.${from}`);
      if (from === 60) await server.latchkey.flush();
    }
    await use(key, '/v1/projects', '198.51.100.7');
    const counts = async () => {
      await server.latchkey.flush();
      const { read } = server.latchkey.database;
      const rows = await read.selectFrom('key_activity').selectAll().where('key_id', '=', id).execute();
      const of = (address: string) => rows.filter((row) => row.address === address).map(({ count }) => Number(count));
      return [rows.length, of(''), of('198.51.100.7'), of('198.51.100.119')];
    };
    expect(await counts()).toEqual([101, [20], [2], []]);
    clock.advance(MINUTE_MS);
    await use(key, '/v1/projects', '198.51.100.119');
    expect(await counts()).toEqual([102, [20], [2], [1]]);
  });

  test('holds nothing of a guess, and nothing that a caller chose', async () => {
    const { id, key } = await makeKey(server, { scopes: ['read'] });
    const guess = key.slice(0, -1) + (key.endsWith('a') ? 'b' : 'a');
    await use(guess, '/v1/projects');
    await use(key, '/v1/nowhere/secret-path');
    await use(key, '/v1/projects?limit=5&x=y');
    await use(key, '/v1/projects', 'not an address');
    expect(await rowsOf(id)).toEqual([
      ['/v1/projects', '127.0.0.1', 'ok', 1],
      ['/v1/projects', '203.0.113.1', 'ok', 1],
    ]);
  });

  test('goes from the newest to the oldest, page by page, each row once', async () => {
    const { id, key } = await makeKey(server, { scopes: ['read'] });
    const expected: string[] = [];
    for (let minute = 0; minute < 3; minute += 1) {
      const rows = ['/v1/data', '/v1/orders'].flatMap((path) =>
        ['203.0.113.1', '203.0.113.2'].map((from) => [path, from]),
      );
      for (const [path = '', from = ''] of rows) await use(key, path, from);
      expected.unshift(...rows.map((row) => [iso(clock.nowMs()), ...row].join(' ')));
      clock.advance(MINUTE_MS);
    }
    for (const limit of [1, 5]) {
      const seen: string[] = [];
      let cursor = '';
      do {
        const { json } = await activity(id, `?limit=${limit}${cursor}`);
        seen.push(...json.data.map((row: Record<string, string>) => [row.minute, row.route, row.address].join(' ')));
        cursor = json.next_cursor === null ? '' : `&cursor=${json.next_cursor}`;
      } while (cursor);
      expect(seen).toEqual(expected);
    }
    const other = await makeKey(server, { scopes: ['read'] });
    const { next_cursor } = (await activity(id, '?limit=1')).json;
    expect((await activity(other.id, `?limit=1&cursor=${next_cursor}`)).status).toBe(400);
    for (const query of ['?limit=0', '?limit=101', '?cursor=x', '?route=/v1/data']) {
      expect([query, (await activity(id, query)).status]).toEqual([query, query.startsWith('?cursor') ? 400 : 422]);
    }
  });

  test('is for who may read keys, in the same workspace and environment', async () => {
    const { id } = await makeKey(server, {});
    const workspace_id = await makeWorkspace(server);
    expect((await activity(id, '', (await makeKey(server, { scopes: ['api_keys:read'] })).key)).status).toBe(200);
    expect((await activity(id, `?workspace_id=${server.workspaceId}`, server.rootKey)).status).toBe(200);
    for (const scopes of [[], ['api_keys:write'], ['usage:read']]) {
      expect((await activity(id, '', (await makeKey(server, { scopes })).key)).status).toBe(403);
    }
    for (const place of [{ workspace_id }, { environment: 'live' }]) {
      const { key } = await makeKey(server, { scopes: ['admin'], ...place });
      const paths = { foreign: `/v1/api-keys/${id}/activity`, missing: `/v1/api-keys/${missing}/activity` };
      await expectAsIfMissing(server, { key }, paths);
    }
    expect((await activity(id, `?workspace_id=${workspace_id}`, server.rootKey)).status).toBe(404);
  });

  test('is apart for the two of a rotation, and gone with a deleted key', async () => {
    const old = await makeKey(server, { scopes: ['read'] });
    const next: MadeKey = (await server.call(`/v1/api-keys/${old.id}/rotate`, { json: {} })).json;
    await use(old.key, '/v1/projects');
    await use(next.key, '/v1/orders');
    expect((await rowsOf(old.id)).map(([route]) => route)).toEqual(['/v1/projects']);
    expect((await rowsOf(next.id)).map(([route]) => route)).toEqual(['/v1/orders']);
    await server.call(`/v1/api-keys/${next.id}`, { method: 'DELETE' });
    expect((await activity(next.id)).status).toBe(404);
  });
});

test('survives a stop, and thirty days', async () => {
  const clock = manualClock(START_MS);
  const first = await startServer({ clock });
  onTestFinished(stopServers);
  const { id, key } = await makeKey(first, { scopes: ['read'] });
  await first.call('/v1/projects', { key });
  await first.stop();
  const second = await startServer({ clock, dataDir: first.dataDir });
  const { prune } = createKeyActivity(second.latchkey.database, clock);
  const rowsAt = async (timeMs: number) => {
    clock.set(timeMs);
    await prune();
    return (await second.call(`/v1/api-keys/${id}/activity`, { key: second.rootKey })).json.data.length;
  };
  expect(await rowsAt(START_MS + 30 * DAY_MS)).toBe(1);
  expect(await rowsAt(START_MS + 30 * DAY_MS + MINUTE_MS)).toBe(0);
});

test('records that are read again take no room for good', async () => {
  const clock = manualClock(START_MS);
  const { latchkey } = await startServer({ clock });
  onTestFinished(stopServers);
  const { database } = latchkey;
  const activity = createKeyActivity(database, clock, 3);
  const old = { id: 'key_a', activity: null };
  for (let minute = 0; minute < 6; minute += 1) {
    const again = { id: 'key_a', activity: null };
    const use = { route: '/v1/projects', code: 'ok', address: '203.0.113.1' };
    for (const key of [old, again, old]) activity.note({ key, ...use });
    await activity.flush();
    clock.advance(MINUTE_MS);
  }
  const rows = await database.read.selectFrom('key_activity').select(['address', 'count']).execute();
  expect(rows).toEqual(Array.from({ length: 6 }, () => ({ address: '203.0.113.1', count: 3 })));
});

test('what cannot be written takes bounded room, and is written later', async () => {
  const clock = manualClock(START_MS);
  const { latchkey } = await startServer({ clock });
  onTestFinished(stopServers);
  const { database } = latchkey;
  const activity = createKeyActivity(database, clock, 3);
  const rename = (from: string, to: string) =>
    database.write(({ query }) => query.schema.alterTable(from).renameTo(to).execute());
  await rename('key_activity', 'away');
  for (let index = 0; index < 10; index += 1) {
    const key = { id: `key_${index}`, activity: null };
    activity.note({ key, route: '/v1/projects', code: 'ok', address: '203.0.113.1' });
    await activity.flush().catch(() => {});
  }
  await rename('away', 'key_activity');
  await activity.flush();
  const rows = await database.read.selectFrom('key_activity').select(['key_id', 'address']).orderBy('key_id').execute();
  expect(rows.map(({ key_id, address }) => [key_id, address !== ''])).toEqual([
    ['key_0', true],
    ['key_1', true],
    ['key_2', true],
    ['key_3', false],
    ['key_4', false],
    ['key_5', false],
  ]);
});
