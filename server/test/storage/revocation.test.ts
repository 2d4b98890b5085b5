import { afterEach, describe, expect, test, vi } from 'vitest';
import { DATABASES, freshPostgres, startServer, stopServers, type TestServer } from '../harness.ts';

afterEach(stopServers);

const verify = (server: TestServer, key: string) => server.call('/v1/auth/verify', { key });

async function newKey(server: TestServer, key = server.key): Promise<{ id: string; key: string }> {
  const made = await server.call('/v1/api-keys', { key, json: { name: 'a key', scopes: ['read'] } });
  expect(made.status).toBe(201);
  return made.json;
}

describe.each(DATABASES)('a revocation on %s', (database) => {
  test('is heard by the process itself before it is acknowledged, however many use the key meanwhile', async () => {
    const server = await startServer({ database });
    const { id, key } = await newKey(server);
    expect((await verify(server, key)).status).toBe(200);
    let acknowledged = false;
    const users = Array.from({ length: 8 }, async () => {
      for (;;) {
        const startedAfter = acknowledged;
        const { status } = await verify(server, key);
        if (startedAfter) return status;
      }
    });
    const revoked = await server.call(`/v1/api-keys/${id}/revoke`, { json: {} });
    acknowledged = true;
    expect(revoked.status).toBe(200);
    expect(await Promise.all(users)).toEqual(Array(8).fill(401));
  });
});

test('two servers on one PostgreSQL database: what one revokes the other refuses soon, and for good', async () => {
  const env = { LATCHKEY_DATABASE_URL: await freshPostgres() };
  const first = await startServer({ database: 'postgres', env });
  const second = await startServer({ database: 'postgres', env, dataDir: first.dataDir });
  const { id, key } = await newKey(first);
  // A key that one made is known to the other at once: nothing remembers that it was not there.
  expect((await verify(second, key)).status).toBe(200);
  expect((await verify(first, key)).status).toBe(200);
  expect((await first.call(`/v1/api-keys/${id}/revoke`, { json: {} })).status).toBe(200);
  const refused = await verify(first, key);
  expect([refused.status, refused.json.error]).toEqual([401, 'token_revoked']);
  await vi.waitFor(async () => expect((await verify(second, key)).status).toBe(401), { timeout: 3000, interval: 20 });
  const after = await Promise.all(Array.from({ length: 30 }, () => verify(second, key)));
  expect(new Set(after.map(({ json }) => json.error))).toEqual(new Set(['token_revoked']));
});

test('fills that race with a revocation on the other server do not bring the key back', async () => {
  const env = { LATCHKEY_DATABASE_URL: await freshPostgres() };
  const first = await startServer({ database: 'postgres', env });
  const second = await startServer({ database: 'postgres', env, dataDir: first.dataDir });
  const keys = await Promise.all(Array.from({ length: 10 }, () => newKey(first)));
  // The second server reads each key for the first time while the first revokes it.
  await Promise.all(
    keys.flatMap(({ id, key }) => [
      first.call(`/v1/api-keys/${id}/revoke`, { json: {} }),
      ...Array.from({ length: 5 }, () => verify(second, key)),
    ]),
  );
  await vi.waitFor(
    async () => {
      const seen = await Promise.all(keys.map(({ key }) => verify(second, key)));
      expect(new Set(seen.map(({ status }) => status))).toEqual(new Set([401]));
    },
    { timeout: 3000, interval: 50 },
  );
  for (const { key } of keys) expect((await verify(first, key)).status).toBe(401);
});
