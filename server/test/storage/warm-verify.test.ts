import { afterEach, describe, expect, test } from 'vitest';
import { freshPostgres, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { startPostgresProxy } from './postgres-proxy.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  await stopServers();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const newKey = async (server: TestServer): Promise<string> => {
  const made = await server.call('/v1/api-keys', { json: { name: 'a key', scopes: ['read'] } });
  expect(made.status).toBe(201);
  return made.json.key;
};

/** Many calls of every place that asks who is calling, some at the same time. */
async function verifyOften(server: TestServer, key: string): Promise<Set<number>> {
  const statuses = new Set<number>();
  for (let round = 0; round < 10; round += 1) {
    const paths = ['/v1/auth/verify', '/v2/auth/test', '/v1/auth/verify', '/v1/auth/verify', '/v2/auth/test'];
    const replies = await Promise.all(paths.map((path) => server.call(path, { key })));
    for (const { status } of replies) statuses.add(status);
  }
  return statuses;
}

describe('a warm verify', () => {
  test('needs no database: it goes on when SQLite is closed under the server, and nothing tries to read it', async () => {
    const server = await startServer({ clock: manualClock() });
    const [warm, cold] = [await newKey(server), await newKey(server)];
    expect((await server.call('/v1/auth/verify', { key: warm })).status).toBe(200);
    await server.latchkey.database.close();
    const before = server.logLines.length;
    expect(await verifyOften(server, warm)).toEqual(new Set([200]));
    const complaints = server.logLines.slice(before).filter((line) => line.includes('request'));
    expect(complaints).toEqual([]);
    // The database is really gone: a key that is not in memory cannot be verified.
    expect((await server.call('/v1/auth/verify', { key: cold })).status).toBeGreaterThanOrEqual(500);
    await server.stop().catch(() => {});
  });

  test('sends PostgreSQL no statement about keys, people or audit; the first verify of a key sends one', async () => {
    const proxy = await startPostgresProxy(await freshPostgres());
    cleanups.push(proxy.close);
    const env = { LATCHKEY_DATABASE_URL: proxy.url };
    const server = await startServer({ database: 'postgres', env, clock: manualClock() });
    const key = await newKey(server);
    // Counting the hour and second of a caller is PostgreSQL's where there is no Redis; the rest is work by the clock.
    const periodic =
      /"(?:changes|job_leases|audit_\w+|mail_outbox|signing_keys|token_\w+)"|_sealed" is not null|\blimit_buckets\b|^update audit_events|^(?:begin|commit|rollback)/;
    const about = (from: number) => proxy.statements.slice(from).filter((statement) => !periodic.test(statement));
    // Sends what was only counted so far, so that its job has nothing to write while we look.
    await server.latchkey.flush();
    const cold = proxy.statements.length;
    expect((await server.call('/v1/auth/verify', { key })).status).toBe(200);
    expect(about(cold)).toEqual([expect.stringMatching(/^select .* from "api_keys"/)]);
    const warm = proxy.statements.length;
    expect(await verifyOften(server, key)).toEqual(new Set([200]));
    const seen = about(warm).filter(
      (statement) => !/^(?:update "api_keys" set "last_used_at"|insert into "key_activity)/.test(statement),
    );
    expect(seen).toEqual([]);
  });
});
