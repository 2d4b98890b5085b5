import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { DATABASES, type DatabaseName, freshPostgres, manualClock, startServer, stopServers } from '../harness.ts';
import { pageClient, signInByForm } from '../pages/client.ts';
import { startPostgresProxy } from '../storage/postgres-proxy.ts';
import { watchSqlite } from '../storage/sqlite-statements.ts';
import { newAddress, newBrowser, newPerson, PASSWORD, signIn } from './browser.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  await stopServers();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** The rest is work by the clock; counting is PostgreSQL's only where there is no Redis. */
const PERIODIC =
  /"(?:changes|job_leases|audit_batches|audit_keys|signing_keys)"|_sealed" is not null|"audit_events" where|^update audit_events|^(?!insert)[\s\S]*"mail_outbox"|\blimit_buckets\b|^(?:begin|commit|rollback)/;

async function watchedServer(database: DatabaseName = 'postgres') {
  const clock = manualClock();
  if (database === 'sqlite') {
    const watched = watchSqlite();
    cleanups.push(async () => watched.stop());
    return { server: await startServer({ clock }), during: hearing(watched.statements) };
  }
  const proxy = await startPostgresProxy(await freshPostgres());
  cleanups.push(proxy.close);
  const server = await startServer({ database, env: { LATCHKEY_DATABASE_URL: proxy.url }, clock });
  return { server, during: hearing(proxy.statements) };
}

function hearing(statements: readonly string[]) {
  return async (work: () => Promise<unknown>) => {
    const from = statements.length;
    await work();
    return statements.slice(from).filter((statement) => !PERIODIC.test(statement));
  };
}

describe.each(DATABASES)('on %s', (database) => {
  test('a sign-in costs three statements', async () => {
    const { server, during } = await watchedServer(database);
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

  test('a login by API costs four statements, and a refresh three', async () => {
    const { server, during } = await watchedServer(database);
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
      expect.stringMatching(/^select .* from "members"/),
      expect.stringMatching(/^update "refresh_families"/),
    ]);
  });
});

/** What the threads that hash are asked while something is done: each is one argon2 computation. */
async function hashesDuring(work: () => Promise<unknown>): Promise<{ hash: string | null }[]> {
  const asked = vi.spyOn(Worker.prototype, 'postMessage');
  try {
    await work();
    return asked.mock.calls.map(([job]) => job);
  } finally {
    asked.mockRestore();
  }
}

test('a sign-in, a login and a form compute argon2 once: for a right password, a wrong one, and nobody', async () => {
  const server = await startServer({ clock: manualClock() });
  const { email } = await newPerson(server);
  const form = async (username: string, password: string) => {
    const client = pageClient(server);
    return (await signInByForm(client, username, password)).status === 303 ? 201 : 401;
  };
  const api = async (username: string, password: string) => {
    const reply = await server.call('/v1/auth/login', { key: null, json: { username, password } });
    return reply.status === 200 ? 201 : reply.status;
  };
  const page = async (address: string, password: string) =>
    (await signIn(newBrowser(server), address, password)).status;
  for (const enter of [page, api, form]) {
    for (const [address, password, status] of [
      [email, PASSWORD, 201],
      [email, 'a wrong guess of it', 401],
      [newAddress('nobody'), PASSWORD, 401],
    ] as const) {
      const jobs = await hashesDuring(async () => expect(await enter(address, password)).toBe(status));
      expect(jobs).toEqual([{ hash: expect.stringMatching(/^\$argon2id\$/), text: password }]);
    }
  }
});

const headOf = (statement: string) => /^\w+ (?:\w+ )?"\w+"/.exec(statement)?.[0] ?? statement;

test('a wrong password, and a recovery, cost the same whether there is an account or not', async () => {
  const { server, during } = await watchedServer();
  const { email } = await newPerson(server);
  const guess = (address: string) => during(() => signIn(newBrowser(server), address, 'wrong guess'));
  const known = await guess(email);
  expect(known.length).toBeGreaterThan(1);
  expect(await guess(newAddress('nobody'))).toEqual(known);
  const recover = (address: string) => newBrowser(server).post('/v1/account/recovery', { email: address });
  const [asked, unknown] = [await during(() => recover(email)), await during(() => recover(newAddress('nobody')))];
  expect(asked.map(headOf)).toEqual([
    'select "users"',
    'delete from "mail_tokens"',
    'insert into "mail_tokens"',
    'insert into "mail_outbox"',
    'insert into "audit_events"',
  ]);
  expect(unknown).toEqual(asked);
  const signUp = (address: string) =>
    newBrowser(server).post('/v1/account/sign-up', { email: address, password: PASSWORD });
  const [again, first] = [await during(() => signUp(email)), await during(() => signUp(newAddress('nobody')))];
  expect(first.map(headOf)).toContain('insert into "mail_outbox"');
  expect(again).toEqual(first);
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
