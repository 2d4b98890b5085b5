import { connect } from 'node:net';
import { makeId } from '@latchkey/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { portOf } from '../http/raw.ts';
import {
  answerTo,
  eventsAbout,
  expectAsIfMissing,
  keyAs,
  type MadeKey,
  makeKey,
  makeWorkspace,
  REVOKED,
  START_MS,
  UNKNOWN,
  WORKS,
} from './installation.ts';

const missingId = () => makeId('api_key', START_MS, pooledRandom());
const MANAGER = { scopes: ['read', 'api_keys:write', 'api_keys:read'] };

describe.each(DATABASES)('the end of keys on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(1));

  const remove = (id: string, key = server.rootKey) => {
    const place = key === server.rootKey ? `?workspace_id=${server.workspaceId}` : '';
    return server.call(`/v1/api-keys/${id}${place}`, { method: 'DELETE', key });
  };
  const revoke = (id: string, json: object = {}) => server.call(`/v1/api-keys/${id}/revoke`, { json });
  const rotate = async (id: string, key: string): Promise<MadeKey> => {
    const reply = await server.call(`/v1/api-keys/${id}/rotate`, { key, json: {} });
    expect(reply.status, reply.text).toBe(201);
    return reply.json;
  };

  describe('deleting', () => {
    test('takes a key away at once, in memory or not, and without a trace but the audit log', async () => {
      for (const kind of ['cold', 'warm', 'parent', 'rotated']) {
        const { id, key } = await makeKey(server, { ...MANAGER, name: 'Gone', external_id: 'gone' });
        if (kind === 'warm') expect(await answerTo(server, key)).toEqual(WORKS);
        if (kind === 'parent') await makeKey(server, {}, key);
        if (kind === 'rotated') await remove((await rotate(id, key)).id);
        const removed = await remove(id);
        expect([removed.status, removed.text]).toEqual([204, '']);
        expect(await answerTo(server, key)).toEqual(UNKNOWN);
        const root = { key: server.rootKey };
        const query = `?workspace_id=${server.workspaceId}`;
        const paths = { foreign: `/v1/api-keys/${id}${query}`, missing: `/v1/api-keys/${missingId()}${query}` };
        await expectAsIfMissing(server, root, paths);
        await expectAsIfMissing(server, { ...root, method: 'DELETE' }, paths);
        expect((await server.call(`/v1/api-keys${query}&external_id=gone`, root)).json.data).toEqual([]);
        const events = await eventsAbout(server, id);
        expect(events[0]?.action).toBe('api_key.created');
        expect(events.at(-1)).toMatchObject({ action: 'api_key.deleted', workspace_id: server.workspaceId });
        expect(JSON.parse(events.at(-1)?.data ?? '')).toMatchObject({ name: 'Gone' });
      }
    });

    test('is for living, revoked and rotated keys alike', async () => {
      const [living, revoked, old] = await Promise.all([1, 2, 3].map(() => makeKey(server, { scopes: ['read'] })));
      await revoke(revoked?.id ?? '');
      const successor = await rotate(old?.id ?? '', server.key);
      for (const { id } of [living, revoked, old] as MadeKey[]) expect((await remove(id, server.key)).status).toBe(204);
      expect(await answerTo(server, successor.key)).toEqual(WORKS);
      const next = await rotate(successor.id, server.key);
      expect((await remove(next.id)).status).toBe(204);
      expect(await answerTo(server, successor.key)).toEqual(WORKS);
    });

    test('may take the very key that asks', async () => {
      const { id, key } = await makeKey(server, MANAGER);
      expect((await remove(id, key)).status).toBe(204);
      expect(await answerTo(server, key)).toEqual(UNKNOWN);
    });

    test('by many at once happens once', async () => {
      const { id } = await makeKey(server, {});
      const statuses = await Promise.all(Array.from({ length: 8 }, async () => (await remove(id)).status));
      expect(new Set(statuses)).toEqual(new Set([204, 404]));
      const events = await eventsAbout(server, id);
      expect(events.filter(({ action }) => action === 'api_key.deleted')).toHaveLength(1);
    });

    test('needs api_keys:write, in the same workspace and environment (J9)', async () => {
      const { id, key } = await makeKey(server, {});
      for (const scopes of [[], ['api_keys:read'], ['read', 'write', 'delete']]) {
        expect((await remove(id, (await makeKey(server, { scopes })).key)).status).toBe(403);
      }
      for (const place of [{ environment: 'live' }, { workspace_id: await makeWorkspace(server) }]) {
        const by = await makeKey(server, { scopes: ['admin'], ...place });
        const paths = { foreign: `/v1/api-keys/${id}`, missing: `/v1/api-keys/${missingId()}` };
        await expectAsIfMissing(server, { key: by.key, method: 'DELETE' }, paths);
      }
      expect(await answerTo(server, key)).toEqual(WORKS);
    });
  });

  describe('revoking with descendants', () => {
    /** Which of these keys still work. */
    const working = async (keys: Record<string, MadeKey>) => {
      const names: string[] = [];
      for (const [name, { key }] of Object.entries(keys)) {
        if ((await answerTo(server, key))[0] === 200) names.push(name);
      }
      return names;
    };
    const child = (by: MadeKey) => makeKey(server, MANAGER, by.key);

    test('ends what the key made, and what that made, and nothing else', async () => {
      const root = await makeKey(server, MANAGER);
      const [a, b] = [await child(root), await child(root)];
      const [aa, ab] = [await child(a), await child(a)];
      const keys = { root, a, b, aa, ab, aaa: await child(aa), sister: await makeKey(server, MANAGER) };
      for (const { key } of Object.values(keys)) expect(await answerTo(server, key)).toEqual(WORKS);
      expect((await revoke(a.id, { descendants: true, reason: 'leaked' })).json.state).toBe('revoked');
      expect(await working(keys)).toEqual(['root', 'b', 'sister']);
      expect(await answerTo(server, keys.aaa.key)).toEqual(REVOKED);
      const told = (await eventsAbout(server, keys.aaa.id)).at(-1);
      expect([told?.action, JSON.parse(told?.data ?? '')]).toEqual([
        'api_key.revoked',
        { reason: 'leaked', because_of: a.id },
      ]);
    });

    test('without the word ends that key alone', async () => {
      const root = await makeKey(server, MANAGER);
      const keys = { root, a: await child(root) };
      await revoke(root.id, { descendants: false });
      expect(await working(keys)).toEqual(['a']);
      // Later, too: the tree of a key that has ended already.
      await revoke(root.id, { descendants: true });
      expect(await working(keys)).toEqual([]);
    });

    test('reaches through rotations, on either side of them', async () => {
      const root = await makeKey(server, MANAGER);
      const a = await child(root);
      const before = await child(a);
      const a2 = await rotate(a.id, server.key);
      const after = await child(a2);
      const after2 = await rotate(after.id, server.key);
      const keys = { root, a, before, a2, after, after2 };
      expect(await working(keys)).toEqual(Object.keys(keys));
      await revoke(root.id, { descendants: true });
      expect(await working(keys)).toEqual([]);
    });

    test('ends the successors of the key too: whoever stole it may have rotated it', async () => {
      const stolen = await makeKey(server, MANAGER);
      const made = await child(stolen);
      const second = await rotate(stolen.id, stolen.key);
      const third = await rotate(second.id, second.key);
      const keys = { made, second, third, late: await child(third) };
      await revoke(stolen.id, { descendants: true });
      expect(await working(keys)).toEqual([]);
    });

    test('of a successor ends what its predecessor made', async () => {
      const old = await makeKey(server, MANAGER);
      const made = await child(old);
      const successor = await rotate(old.id, server.key);
      await revoke(successor.id, { descendants: true });
      expect(await working({ old, made, successor })).toEqual(['old']);
    });

    test('is not stopped by a key that was deleted in between', async () => {
      const root = await makeKey(server, MANAGER);
      const middle = await child(root);
      const leaf = await child(middle);
      await remove(middle.id);
      await revoke(root.id, { descendants: true });
      expect(await answerTo(server, leaf.key)).toEqual(REVOKED);
    });

    test('ends a tree of hundreds', async () => {
      const root = await makeKey(server, MANAGER);
      const branches = await Promise.all(Array.from({ length: 10 }, () => child(root)));
      const leaves = await Promise.all(branches.flatMap((each) => Array.from({ length: 20 }, () => child(each))));
      await revoke(root.id, { descendants: true });
      const states = await Promise.all(leaves.map(async ({ id }) => (await keyAs(server, id)).state));
      expect(new Set(states)).toEqual(new Set(['revoked']));
    });
  });

  describe('a call that was under way when its key ended', () => {
    /** Sends a request's head, and its body only after `meanwhile`: a slow caller. */
    async function slowly(call: string, key: string, json: object, meanwhile: () => Promise<unknown>): Promise<string> {
      const body = JSON.stringify(json);
      const socket = connect(portOf(server), '127.0.0.1');
      onTestFinished(() => void socket.destroy());
      const chunks: Buffer[] = [];
      const closed = new Promise((resolve) => socket.on('close', resolve));
      socket.on('data', (chunk) => chunks.push(chunk));
      const head = [
        `${call} HTTP/1.1`,
        'host: a',
        'connection: close',
        'content-type: application/json',
        'expect: 100-continue',
        `content-length: ${body.length}`,
        `authorization: Bearer ${key}`,
      ];
      socket.write(`${head.join('\r\n')}\r\n\r\n`);
      // The server asks for the body: it has seen the head.
      await new Promise((resolve) => socket.once('data', resolve));
      await answerTo(server, server.key);
      await meanwhile();
      socket.write(body);
      await closed;
      return Buffer.concat(chunks).toString();
    }

    test('makes, imports, rotates, changes and ends nothing any more', async () => {
      const target = await makeKey(server, { scopes: ['read'] });
      const hash = { algorithm: 'sha256', value: 'a'.repeat(64) };
      const calls: [string, object][] = [
        ['POST /v1/api-keys', { name: 'late', scopes: [] }],
        ['POST /v1/api-keys/import', { keys: [{ name: 'late', scopes: [], hash }] }],
        [`POST /v1/api-keys/${target.id}/rotate`, {}],
        [`POST /v1/api-keys/${target.id}/revoke`, {}],
        [`PATCH /v1/api-keys/${target.id}`, { name: 'late' }],
      ];
      for (const [call, json] of calls) {
        for (const end of [(id: string) => revoke(id, { descendants: true }), remove]) {
          const maker = await makeKey(server, MANAGER);
          expect(await answerTo(server, maker.key)).toEqual(WORKS);
          const reply = await slowly(call, maker.key, json, () => end(maker.id));
          expect(reply).toMatch(/HTTP\/1\.1 401 /);
        }
      }
      const { key: _, ...unchanged } = target;
      expect(await keyAs(server, target.id)).toEqual(unchanged);
      const listed = await server.call('/v1/api-keys?limit=100');
      expect(listed.json.data.filter(({ name }: MadeKey) => name === 'late')).toEqual([]);
    });
  });
});
