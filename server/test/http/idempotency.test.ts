import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { mintSecret } from '@latchkey/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { createIdempotency } from '../../src/http/idempotency/index.ts';
import { DATABASES, type ManualClock, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { request, sendRaw } from './raw.ts';

afterAll(stopServers);

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const body = { name: 'once', scopes: ['read'] };
let counter = 0;
/** An Idempotency-Key that no other test uses. */
const newKey = () => `test-${++counter}`;

describe.each(DATABASES)('Idempotency-Key on %s', (database) => {
  let clock: ManualClock;
  let server: TestServer;

  beforeAll(async () => {
    clock = manualClock();
    server = await startServer({ database, clock });
  });

  const create = (idempotencyKey: string, json: object = body, options: { key?: string; path?: string } = {}) => {
    const { path = '/v1/api-keys', ...rest } = options;
    return server.call(path, { ...rest, json, headers: { 'idempotency-key': idempotencyKey } });
  };
  const isReplay = ({ headers }: { headers: Headers }) => headers.get('idempotency-replayed');
  const row = (idempotencyKey: string) =>
    server.latchkey.database.read
      .selectFrom('idempotency_keys')
      .selectAll()
      .where('key', '=', idempotencyKey)
      .executeTakeFirst();
  const countKeys = async () => {
    const rows = await server.latchkey.database.read.selectFrom('api_keys').select('id').execute();
    return rows.length;
  };

  test('the second call gets the reply of the first, and nothing is made', async () => {
    const key = newKey();
    const first = await create(key);
    expect([first.status, isReplay(first)]).toEqual([201, null]);
    const before = await countKeys();
    for (const path of ['/v1/api-keys', '/v1/api-keys', '/v2/api-keys', '/api-keys']) {
      const again = await create(key, body, { path });
      expect([again.status, isReplay(again), again.text]).toEqual([201, 'true', first.text]);
      expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
    }
    expect(await countKeys()).toBe(before);
    expect((await server.call('/v1/auth/verify', { key: first.json.key })).status).toBe(200);
  });

  test('another body, or another object, under the same key is 409', async () => {
    const key = newKey();
    const { json: made } = await create(key);
    for (const json of [
      { ...body, name: 'other' },
      { ...body, scopes: [] },
      { ...body, owner: 'x' },
    ]) {
      const reply = await create(key, json);
      expect([reply.status, reply.json.error, isReplay(reply)]).toEqual([409, 'conflict', null]);
      expect(reply.json.message).toContain(made.id);
      expect(reply.text).not.toContain(made.key);
    }
    const other = await create(newKey());
    const revoke = (id: string) => create(key, {}, { path: `/v1/api-keys/${id}/revoke` });
    expect((await revoke(made.id)).json.state).toBe('revoked');
    expect((await revoke(other.json.id)).json.error).toBe('conflict');
    expect((await server.call('/v1/auth/verify', { key: other.json.key })).status).toBe(200);
  });

  test('one key on two routes is two', async () => {
    const key = newKey();
    expect(isReplay(await create(key, { name: 'x' }, { path: '/v1/projects' }))).toBe(null);
    expect(isReplay(await create(key, { item: 'x' }, { path: '/v1/orders' }))).toBe(null);
    expect(isReplay(await create(key, { item: 'x' }, { path: '/v2/orders' }))).toBe('true');
  });

  test('of ten twins at once one acts, and all hear the same', async () => {
    const key = newKey();
    const before = await countKeys();
    const replies = await Promise.all(Array.from({ length: 10 }, () => create(key)));
    expect(replies.map(({ status }) => status)).toEqual(Array(10).fill(201));
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
    expect(replies.filter((reply) => isReplay(reply) === 'true')).toHaveLength(9);
    expect(await countKeys()).toBe(before + 1);
  });

  test('of ten different bodies at once one acts, and the others are told', async () => {
    const key = newKey();
    const before = await countKeys();
    const replies = await Promise.all(
      Array.from({ length: 10 }, (_, index) => create(key, { ...body, name: `n${index}` })),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(409)]);
    expect(await countKeys()).toBe(before + 1);
  });

  test('a reply that holds a secret is kept for ten minutes; later the object is named', async () => {
    const key = newKey();
    const first = await create(key);
    clock.advance(10 * MINUTE_MS);
    expect((await create(key)).text).toBe(first.text);
    clock.advance(1);
    const late = await create(key);
    expect([late.status, late.json.error]).toEqual([409, 'conflict']);
    expect(late.json.message).toContain(first.json.id);
    expect(late.text).not.toContain(first.json.key);
    clock.advance(23 * HOUR_MS);
    expect((await create(key)).status).toBe(409);
  });

  test('a reply without a secret is kept for a day', async () => {
    const key = newKey();
    const first = await create(key, { name: 'kept' }, { path: '/v1/projects' });
    clock.advance(24 * HOUR_MS);
    const again = await create(key, { name: 'kept' }, { path: '/v1/projects' });
    expect([isReplay(again), again.text]).toEqual(['true', first.text]);
  });

  test('after a day the key is free again', async () => {
    const key = newKey();
    const first = await create(key);
    clock.advance(24 * HOUR_MS + 1);
    const second = await create(key, { ...body, name: 'another day' });
    expect([second.status, isReplay(second)]).toEqual([201, null]);
    expect(second.json.id).not.toBe(first.json.id);
    expect((await create(key, { ...body, name: 'another day' })).text).toBe(second.text);
  });

  test('another credential of the workspace has its own', async () => {
    const key = newKey();
    const first = await create(key);
    const scopes = ['read', 'api_keys:write'];
    const { key: other } = (await server.call('/v1/api-keys', { json: { name: 'other', scopes } })).json;
    const theirs = await create(key, body, { key: other });
    expect([theirs.status, isReplay(theirs)]).toEqual([201, null]);
    expect(theirs.json.id).not.toBe(first.json.id);
    const roots = await create(key, body, { key: server.rootKey });
    expect([roots.status, isReplay(roots)]).toEqual([201, null]);
    expect((await create(key)).text).toBe(first.text);
  });

  test('what is stored tells nothing to who reads the table', async () => {
    const key = newKey();
    const { json: made } = await create(key, { ...body, name: 'Zaphod' });
    const stored = await row(key);
    expect(stored).toMatchObject({ state: 'done', status: 201, object_id: made.id });
    expect(stored?.reply_sealed?.length).toBeGreaterThan(100);
    const text = JSON.stringify(stored) + Buffer.from(stored?.reply_sealed ?? '', 'base64').toString('latin1');
    for (const secret of [made.key, made.key.slice(8), server.key, 'Zaphod']) expect(text).not.toContain(secret);
  });

  test('nor does it let a password be guessed that was in a body', async () => {
    const key = newKey();
    const json = { email: `${key}@example.com`, password: 'plum trellis 41 gravel' };
    const made = await create(key, json, { key: server.rootKey, path: '/v1/users' });
    expect(made.status, made.text).toBe(201);
    const stored = await row(key);
    const digests = ['hex', 'base64', 'base64url'].flatMap((form) =>
      ['/users', '/v1/users'].map((path) =>
        createHash('sha256')
          .update(JSON.stringify(['POST', path, json]))
          .digest(form as 'hex'),
      ),
    );
    expect(digests).not.toContain(stored?.fingerprint);
    expect(isReplay(await create(key, json, { key: server.rootKey, path: '/v1/users' }))).toBe('true');
  });

  test('a call that failed is not remembered', async () => {
    const attempts: [object, number][] = [
      [{ scopes: [] }, 422],
      [{ ...body, scopes: ['nonsense'] }, 422],
      [{ ...body, environment: 'live' }, 403],
      [{ ...body, scopes: ['admin'] }, 403],
    ];
    for (const [json, status] of attempts) {
      const key = newKey();
      expect((await create(key, json)).status).toBe(status);
      expect(await row(key)).toBeUndefined();
      const second = await create(key);
      expect([second.status, isReplay(second)]).toEqual([201, null]);
    }
    const key = newKey();
    const missing = `/v1/api-keys/key_${'0'.repeat(24)}/revoke`;
    expect((await create(key, {}, { path: missing })).status).toBe(404);
    expect((await create(key, { reason: 'other' }, { path: missing })).status).toBe(404);
  });

  test('a deletion of what is not there is not remembered', async () => {
    const headers = { 'idempotency-key': newKey() };
    const missing = `/v1/projects/prj_${'0'.repeat(24)}`;
    expect((await server.call(missing, { method: 'DELETE', headers })).status).toBe(404);
    const { id } = (await server.call('/v1/projects', { json: { name: 'there' } })).json;
    expect((await server.call(`/v1/projects/${id}`, { method: 'DELETE', headers })).status).toBe(204);
  });

  test('DELETE, PATCH and revoke replay too', async () => {
    const { id } = (await server.call('/v1/projects', { json: { name: 'a' } })).json;
    const send = (method: string, json?: object) =>
      server.call(`/v1/projects/${id}`, { method, json, headers: { 'idempotency-key': `${method}-${database}` } });
    const patched = await send('PATCH', { name: 'b' });
    expect(isReplay(patched)).toBe(null);
    await server.call(`/v1/projects/${id}`, { method: 'PATCH', json: { name: 'c' } });
    const again = await send('PATCH', { name: 'b' });
    expect([isReplay(again), again.json]).toEqual(['true', { id, name: 'b' }]);
    expect((await server.call(`/v1/projects/${id}`)).json.name).toBe('c');
    expect((await send('DELETE')).status).toBe(204);
    const gone = await send('DELETE');
    expect([gone.status, isReplay(gone), gone.text]).toEqual([204, 'true', '']);
    expect((await server.call(`/v1/projects/${id}`, { method: 'DELETE' })).status).toBe(404);
    const made = await create(newKey());
    const key = newKey();
    const revoke = () => create(key, { reason: 'lost' }, { path: `/v1/api-keys/${made.json.id}/revoke` });
    const first = await revoke();
    clock.advance(MINUTE_MS);
    expect([(await revoke()).text, isReplay(await revoke())]).toEqual([first.text, 'true']);
  });

  test('reading takes no notice of it', async () => {
    const key = newKey();
    const read = () => server.call('/v1/api-keys?limit=1', { headers: { 'idempotency-key': key } });
    expect([isReplay(await read()), isReplay(await read())]).toEqual([null, null]);
    expect(await row(key)).toBeUndefined();
  });

  test.each(['', ' ', 'two words', 'a\tb', 'ü', 'x'.repeat(256)])('%j is 400', async (key) => {
    const before = await countKeys();
    const reply = await create(key);
    expect([reply.status, reply.json.error]).toEqual([400, 'invalid_request']);
    expect(await countKeys()).toBe(before);
  });

  test('a credential is 400: it would stand in the table', async () => {
    for (const key of [server.key, server.rootKey]) {
      const reply = await create(key);
      expect([reply.status, reply.json.error]).toEqual([400, 'invalid_request']);
      expect(await row(key)).toBeUndefined();
    }
  });

  test('two of them are 400; the longest and the oddest are fine', async () => {
    const headers = [`Authorization: Bearer ${server.key}`, 'Content-Type: application/json'];
    const twice = request(
      'POST /v1/api-keys',
      [...headers, 'Idempotency-Key: a', 'Idempotency-Key: a'],
      JSON.stringify(body),
    );
    expect((await sendRaw(server, twice)).map(({ status }) => status)).toEqual([400]);
    for (const key of ['x'.repeat(255), `!"#$%&'()*+,-./:;<=>?@[\\]^_{|}~`, "';DROP/**/TABLE/**/idempotency_keys;--"]) {
      expect((await create(key)).status).toBe(201);
      expect(isReplay(await create(key))).toBe('true');
    }
  });

  test('a run that outlived its lock is rolled back, and leaves the slot to who took it', async () => {
    const store = server.latchkey.database;
    const idempotency = createIdempotency({ database: store, clock, randomBytes: pooledRandom() });
    const { json: made } = await create(newKey());
    const nameNow = async () =>
      (await store.read.selectFrom('api_keys').select('name').where('id', '=', made.id).executeTakeFirst())?.name;
    const rename = (name: string) =>
      store.write(async ({ query }) => {
        await query.updateTable('api_keys').set({ name }).where('id', '=', made.id).execute();
        return { id: made.id, name };
      });
    const ends: [string, () => Promise<unknown>][] = [
      ['commits', () => rename('slow')],
      ['fails', () => Promise.reject(new Error('slow'))],
    ];
    for (const [end, finish] of ends) {
      const key = newKey();
      const call = {
        principal: 'p',
        route: 'r',
        key,
        fingerprint: 'f',
        credential: 'c',
        status: 200,
        secretReply: false,
      };
      const started = Promise.withResolvers<void>();
      const [slowMayGo, quickMayGo] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      const slow = idempotency.run(call, async () => {
        started.resolve();
        await slowMayGo.promise;
        return finish();
      });
      await started.promise;
      clock.advance(MINUTE_MS + 1);
      const took = Promise.withResolvers<void>();
      const quick = idempotency.run(call, async () => {
        took.resolve();
        await quickMayGo.promise;
        return rename(`quick, the other ${end}`);
      });
      await took.promise;
      slowMayGo.resolve();
      await expect(slow).rejects.toMatchObject(end === 'commits' ? { code: 'conflict' } : { message: 'slow' });
      expect([await nameNow(), (await row(key))?.state]).not.toContain('slow');
      expect((await row(key))?.state).toBe('pending');
      quickMayGo.resolve();
      const kept = { status: 200, body: { id: made.id, name: `quick, the other ${end}` } };
      expect(await quick).toEqual({ ...kept, isReplay: false });
      expect(await nameNow()).toBe(kept.body.name);
      expect(await idempotency.run(call, () => rename('again'))).toEqual({ ...kept, isReplay: true });
    }
  });

  describe('when the process died', () => {
    const leaveBehind = async (key: string) =>
      server.latchkey.database.write(async ({ query }) => {
        const left = { state: 'pending', status: null, reply_sealed: null, reply_expires_at: null } as const;
        await query
          .updateTable('idempotency_keys')
          .set({ ...left, object_id: null, locked_until: clock.nowMs() + MINUTE_MS })
          .where('key', '=', key)
          .execute();
      });

    test('after its commit, the reply is told at once to who asks again', async () => {
      const store = server.latchkey.database;
      const idempotency = createIdempotency({ database: store, clock, randomBytes: pooledRandom() });
      const key = newKey();
      const place = { principal: 'p', route: 'r', key };
      const call = { ...place, fingerprint: 'f', credential: 'c', status: 201, secretReply: true };
      const secret = { id: 'key_1', key: 'shown once' };
      const committed = Promise.withResolvers<void>();
      void idempotency.run(call, async () => {
        await store.write(async () => secret);
        committed.resolve();
        return new Promise(() => {});
      });
      await committed.promise;
      const again = await idempotency.run(call, async () => expect.fail('it ran twice'));
      expect(again).toEqual({ status: 201, body: secret, isReplay: true });
    });

    test('before its commit, the next call takes over', async () => {
      const key = newKey();
      await create(key);
      await leaveBehind(key);
      expect((await create(key, { ...body, name: 'other' })).status).toBe(409);
      clock.advance(MINUTE_MS + 1);
      expect((await create(key, { ...body, name: 'other' })).status).toBe(409);
      const replies = await Promise.all([create(key), create(key), create(key)]);
      expect(replies.map(({ status }) => status)).toEqual([201, 201, 201]);
      expect(replies.filter((reply) => isReplay(reply) === null)).toHaveLength(1);
    });
  });
});

test('twins on two servers with one PostgreSQL are twins', async () => {
  const first = await startServer({ database: 'postgres' });
  const env = { LATCHKEY_DATABASE_URL: first.config.database.kind === 'postgres' ? first.config.database.url : '' };
  const second = await startServer({ database: 'postgres', env, dataDir: first.dataDir });
  expect(second.firstStart).toBeNull();
  const servers = Array.from({ length: 10 }, (_, index) => (index % 2 === 0 ? first : second));
  const headers = { 'idempotency-key': 'shared' };
  const replies = await Promise.all(
    servers.map((server) => server.call('/v1/api-keys', { key: first.key, json: body, headers })),
  );
  expect(replies.map(({ status }) => status)).toEqual(Array(10).fill(201));
  expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
  const { data } = (await first.call('/v1/api-keys')).json;
  expect(data.filter(({ name }: { name: string }) => name === body.name)).toHaveLength(1);
});

test('root keys share the slot but not the reply', async () => {
  const [first, second] = [1, 2].map(() =>
    mintSecret('root', (count) => crypto.getRandomValues(new Uint8Array(count))),
  );
  const server = await startServer({ env: { LATCHKEY_ROOT_KEY: `${first},${second}` } });
  const create = (key = '') =>
    server.call('/v1/api-keys', { key, json: body, headers: { 'idempotency-key': 'rotating' } });
  const made = await create(first);
  const refused = await create(second);
  expect([made.status, refused.status]).toEqual([201, 409]);
  expect(refused.json.message).toContain(made.json.id);
  expect(refused.text).not.toContain(made.json.key);
  expect((await create(first)).text).toBe(made.text);
});

test('a revocation with descendants that broke off in the middle goes on when it is repeated', async () => {
  const server = await startServer();
  const scopes = ['read', 'api_keys:write'];
  const parent = (await server.call('/v1/api-keys', { json: { name: 'parent', scopes } })).json;
  const child = (await server.call('/v1/api-keys', { key: parent.key, json: body })).json;
  const file = new DatabaseSync(join(server.dataDir, 'latchkey.sqlite'));
  file.exec(`create trigger broken before update of revoked_at on api_keys when new.id = '${child.id}'
    begin select raise(abort, 'broken'); end`);
  const headers = { 'idempotency-key': 'stolen' };
  const revoke = () =>
    server.call(`/v1/api-keys/${parent.id}/revoke`, { json: { descendants: true, reason: 'stolen' }, headers });
  expect((await revoke()).status).toBe(500);
  file.exec('drop trigger broken');
  file.close();
  const isAlive = async ({ key }: { key: string }) => (await server.call('/v1/auth/verify', { key })).status === 200;
  expect([await isAlive(parent), await isAlive(child)]).toEqual([false, true]);
  const again = await revoke();
  expect([again.status, again.json.state, again.headers.get('idempotency-replayed')]).toEqual([200, 'revoked', null]);
  expect(await isAlive(child)).toBe(false);
  expect((await revoke()).headers.get('idempotency-replayed')).toBe('true');
});
