import { mintSecret } from '@latchkey/protocol';
import { afterAll, expect, test, vi } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { makeKey } from '../domains/installation.ts';
import { freshPostgres, manualClock, startServer, stopServers, type TestReply } from '../harness.ts';
import { startPostgresProxy } from '../storage/postgres-proxy.ts';

const cleanups: (() => Promise<void>)[] = [];
afterAll(async () => {
  await stopServers();
  for (const cleanup of cleanups) await cleanup();
});

const identityOf = ({ headers }: TestReply) => headers.get('x-latchkey-credential-id');

function expectUnavailable(reply: TestReply): void {
  expect([reply.status, reply.json.error, identityOf(reply)]).toEqual([503, 'unavailable', null]);
  expect(Number(reply.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(JSON.parse(reply.headers.get('x-latchkey-error') ?? '')).toEqual(reply.json);
}

test('without its database the gate lets pass only what it knows, and that not for long (I6)', async () => {
  const proxy = await startPostgresProxy(await freshPostgres());
  cleanups.push(proxy.close);
  const clock = manualClock();
  const env = { LATCHKEY_DATABASE_URL: proxy.url, LATCHKEY_MAX_STALE: '10s' };
  const server = await startServer({ database: 'postgres', env, clock });
  const gate = (key: string | null, query = '') => server.call(`/v1/gate${query}`, { key });
  const warm = await makeKey(server, { scopes: ['read'] });
  const cold = await makeKey(server, { scopes: ['read'] });
  const quoted = await makeKey(server, { quota: { limit: 5, period: 'total' } });
  for (const { key } of [warm, quoted]) expect((await gate(key)).status).toBe(200);

  proxy.cut();
  const unknown = mintSecret('secret_live', pooledRandom());
  for (const key of [cold.key, unknown, quoted.key]) expectUnavailable(await gate(key));
  for (const method of ['HEAD', 'OPTIONS', 'POST']) {
    const reply = await server.call('/v2/gate', { key: cold.key, method });
    expect([method, reply.status, identityOf(reply)]).toEqual([method, 503, null]);
  }
  const json = { key: cold.key };
  expect((await server.call('/v1/api-keys/verify', { key: server.rootKey, json })).status).toBe(503);
  expect((await gate(null)).status).toBe(401);
  expect((await gate(`${cold.key}0`)).status).toBe(401);
  expect((await gate(server.rootKey)).status).toBe(403);
  clock.advance(10_000);
  expect(identityOf(await gate(warm.key))).toBe(warm.id);
  expect((await gate(warm.key, '?scope=write')).status).toBe(403);
  clock.advance(1);
  expectUnavailable(await gate(warm.key));

  proxy.mend();
  const allPass = async () => {
    for (const { key, id } of [warm, cold, quoted]) expect(identityOf(await gate(key))).toBe(id);
    expect((await gate(unknown)).status).toBe(401);
  };
  await vi.waitFor(allPass, { timeout: 15_000 });
});
