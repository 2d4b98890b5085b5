import pg from 'pg';
import { afterEach, expect, test, vi } from 'vitest';
import {
  freshPostgres,
  type ManualClock,
  manualClock,
  startServer,
  stopServers,
  type TestReply,
  type TestServer,
} from '../harness.ts';
import { startPostgres } from '../services/postgres.ts';
import { startPostgresProxy } from './postgres-proxy.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  await stopServers();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const create = (server: TestServer, name: string) => server.call('/v1/api-keys', { json: { name, scopes: ['read'] } });
const verify = (server: TestServer, key: string) => server.call('/v1/auth/verify', { key });

function expectUnavailable({ status, json, headers }: TestReply): void {
  expect([status, json.error]).toEqual([503, 'unavailable']);
  expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
}

async function names(server: TestServer): Promise<string[]> {
  const { json } = await server.call('/v1/api-keys?limit=100');
  return json.data.map(({ name }: { name: string }) => name).sort();
}

/** Tries again until it holds; connections and caches come back one after the other. */
const eventually = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 15_000, interval: 50 });

test('PostgreSQL away: known keys go on until LATCHKEY_MAX_STALE, the rest is 503, and all comes back by itself', async () => {
  const proxy = await startPostgresProxy(await freshPostgres());
  cleanups.push(proxy.close);
  const clock: ManualClock = manualClock();
  const env = { LATCHKEY_DATABASE_URL: proxy.url, LATCHKEY_MAX_STALE: '20s' };
  const server = await startServer({ database: 'postgres', env, clock });
  const [warm, cold] = [(await create(server, 'warm')).json.key, (await create(server, 'cold')).json.key];
  expect((await verify(server, warm)).status).toBe(200);

  proxy.cut();
  expectUnavailable(await verify(server, cold));
  expectUnavailable(await create(server, 'never'));
  expect((await server.call('/healthz', { key: null })).status).toBe(200);
  expect((await server.call('/readyz', { key: null })).status).toBe(503);
  clock.advance(20_000);
  expect((await verify(server, warm)).status).toBe(200);
  clock.advance(1);
  expectUnavailable(await verify(server, warm));

  proxy.mend();
  await eventually(async () => {
    for (const key of [warm, cold]) expect((await verify(server, key)).status).toBe(200);
    expect((await server.call('/readyz', { key: null })).status).toBe(200);
  });
  await eventually(async () => expect((await create(server, 'after')).status).toBe(201));
  expect(await names(server)).not.toContain('never');
});

test('PostgreSQL read-only: writing is 503 and leaves nothing, reading and verifying go on', async () => {
  const url = await freshPostgres();
  const server = await startServer({ database: 'postgres', env: { LATCHKEY_DATABASE_URL: url } });
  const { key, id } = (await create(server, 'before')).json;
  const name = pg.escapeIdentifier(new URL(url).pathname.slice(1));
  const setReadOnly = async (state: 'on' | 'off') => {
    const maintenance = new URL(url);
    maintenance.pathname = '/postgres';
    const client = new pg.Client({ connectionString: maintenance.href });
    await client.connect();
    await client.query(`alter database ${name} set default_transaction_read_only = ${state}`);
    // The setting is read when a connection begins.
    await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
      new URL(url).pathname.slice(1),
    ]);
    await client.end();
  };
  await setReadOnly('on');
  await eventually(async () => expect((await server.call('/readyz', { key: null })).status).toBe(200));
  for (const name of ['never 1', 'never 2']) expectUnavailable(await create(server, name));
  expectUnavailable(await server.call(`/v1/api-keys/${id}/revoke`, { json: {} }));
  expect((await verify(server, key)).status).toBe(200);
  expect(await names(server)).toEqual(['First test key', 'before']);
  await setReadOnly('off');
  await eventually(async () => expect((await create(server, 'after')).status).toBe(201));
  expect(await names(server)).toEqual(['First test key', 'after', 'before']);
});

test('a key whose reply cannot be kept for a repetition is not made', async () => {
  const url = await freshPostgres();
  const server = await startServer({ database: 'postgres', env: { LATCHKEY_DATABASE_URL: url } });
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`
    create function full_disk() returns trigger language plpgsql as
      $$ begin raise exception 'no space left' using errcode = 'disk_full'; end $$;
    create trigger full_disk before update on idempotency_keys
      for each row when (new.reply_sealed is not null) execute function full_disk()`);
  await client.end();
  const headers = { 'idempotency-key': 'made-once' };
  const made = await server.call('/v1/api-keys', { json: { name: 'a key', scopes: ['read'] }, headers });
  expectUnavailable(made);
  expect(await names(server)).toEqual(['First test key']);
});

test('PostgreSQL killed with SIGKILL while keys are made: every acknowledged key is there when it is back', async () => {
  const postgres = await startPostgres({ durable: true });
  cleanups.push(postgres.stop);
  const server = await startServer({ database: 'postgres', env: { LATCHKEY_DATABASE_URL: postgres.url } });
  const acknowledged: string[] = [];
  let killed: Promise<void> | undefined;
  const refused: TestReply[] = [];
  await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const reply = await create(server, `key ${index}`);
      if (reply.status !== 201) return void refused.push(reply);
      acknowledged.push(reply.json.key);
      if (acknowledged.length === 15) killed = postgres.kill9();
    }),
  );
  await killed;
  expect(acknowledged.length).toBeGreaterThanOrEqual(15);
  for (const reply of refused) expectUnavailable(reply);
  expectUnavailable(await create(server, 'never'));
  await postgres.restart();
  await eventually(async () => {
    const seen = await Promise.all(acknowledged.map((key) => verify(server, key)));
    expect(new Set(seen.map(({ status }) => status))).toEqual(new Set([200]));
  });
  const kept = await names(server);
  expect(kept).not.toContain('never');
  expect(kept.length).toBeGreaterThan(acknowledged.length);
  expect((await create(server, 'after')).status).toBe(201);
});
