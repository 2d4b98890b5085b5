import { crc32, encodeBase62, makeId } from '@latchkey/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { DATABASES, freshPostgres, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { eventsAbout, iso, type MadeKey, makeKey, makeWorkspace, START_MS } from './installation.ts';

const missingId = () => makeId('api_key', START_MS, pooledRandom());

/** Another well-formed secret: the last random letter changed, the checksum right again. */
function neighbourOf(key: string): string {
  const head = key.slice(0, -7) + (key.at(-7) === 'a' ? 'b' : 'a');
  return head + encodeBase62(crc32(head), 6);
}

describe.each(DATABASES)('a key on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  // Ids sort by the millisecond that they were made in.
  beforeEach(() => clock.advance(1));

  const verify = (key: string) => server.call('/v1/auth/verify', { key });
  const errorOf = async (key: string) => {
    const { status, json } = await verify(key);
    return [status, json.error];
  };
  const get = async (id: string) => {
    const path = `/v1/api-keys/${id}?workspace_id=${server.workspaceId}`;
    return (await server.call(path, { key: server.rootKey })).json;
  };

  async function makeKeys(count: number, fields: object): Promise<MadeKey[]> {
    const made: MadeKey[] = [];
    for (let index = 0; index < count; index += 1) {
      made.push(await makeKey(server, { ...fields, name: `${index}` }));
      clock.advance(1);
    }
    return made;
  }

  const names = (data: { name: string }[]) => data.map(({ name }) => name);

  describe('listing', () => {
    test('goes from the newest to the oldest, page by page, each key once', async () => {
      const workspace_id = await makeWorkspace(server, 'Pages');
      await makeKeys(7, { workspace_id });
      const pages: string[][] = [];
      let cursor = '';
      do {
        const path = `/v1/api-keys?workspace_id=${workspace_id}&limit=3${cursor}`;
        const { json } = await server.call(path, { key: server.rootKey });
        pages.push(names(json.data));
        cursor = json.next_cursor === null ? '' : `&cursor=${json.next_cursor}`;
        // Newer keys belong before the first page and must not move the next ones.
        if (cursor) await makeKey(server, { workspace_id, name: 'later' });
      } while (cursor);
      expect(pages).toEqual([['6', '5', '4'], ['3', '2', '1'], ['0']]);
    });

    test('a page that just fits has no next one', async () => {
      const workspace_id = await makeWorkspace(server, 'Fits');
      await makeKeys(2, { workspace_id });
      const path = `/v1/api-keys?workspace_id=${workspace_id}&limit=2`;
      expect((await server.call(path, { key: server.rootKey })).json.next_cursor).toBeNull();
    });

    test('shows 20 unless said, 100 at most', async () => {
      const workspace_id = await makeWorkspace(server, 'Many');
      await Promise.all(Array.from({ length: 22 }, () => makeKey(server, { workspace_id })));
      const path = `/v1/api-keys?workspace_id=${workspace_id}`;
      expect((await server.call(path, { key: server.rootKey })).json.data).toHaveLength(20);
      expect((await server.call(`${path}&limit=100`, { key: server.rootKey })).json.data).toHaveLength(22);
      for (const limit of ['0', '101', '-1', '1.5', 'ten', '', '1e309', '-1e309', '1&limit=2']) {
        expect((await server.call(`${path}&limit=${limit}`, { key: server.rootKey })).status, limit).toBe(422);
      }
    });

    test('filters by external_id and environment', async () => {
      const workspace_id = await makeWorkspace(server, 'Filters');
      await makeKeys(2, { workspace_id });
      await makeKey(server, { workspace_id, name: 'live', environment: 'live', external_id: 'ext' });
      const list = async (filter: string) => {
        const { json } = await server.call(`/v1/api-keys?workspace_id=${workspace_id}${filter}`, {
          key: server.rootKey,
        });
        return names(json.data);
      };
      expect(await list('')).toEqual(['live', '1', '0']);
      expect(await list('&environment=live')).toEqual(['live']);
      expect(await list('&environment=test')).toEqual(['1', '0']);
      expect(await list('&external_id=ext')).toEqual(['live']);
      expect(await list('&external_id=ext&environment=test')).toEqual([]);
      expect(await list('&external_id=EXT')).toEqual([]);
      expect(await list(`&external_id=${encodeURIComponent("ext' OR '1'='1")}`)).toEqual([]);
    });

    test('refuses filters that it does not have', async () => {
      for (const query of ['environment=prod', 'name=x', 'sort=name', 'state=active', 'external_id=']) {
        const refused = await server.call(`/v1/api-keys?${query}`);
        expect([query, refused.status]).toEqual([query, 422]);
      }
    });

    test('shows what get shows', async () => {
      const { id } = await makeKey(server, { external_id: 'same', metadata: { a: 'b' } });
      const listed = await server.call('/v1/api-keys?external_id=same');
      expect(listed.json.data).toEqual([await get(id)]);
    });
  });

  describe('cursors', () => {
    test('work only where they were given, and unchanged (N6)', async () => {
      const [workspace_id, other] = [await makeWorkspace(server, 'A'), await makeWorkspace(server, 'B')];
      await makeKeys(3, { workspace_id, environment: 'test' });
      await makeKeys(3, { workspace_id: other });
      const list = (query: string) => server.call(`/v1/api-keys?limit=1&${query}`, { key: server.rootKey });
      const cursor: string = (await list(`workspace_id=${workspace_id}`)).json.next_cursor;
      expect((await list(`workspace_id=${workspace_id}&cursor=${cursor}`)).status).toBe(200);
      const position = Buffer.from(cursor, 'base64url').toString();
      const elsewhere = [
        `workspace_id=${other}&cursor=${cursor}`,
        `workspace_id=${workspace_id}&environment=test&cursor=${cursor}`,
        `workspace_id=${workspace_id}&external_id=x&cursor=${cursor}`,
        ...[
          cursor.slice(0, -2),
          (cursor.startsWith('A') ? 'B' : 'A') + cursor.slice(1),
          Buffer.from(`${position.slice(0, -1)}!`).toString('base64url'),
          Buffer.from(`${position}' OR 1=1 --`).toString('base64url'),
          Buffer.from(position.slice(22)).toString('base64url'),
          '',
          'x',
          '%00',
          encodeURIComponent("' OR 1=1 --"),
        ].map((changed) => `workspace_id=${workspace_id}&cursor=${changed}`),
      ];
      for (const query of elsewhere) {
        const refused = await list(query);
        expect([query, refused.status]).toEqual([query, query.endsWith('%00') ? 422 : 400]);
        expect(refused.json.error).toMatch(/^(?:invalid_request|validation_failed)$/);
      }
    });
  });

  describe('revoking', () => {
    test('ends the key at once, known to the cache or not, under every header and version', async () => {
      const [warm, cold] = await makeKeys(2, { scopes: ['read'] });
      expect((await verify(warm!.key)).status).toBe(200);
      for (const { id, key } of [warm!, cold!]) {
        const revoked = await server.call(`/v1/api-keys/${id}/revoke`, { method: 'POST' });
        expect(revoked.status).toBe(200);
        expect(revoked.json).toMatchObject({ id, state: 'revoked', revoked_at: iso(clock.nowMs()) });
        expect(revoked.json).toEqual(await get(id));
        expect(revoked.text).not.toContain(key);
        expect(await errorOf(key)).toEqual([401, 'token_revoked']);
        const v2 = await server.call('/v2/projects', { key: null, headers: { 'x-api-key': key } });
        expect([v2.status, v2.json.error.code, v2.json.error.reason]).toEqual([401, 'UNAUTHORIZED', 'token_revoked']);
      }
    });

    test('again changes nothing, and writes one event', async () => {
      const { id } = await makeKey(server, {});
      const first = await server.call(`/v1/api-keys/${id}/revoke`, { json: { reason: 'leaked' } });
      clock.advance(60_000);
      const second = await server.call(`/v1/api-keys/${id}/revoke`, { json: { reason: 'changed my mind' } });
      expect([second.status, second.json]).toEqual([200, first.json]);
      const events = (await eventsAbout(server, id)).filter(({ action }) => action === 'api_key.revoked');
      expect(events.map(({ data }) => JSON.parse(data))).toEqual([{ reason: 'leaked' }]);
    });

    test('many times in parallel is one revocation', async () => {
      const { id } = await makeKey(server, {});
      const calls = Array.from({ length: 10 }, (_, index) =>
        server.call(`/v1/api-keys/${id}/revoke`, { json: { reason: `${index}` } }),
      );
      const replies = await Promise.all(calls);
      expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
      expect((await eventsAbout(server, id)).map(({ action }) => action)).toEqual([
        'api_key.created',
        'api_key.revoked',
      ]);
    });

    test('never leaves a moment in which a revoked key still works', async () => {
      const { id, key } = await makeKey(server, { scopes: ['read'] });
      let isRevoked = false;
      const knocking = Array.from({ length: 4 }, async () => {
        const late: number[] = [];
        while (!isRevoked) await verify(key);
        for (let call = 0; call < 3; call += 1) late.push((await verify(key)).status);
        return late;
      });
      await server.call(`/v1/api-keys/${id}/revoke`, { json: {} });
      isRevoked = true;
      expect(new Set((await Promise.all(knocking)).flat())).toEqual(new Set([401]));
    });

    test('may end the very key that asks', async () => {
      const { id, key } = await makeKey(server, { scopes: ['api_keys:write'] });
      expect((await server.call(`/v1/api-keys/${id}/revoke`, { key, json: {} })).status).toBe(200);
      expect(await errorOf(key)).toEqual([401, 'token_revoked']);
      expect((await server.call(`/v1/api-keys/${id}/revoke`, { key, json: {} })).status).toBe(401);
    });

    test('takes a reason of 500 letters, and nothing else', async () => {
      const { id } = await makeKey(server, {});
      for (const json of [{ reason: 'r'.repeat(501) }, { reason: 5 }, { why: 'x' }, { descendants: 'yes' }, []]) {
        expect((await server.call(`/v1/api-keys/${id}/revoke`, { json })).status).toBe(422);
      }
      expect((await get(id)).state).toBe('active');
      expect((await server.call(`/v1/api-keys/${id}/revoke`, { json: { reason: 'r'.repeat(500) } })).status).toBe(200);
    });

    test('is 404 for a key that never was', async () => {
      for (const id of [missingId(), 'key_', 'x', `prj_${'0'.repeat(24)}`, `key_${'0'.repeat(25)}`, '%00', "'--"]) {
        expect((await server.call(`/v1/api-keys/${id}/revoke`, { json: {} })).status, id).toBe(404);
        expect((await server.call(`/v1/api-keys/${id}`)).status, id).toBe(404);
      }
    });
  });

  describe('expiry', () => {
    test('comes exactly at expires_at', async () => {
      const { id, key } = await makeKey(server, { scopes: ['read'], expires_in: '90s' });
      const expiresAtMs = clock.nowMs() + 90_000;
      const back = clock.nowMs();
      clock.set(expiresAtMs - 1);
      expect((await verify(key)).json.expires_at).toBe(iso(expiresAtMs));
      expect((await get(id)).state).toBe('active');
      clock.set(expiresAtMs);
      expect(await errorOf(key)).toEqual([401, 'token_expired']);
      expect((await server.call('/v2/auth/test', { key })).json.error.reason).toBe('token_expired');
      expect((await get(id)).state).toBe('expired');
      clock.set(back);
    });

    test('is the same for a key that no cache knows', async () => {
      const { key } = await makeKey(server, { expires_in: '1s' });
      clock.advance(1000);
      expect(await errorOf(key)).toEqual([401, 'token_expired']);
    });

    test('yields to a revocation', async () => {
      const { id, key } = await makeKey(server, { expires_in: '1s' });
      clock.advance(1000);
      await server.call(`/v1/api-keys/${id}/revoke`, { json: {} });
      expect(await errorOf(key)).toEqual([401, 'token_revoked']);
      expect((await get(id)).state).toBe('revoked');
    });

    test('and revocation are told only to who knows the secret', async () => {
      const expired = await makeKey(server, { expires_in: '1s' });
      const revoked = await makeKey(server, {});
      await server.call(`/v1/api-keys/${revoked.id}/revoke`, { json: {} });
      clock.advance(1000);
      for (const { key } of [expired, revoked]) {
        for (const guess of [neighbourOf(key), `${key.slice(0, -1)}${key.endsWith('a') ? 'b' : 'a'}`]) {
          const { status, json } = await verify(guess);
          expect([status, json.error, json.message]).toEqual([401, 'invalid_token', 'Invalid API key provided']);
        }
      }
    });
  });

  describe('last_used_at', () => {
    test('appears when it is written down, and shows the last use', async () => {
      const { id, key } = await makeKey(server, {});
      await server.latchkey.flush();
      expect((await get(id)).last_used_at).toBeNull();
      await verify(key);
      clock.advance(5000);
      await verify(key);
      const lastUse = iso(clock.nowMs());
      clock.advance(5000);
      await server.latchkey.flush();
      expect((await get(id)).last_used_at).toBe(lastUse);
    });

    test('never goes back', async () => {
      const { id, key } = await makeKey(server, {});
      await verify(key);
      await server.latchkey.flush();
      const lastUse = (await get(id)).last_used_at;
      clock.advance(-60_000);
      await verify(key);
      await server.latchkey.flush();
      clock.advance(60_000);
      expect((await get(id)).last_used_at).toBe(lastUse);
    });

    test('counts a call that the key may not make, but none after its end', async () => {
      const { id, key } = await makeKey(server, {});
      expect((await server.call('/v1/projects', { key })).status).toBe(403);
      await server.latchkey.flush();
      const lastUse = (await get(id)).last_used_at;
      expect(lastUse).toBe(iso(clock.nowMs()));
      await server.call(`/v1/api-keys/${id}/revoke`, { json: {} });
      clock.advance(1000);
      await verify(key);
      await server.latchkey.flush();
      expect((await get(id)).last_used_at).toBe(lastUse);
    });
  });
});

test('a key revoked by one process is refused by another on the same database (J5)', async () => {
  onTestFinished(stopServers);
  const env = { LATCHKEY_DATABASE_URL: await freshPostgres() };
  const first = await startServer({ env });
  const second = await startServer({
    env: { ...env, LATCHKEY_ROOT_KEY: first.rootKey, LATCHKEY_ENCRYPTION_KEYS: encryptionKeysOf(first) },
  });
  const { id, key } = await makeKey(first, { scopes: ['read'] });
  const status = async (server: TestServer) => (await server.call('/v1/auth/verify', { key })).json;
  expect((await status(second)).authenticated).toBe(true);
  await first.call(`/v1/api-keys/${id}/revoke`, { json: {} });
  expect((await status(first)).error).toBe('token_revoked');
  await vi.waitFor(async () => expect((await status(second)).error).toBe('token_revoked'), { timeout: 10_000 });
});

function encryptionKeysOf({ config }: TestServer): string {
  return config.encryptionKeys.map(({ id, bytes }) => `${id}:${Buffer.from(bytes).toString('base64')}`).join(',');
}
