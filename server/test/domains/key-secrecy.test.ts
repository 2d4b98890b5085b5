import { createHash } from 'node:crypto';
import { SECRET_PATTERN } from '@latchkey/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DATABASES, manualClock, startServer, stopServers, type TestReply, type TestServer } from '../harness.ts';
import { databaseText, type MadeKey, makeKey, START_MS } from './installation.ts';

const RANDOM_LENGTH = 40;
const CHECKSUM_LENGTH = 6;

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** What would let a reader of a dump use the key: its text, a part of it, and the usual codings. */
function tracesOf(key: string): string[] {
  const random = key.slice(-RANDOM_LENGTH - CHECKSUM_LENGTH, -CHECKSUM_LENGTH);
  const bytes = Buffer.from(key);
  return [key, random, random.slice(0, 20), random.slice(20), bytes.toString('hex'), bytes.toString('base64url')];
}

describe.each(DATABASES)('the secret of a key on %s', (database) => {
  let server: TestServer;
  const keys: MadeKey[] = [];
  /** Every reply after the one that made the key. */
  const later: TestReply[] = [];

  const called = async (...call: Parameters<TestServer['call']>) => {
    later.push(await server.call(...call));
  };

  /** The whole life of some keys, so that whatever is kept of one is kept by now. */
  async function live({ id, key }: MadeKey): Promise<void> {
    const root = { key: server.rootKey };
    const place = `?workspace_id=${server.workspaceId}`;
    for (const path of ['/v1/auth/verify', '/v1/projects', '/v1/api-keys', '/metrics']) await called(path, { key });
    await called('/v1/auth/verify', { key: `${key.slice(0, -1)}-` });
    await called('/v1/auth/verify', { key, headers: { 'x-api-key': server.key } });
    await called('/v1/api-keys', { key, json: { name: 5, key } });
    await called(`/v1/projects?key=${key}`, { key: null });
    await called('/v1/nowhere', { key });
    await server.latchkey.flush();
    for (const version of ['v1', 'v2']) await called(`/${version}/api-keys/${id}${place}`, root);
    await called(`/v1/api-keys${place}`, root);
    await called(`/v1/api-keys/${id}/revoke`, { ...root, json: { workspace_id: server.workspaceId, reason: 'done' } });
    await called('/v1/auth/verify', { key });
    await called(`/v1/api-keys/${id}${place}`, root);
  }

  beforeAll(async () => {
    const env = { LATCHKEY_LOG_LEVEL: 'trace' };
    server = await startServer({ database, clock: manualClock(START_MS), env });
    const replayed = { json: { name: 'replayed', scopes: [] }, headers: { 'idempotency-key': 'once' } };
    const maker = await makeKey(server, { scopes: ['admin'] });
    keys.push(
      await makeKey(server, { scopes: ['read', 'api_keys:read'], external_id: 'e', metadata: { a: 'b' } }),
      await makeKey(server, { type: 'restricted', environment: 'live', expires_in: '1d' }),
      await makeKey(server, { scopes: ['admin'] }, maker.key),
      (await server.call('/v1/api-keys', replayed)).json,
    );
    const replay = await server.call('/v1/api-keys', replayed);
    expect([replay.json.key, replay.headers.get('idempotency-replayed')]).toEqual([keys.at(-1)?.key, 'true']);
    for (const key of keys) await live(key);
    keys.push(maker);
  });
  afterAll(stopServers);

  const secrets = () => [server.key, server.rootKey, ...keys.map(({ key }) => key)];

  test('stands nowhere in the database, sealed replies included; its SHA-256 does (J2, J3)', async () => {
    const dump = await databaseText(server);
    for (const { id, key, hint } of keys) {
      expect(dump).toContain(id);
      expect(dump).toContain(sha256(key));
      expect(hint.endsWith(`…${key.slice(-4)}`)).toBe(true);
    }
    for (const trace of secrets().flatMap(tracesOf)) expect(dump.includes(trace)).toBe(false);
    expect(dump).not.toMatch(SECRET_PATTERN);
  });

  test('and its hash are in no later reply (J16)', () => {
    const [texts, headers] = [later.map(({ text }) => text), later.map((reply) => JSON.stringify([...reply.headers]))];
    expect(texts.filter((text) => text.includes('"hint"')).length).toBeGreaterThan(keys.length);
    for (const secret of secrets()) {
      for (const trace of [...tracesOf(secret), sha256(secret)]) {
        expect([...texts, ...headers].filter((text) => text.includes(trace))).toEqual([]);
      }
    }
  });

  test('is in no log line at any level (J2, J13)', () => {
    const lines = server.logLines.join('');
    expect(lines).toContain('request refused');
    for (const secret of secrets()) {
      for (const trace of [...tracesOf(secret), sha256(secret)]) expect(lines.includes(trace)).toBe(false);
    }
  });

  test('differs for each key, in all of its letters', async () => {
    const made = await Promise.all(Array.from({ length: 50 }, () => makeKey(server, {})));
    const randoms = made.map(({ key }) => key.slice('sk_test_'.length, -CHECKSUM_LENGTH));
    expect(new Set(randoms).size).toBe(50);
    for (let at = 0; at < RANDOM_LENGTH; at += 1) {
      expect(new Set(randoms.map((random) => random[at])).size, `letter ${at}`).toBeGreaterThan(10);
    }
  });
});
