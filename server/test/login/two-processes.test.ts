import { afterEach, expect, test } from 'vitest';
import { twoServers, until } from '../domains/installation.ts';
import { stopServers } from '../harness.ts';
import { newPerson, refusal } from '../people/browser.ts';
import { DEAD, loggedIn, login, post, refresh, setRole } from './logins.ts';

afterEach(stopServers);

test('twenty refreshes over two processes are all answered with one successor', async () => {
  const [here, there] = await twoServers();
  const { refreshToken } = await loggedIn(here, await newPerson(here));
  const calls = Array.from({ length: 20 }, (_, index) => refresh(index % 2 === 0 ? here : there, refreshToken));
  const replies = await Promise.all(calls);
  expect(replies.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
  expect(new Set(replies.map(({ json }) => json.refresh_token)).size).toBe(1);
  for (const { json } of replies) {
    expect((await there.call('/v1/users/me', { key: json.token })).status).toBe(200);
  }
});

test('a logout and a lesser role here are heard of there', async () => {
  const [here, there] = await twoServers();
  const person = await newPerson(here, { role: 'developer' });
  const [one, two] = [await loggedIn(here, person), await loggedIn(there, person)];
  for (const { token } of [one, two]) expect((await there.call('/v1/projects', { key: token })).status).toBe(200);
  expect((await post(here, '/v1/auth/logout', {}, one.token)).status).toBe(204);
  expect(refusal(await refresh(there, one.refreshToken))).toEqual(DEAD);
  await until(async () => (await there.call('/v1/projects', { key: one.token })).status === 401);
  expect((await there.call('/v1/projects', { key: two.token })).status).toBe(200);
  await setRole(here, person, 'viewer');
  await until(async () => (await there.call('/v1/projects', { key: two.token })).status === 401);
  const { json } = await refresh(there, two.refreshToken);
  expect((await there.call('/v1/projects', { key: json.token, json: { name: 'p' } })).status).toBe(403);
});

test('a new password that was set here logs in there before that has heard of it', async () => {
  const [here, there] = await twoServers();
  const person = await newPerson(here);
  await there.latchkey.changes.stop();
  const options = { method: 'PATCH', key: here.rootKey, json: { password: 'quarry lantern 77' } };
  expect((await here.call(`/v1/users/${person.userId}`, options)).status).toBe(200);
  expect(refusal(await login(there, person))).toEqual([401, 'invalid_credentials']);
  const { refreshToken } = await loggedIn(there, person, { password: 'quarry lantern 77' });
  expect((await refresh(here, refreshToken)).status).toBe(200);
});
