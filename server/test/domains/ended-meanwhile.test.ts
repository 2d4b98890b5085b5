import { sql } from 'kysely';
import { afterEach, expect, test, vi } from 'vitest';
import { startServer, stopServers, type TestServer } from '../harness.ts';
import { type MadeKey, makeKey } from './installation.ts';

afterEach(stopServers);

/** Waits until a transaction of this database waits for a row that another holds. */
async function somebodyWaits({ latchkey }: TestServer): Promise<void> {
  await vi.waitFor(
    async () => {
      const { rows } = await sql<{ count: number }>`
        select count(*) as count from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock'`.execute(latchkey.database.read);
      expect(rows[0]?.count).toBeGreaterThan(0);
    },
    { timeout: 2500, interval: 20 },
  );
}

/** Revokes a key, and lets a call that began meanwhile wait for its row before that is committed. */
async function meanwhile(server: TestServer, { id }: MadeKey, begin: () => Promise<{ status: number; json: unknown }>) {
  let call: ReturnType<typeof begin> | undefined;
  await server.latchkey.database.write(async (tx) => {
    await tx.query.updateTable('api_keys').set({ revoked_at: 1 }).where('id', '=', id).execute();
    call = begin();
    await somebodyWaits(server);
  });
  return call;
}

test('a key that is revoked while its call waits for it makes, changes and rotates nothing', async () => {
  const server = await startServer({ database: 'postgres' });
  const target = await makeKey(server, { scopes: ['read'] });
  const before = (await server.call(`/v1/api-keys/${target.id}`)).json;
  const deeds = {
    make: ['/v1/api-keys', { name: 'late', scopes: ['read'] }, 'POST'],
    change: [`/v1/api-keys/${target.id}`, { name: 'late' }, 'PATCH'],
    rotate: [`/v1/api-keys/${target.id}/rotate`, {}, 'POST'],
  } as const;
  for (const [name, [path, json, method]] of Object.entries(deeds)) {
    const caller = await makeKey(server, { scopes: ['read', 'api_keys:write'] });
    const answer = await meanwhile(server, caller, () => server.call(path, { key: caller.key, json, method }));
    expect([name, answer?.status, answer?.json]).toEqual([
      name,
      401,
      expect.objectContaining({ error: 'token_revoked' }),
    ]);
  }
  expect((await server.call(`/v1/api-keys/${target.id}`)).json).toEqual(before);
  expect((await server.call('/v1/api-keys?limit=100')).text).not.toContain('late');
});

test('a key that is revoked while a change of it waits stays revoked and unchanged', async () => {
  const server = await startServer({ database: 'postgres' });
  for (const [path, json, method] of [
    ['', { state: 'active', name: 'late' }, 'PATCH'],
    ['/rotate', {}, 'POST'],
  ] as const) {
    const target = await makeKey(server, { scopes: ['read'] });
    const answer = await meanwhile(server, target, () =>
      server.call(`/v1/api-keys/${target.id}${path}`, { json, method }),
    );
    expect([path, answer?.status]).toEqual([path, 409]);
    expect((await server.call(`/v1/api-keys/${target.id}`)).json).toMatchObject({
      state: 'revoked',
      name: target.name,
    });
  }
});
