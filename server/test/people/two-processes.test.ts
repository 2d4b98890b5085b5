import { afterEach, expect, test } from 'vitest';
import { GUESSES_PER_HOUR } from '../../src/accounts/guessing/guesses.ts';
import { answerTo, makeKey, makeWorkspace, START_MS, startBeside, WORKS } from '../domains/installation.ts';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { type Browser, enrolTotp, newBrowser, newPerson, otpAt, PASSWORD, type Person, signIn } from './browser.ts';

afterEach(stopServers);

const clock = manualClock(START_MS);

async function twoServers(): Promise<[TestServer, TestServer]> {
  const first = await startServer({ database: 'postgres', clock });
  return [first, await startBeside(first)];
}

/** The same browser, sent to the other process by a load balancer. */
function elsewhere(server: TestServer, { cookies }: Browser): Browser {
  const browser = newBrowser(server);
  for (const [name, value] of cookies) browser.cookies.set(name, value);
  return browser;
}

/** Waits for what another process has heard: its poll of `changes` runs in real time. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  const startedAt = performance.now();
  while (!(await condition())) {
    if (performance.now() - startedAt > 5000) throw new Error('the other process has not heard of it in five seconds');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const isSignedIn = async (browser: Browser) => (await browser.call('/v1/account')).status === 200;

test('a session that ends here is refused there, whatever ended it', async () => {
  const [here, there] = await twoServers();
  const root = { key: here.rootKey, method: 'PATCH' };
  const ends: [string, (person: Person) => Promise<unknown>][] = [
    ['signing out', (person) => person.post('/v1/account/sign-out')],
    ['another sign-in in the same browser', (person) => signIn(person, person.email)],
    [
      'a new password',
      (person) =>
        person.post('/v1/account/password', { current_password: PASSWORD, new_password: 'quarry lantern 77' }),
    ],
    ['a disabled account', ({ userId }) => here.call(`/v1/users/${userId}`, { ...root, json: { state: 'disabled' } })],
    ['a deleted account', ({ userId }) => here.call(`/v1/users/${userId}`, { key: here.rootKey, method: 'DELETE' })],
    [
      'ending it from elsewhere',
      async ({ email, sessionId }) => {
        const other = newBrowser(here);
        await signIn(other, email);
        await other.call(`/v1/account/sessions/${sessionId}`, { method: 'DELETE' });
      },
    ],
  ];
  for (const [what, end] of ends) {
    const person = await newPerson(here);
    const copy = elsewhere(there, person);
    expect(await isSignedIn(copy), what).toBe(true);
    await end(person);
    await until(async () => !(await isSignedIn(copy)));
  }
});

test('roles and owners of keys follow there too', async () => {
  const [here, there] = await twoServers();
  const owner = await newPerson(here, { role: 'owner' });
  const member = await newPerson(here, { role: 'developer' });
  const { key } = await makeKey(here, { owner: member.userId });
  const copy = elsewhere(there, member);
  expect((await copy.post('/v1/projects', { name: 'p' })).status).toBe(201);
  expect(await answerTo(there, key)).toEqual(WORKS);
  const { data } = (await owner.call('/v1/members')).json;
  const { id } = data.find((each: { user_id: string }) => each.user_id === member.userId);
  await owner.call(`/v1/members/${id}`, { method: 'PATCH', json: { role: 'viewer' } });
  await until(async () => (await copy.post('/v1/projects', { name: 'p' })).status === 403);
  await here.call(`/v1/users/${member.userId}`, { key: here.rootKey, method: 'PATCH', json: { state: 'disabled' } });
  await until(async () => (await answerTo(there, key))[0] === 401);
});

test('a wrong password counts in both, a code works in one', async () => {
  const [here, there] = await twoServers();
  const person = await newPerson(here);
  const { secret } = await enrolTotp(person, clock.nowMs);
  clock.advance(60_000);
  const otp = await otpAt(secret, clock.nowMs());
  const withCode = [here, there, here, there].map((server) =>
    signIn(newBrowser(server), person.email, PASSWORD, { otp }),
  );
  const passed = (await Promise.all(withCode)).filter(({ status }) => status === 201);
  expect(passed).toHaveLength(1);
  const victim = await newPerson(here);
  const guesses = Array.from({ length: 60 }, (_, index) =>
    signIn(newBrowser(index % 2 === 0 ? here : there), victim.email, `wrong guess ${index}`),
  );
  const statuses = (await Promise.all(guesses)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 401)).toHaveLength(GUESSES_PER_HOUR.account);
});

test('two owners who demote each other on two processes leave one', async () => {
  const [here, there] = await twoServers();
  for (let round = 0; round < 8; round += 1) {
    const workspaceId = await makeWorkspace(here);
    const a = await newPerson(here, { workspace_id: workspaceId, role: 'owner' });
    const b = await newPerson(here, { workspace_id: workspaceId, role: 'owner' });
    const onThere = elsewhere(there, b);
    await onThere.call('/v1/members');
    const { data } = (await a.call('/v1/members')).json;
    const idOf = ({ userId }: Person) => data.find((each: { user_id: string }) => each.user_id === userId).id;
    const demotion = { method: 'PATCH', json: { role: 'viewer' } };
    await Promise.all([
      a.call(`/v1/members/${idOf(b)}`, demotion),
      onThere.call(`/v1/members/${idOf(a)}`, demotion),
      a.call(`/v1/members/${idOf(a)}`, { method: 'DELETE' }),
      onThere.call(`/v1/members/${idOf(b)}`, { method: 'DELETE' }),
    ]);
    const left = await here.call(`/v1/members?workspace_id=${workspaceId}`, { key: here.rootKey });
    const owners = left.json.data.filter(({ role }: { role: string }) => role === 'owner');
    expect([round, owners.length]).toEqual([round, 1]);
  }
});
