import { afterEach, expect, test } from 'vitest';
import { freshPostgres, manualClock, startServer, stopServers } from '../harness.ts';
import { startPostgresProxy } from '../storage/postgres-proxy.ts';
import { newAddress, newBrowser, newPerson, PASSWORD, signIn } from './browser.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  await stopServers();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function watchedServer() {
  const proxy = await startPostgresProxy(await freshPostgres());
  cleanups.push(proxy.close);
  const env = { LATCHKEY_DATABASE_URL: proxy.url };
  const server = await startServer({ database: 'postgres', env, clock: manualClock() });
  // Counting is PostgreSQL's only where there is no Redis; the rest is work by the clock.
  const periodic =
    /"(?:changes|job_leases|audit_batches|audit_keys|mail_outbox|signing_keys|token_\w+)"|_sealed" is not null|"audit_events" where|^update audit_events set batch|\blimit_buckets\b|^(?:begin|commit|rollback)/;
  const during = async (work: () => Promise<unknown>) => {
    const from = proxy.statements.length;
    await work();
    return proxy.statements.slice(from).filter((statement) => !periodic.test(statement));
  };
  return { server, during };
}

test('a sign-in costs four statements at most', async () => {
  const { server, during } = await watchedServer();
  const { email } = await newPerson(server);
  const statements = await during(async () => {
    expect((await signIn(newBrowser(server), email)).status).toBe(201);
  });
  expect(statements).toEqual([
    expect.stringMatching(/^select "users"/),
    expect.stringMatching(/^insert into "sessions"/),
    expect.stringMatching(/^insert into "audit_events"/),
  ]);
});

test('a login by API costs five statements beside a look at the newest watermark, and a refresh three', async () => {
  const { server, during } = await watchedServer();
  const { email } = await newPerson(server);
  let refreshToken = '';
  const login = await during(async () => {
    const json = { username: email, password: PASSWORD };
    const reply = await server.call('/v1/auth/login', { key: null, json });
    expect(reply.status).toBe(200);
    refreshToken = reply.json.refresh_token;
  });
  expect(login).toEqual([
    expect.stringMatching(/^select "users"/),
    expect.stringMatching(/^select "members"/),
    expect.stringMatching(/^insert into "sessions"/),
    expect.stringMatching(/^insert into "audit_events"/),
    expect.stringMatching(/^insert into "refresh_families"/),
  ]);
  const refresh = await during(async () => {
    const json = { refresh_token: refreshToken };
    expect((await server.call('/v1/auth/refresh', { key: null, json })).status).toBe(200);
  });
  expect(refresh).toEqual([
    expect.stringMatching(/^select \*/),
    expect.stringMatching(/^select "members"/),
    expect.stringMatching(/^update "refresh_families"/),
  ]);
});

test('a wrong password costs the same whether there is an account or not', async () => {
  const { server, during } = await watchedServer();
  const { email } = await newPerson(server);
  const guess = (address: string) => during(() => signIn(newBrowser(server), address, 'wrong guess'));
  const known = await guess(email);
  expect(known.length).toBeGreaterThan(1);
  expect(await guess(newAddress('nobody'))).toEqual(known);
  const recover = (address: string) => newBrowser(server).post('/v1/account/recovery', { email: address });
  const [asked, unknown] = [await during(() => recover(email)), await during(() => recover(newAddress('nobody')))];
  // One transaction each; that of the known one also holds the link.
  for (const statements of [asked, unknown]) expect(statements.at(-1)).toMatch(/^insert into "audit_events"/);
});

test('a session that was seen before is answered from memory', async () => {
  const server = await startServer({ clock: manualClock() });
  const [warm, cold] = [await newPerson(server), await newPerson(server)];
  expect((await warm.call('/v1/auth/verify')).status).toBe(200);
  await server.latchkey.database.close();
  for (let round = 0; round < 5; round += 1) expect((await warm.call('/v1/auth/verify')).status).toBe(200);
  expect((await cold.call('/v1/auth/verify')).status).toBeGreaterThanOrEqual(500);
  await server.stop().catch(() => {});
});
