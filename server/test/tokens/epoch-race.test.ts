import { sql } from 'kysely';
import { afterEach, expect, test, vi } from 'vitest';
import { stopServers, type TestServer } from '../harness.ts';
import { end, familyRequestOf, newUserId, refresh, refusalOf, startServer } from './issuing.ts';

afterEach(stopServers);

/** Resolves when a statement of this database waits for a lock. */
async function somebodyWaits({ latchkey }: TestServer): Promise<void> {
  const waiting = sql<{ count: number }>`
    select count(*) as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  const count = async () => Number((await waiting.execute(latchkey.database.read)).rows[0]?.count);
  await vi.waitFor(async () => expect(await count()).toBeGreaterThan(0), { timeout: 10_000, interval: 20 });
}

test('who ends a user waits for a family that is being started, and ends it', async () => {
  const server = await startServer({ database: 'postgres' });
  const { database, tokens } = server.latchkey;
  const userId = newUserId();
  let ending: Promise<number> | undefined;
  const { refreshToken } = await database.write(async (tx) => {
    const pair = await tokens.startFamily(tx, familyRequestOf(server, { userId }));
    ending = end(server, 'user', userId);
    await somebodyWaits(server);
    return pair;
  });
  expect(await ending).toBe(1);
  expect(refusalOf(await refresh(server, refreshToken.text))).toBe('revoked');
});

test('a family waits for who is ending its user, and is refused', async () => {
  const server = await startServer({ database: 'postgres' });
  const { database, tokens } = server.latchkey;
  const userId = newUserId();
  const request = familyRequestOf(server, { userId });
  let starting: Promise<unknown> | undefined;
  await database.write(async (tx) => {
    await tokens.raiseWatermark(tx, { kind: 'user', id: userId, reason: 'test' });
    starting = database.write((other) => tokens.startFamily(other, request)).catch((error) => error);
    await somebodyWaits(server);
  });
  expect(await starting).toMatchObject({ code: 'token_revoked' });
  const families = database.read.selectFrom('refresh_families').select('id').where('user_id', '=', userId);
  expect(await families.execute()).toEqual([]);
});
