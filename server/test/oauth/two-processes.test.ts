import { afterEach, expect, test } from 'vitest';
import { ISSUER, twoServers, until } from '../domains/installation.ts';
import { freshPostgres, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { setRole } from '../login/logins.ts';
import { newPerson } from '../people/browser.ts';
import { startPostgresProxy } from '../storage/postgres-proxy.ts';
import { claimsOf } from '../tokens/issuing.ts';
import { codeFor, consented, newClient, post, refusal, token, withCode, withRefresh } from './clients.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  await stopServers();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const works = async (server: TestServer, key: string) => (await server.call('/v1/projects', { key })).status === 200;

test('of fifty redemptions of one code over two processes one succeeds, and what it gave has ended', async () => {
  const [here, there] = await twoServers();
  const client = await newClient(here, { type: 'public' });
  const code = await codeFor(await newPerson(here), client);
  const calls = Array.from({ length: 50 }, (_, index) => token(index % 2 ? here : there, client, withCode(code)));
  const replies = await Promise.all(calls);
  const won = replies.filter(({ status }) => status === 200);
  expect(won).toHaveLength(1);
  for (const reply of replies) if (reply !== won[0]) expect(refusal(reply)).toEqual([400, 'invalid_grant']);
  const { access_token: text, refresh_token: next } = won[0]?.json ?? {};
  expect(refusal(await token(there, client, withRefresh(next)))).toEqual([400, 'invalid_grant']);
  await until(async () => !(await works(here, text)) && !(await works(there, text)));
});

test('twenty refreshes over two processes are all answered with one successor', async () => {
  const [here, there] = await twoServers();
  const client = await newClient(here, { type: 'public' });
  const given = await consented(here, await newPerson(here), client);
  const calls = Array.from({ length: 20 }, (_, index) =>
    token(index % 2 ? here : there, client, withRefresh(given.refresh_token)),
  );
  const replies = await Promise.all(calls);
  expect(replies.map(({ status }) => status)).toEqual(Array(20).fill(200));
  expect(new Set(replies.map(({ json }) => json.refresh_token)).size).toBe(1);
});

test('what is revoked here is refused there within a second, and inactive', async () => {
  const [here, there] = await twoServers();
  const client = await newClient(here);
  const given = await consented(here, await newPerson(here), client);
  const active = async () =>
    (await post(there, '/oauth/introspect', { token: given.access_token }, { client })).json.active === true;
  expect([await works(there, given.access_token), await active()]).toEqual([true, true]);
  expect((await post(here, '/oauth/revoke', { token: given.refresh_token }, { client })).status).toBe(200);
  await until(async () => !(await works(there, given.access_token)));
  expect(await active()).toBe(false);
  expect(refusal(await token(there, client, withRefresh(given.refresh_token)))).toEqual([400, 'invalid_grant']);
});

test('a user whose role changed here gets tokens there before that has heard of it', async () => {
  const [here, there] = await twoServers();
  const client = await newClient(here);
  const person = await newPerson(here);
  const code = await codeFor(person, client);
  expect((await post(there, '/oauth/introspect', { token: 'x' }, { client })).status).toBe(200);
  await there.latchkey.changes.stop();
  await setRole(here, person, 'viewer');
  const reply = await token(there, client, withCode(code));
  expect(reply.status, reply.text).toBe(200);
  expect(await works(here, reply.json.access_token)).toBe(true);
});

test('a user who was disabled and given back here gets no tokens there for a code from before', async () => {
  const [here, there] = await twoServers();
  const client = await newClient(here);
  const person = await newPerson(here);
  const code = await codeFor(person, client);
  await there.latchkey.changes.stop();
  const set = (state: string) => ({ method: 'PATCH', key: here.rootKey, json: { state } });
  for (const state of ['disabled', 'active']) {
    expect((await here.call(`/v1/users/${person.userId}`, set(state))).status).toBe(200);
  }
  expect(refusal(await token(there, client, withCode(code)))).toEqual([400, 'invalid_grant']);
});

test('while the database is away nothing is acknowledged and nothing is used up', async () => {
  const proxy = await startPostgresProxy(await freshPostgres());
  cleanups.push(proxy.close);
  const env = { ...ISSUER, LATCHKEY_DATABASE_URL: proxy.url, LATCHKEY_MAX_STALE: '60s' };
  const server = await startServer({ database: 'postgres', env, clock: manualClock() });
  const client = await newClient(server);
  const person = await newPerson(server);
  const given = await consented(server, person, client);
  const code = await codeFor(person, client);
  proxy.cut();
  const calls = [
    post(server, '/oauth/revoke', { token: given.refresh_token }, { client }),
    post(server, '/oauth/revoke', { token: given.access_token }, { client }),
    token(server, client, withCode(code)),
    token(server, client, withRefresh(given.refresh_token)),
    post(server, '/oauth/introspect', { token: given.refresh_token }, { client }),
  ];
  for (const reply of await Promise.all(calls)) {
    expect(refusal(reply)).toEqual([503, 'temporarily_unavailable']);
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  }
  // What needs no database goes on: an application that is known, and a token that is.
  const alone = await token(server, client, { grant_type: 'client_credentials' });
  expect(alone.status, alone.text).toBe(200);
  expect(claimsOf(alone.json.access_token).sub).toBe(client.id);
  proxy.mend();
  await until(async () => (await token(server, client, withRefresh(given.refresh_token))).status === 200);
  expect((await token(server, client, withCode(code))).status).toBe(200);
  expect(await works(server, given.access_token)).toBe(true);
});
