import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { pageClient, plainText } from '../pages/client.ts';
import { enrolTotp, newBrowser, otpAt, PASSWORD, type Person, signIn } from '../people/browser.ts';
import { allow, answerOf, decide, newApp, personAtBrowser, requestPath } from './authorizing.ts';

const clock = manualClock();
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ clock });
});
afterAll(stopServers);
beforeEach(() => clock.advance(60_000));

/** Elsewhere the person adds an authenticator app: the sessions of before owe a code from then on. */
async function addFactorElsewhere(person: Person): Promise<string> {
  const elsewhere = newBrowser(server);
  expect((await signIn(elsewhere, person.email)).status).toBe(201);
  return (await enrolTotp({ ...person, ...elsewhere }, clock.nowMs)).secret;
}

test('a session that owes its second factor lets no application act, whatever it allowed before', async () => {
  const known = await newApp(server);
  const { client, person } = await personAtBrowser(server);
  await allow(client, known);
  const question = await client.visit(requestPath(await newApp(server)));
  expect(plainText(question)).toContain('act for you?');
  const secret = await addFactorElsewhere(person);

  for (const app of [await newApp(server), await newApp(server, { consent: 'skip' }), known]) {
    const page = await client.visit(requestPath(app));
    expect([page.status, plainText(page)]).toEqual([403, expect.stringContaining('Show your second factor')]);
    const silent = await client.get(requestPath(app, { prompt: 'none' }));
    expect(answerOf(silent).error).toBe('interaction_required');
  }
  // Not by a question that was on the screen before, either.
  const decided = await decide(client, question, 'allow');
  const leadsTo = decided.headers.get('location') ?? '';
  expect(leadsTo).toMatch(/^\/oauth\/consent\?/);
  expect((await client.visit(leadsTo)).status).toBe(403);

  const stopped = await client.visit(requestPath(known));
  const way = /href="(\/account\/proof\?return_to=[^"]+)"/.exec(stopped.text)?.[1] ?? '';
  const form = await client.visit(way.replaceAll('&amp;', '&'));
  clock.advance(60_000);
  const back = await client.post('/account/proof', {
    password: PASSWORD,
    otp: await otpAt(secret, clock.nowMs()),
    return_to: /name="return_to" value="([^"]*)"/.exec(form.text)?.[1]?.replaceAll('&amp;', '&') ?? '',
  });
  const answer = await client.get(back.headers.get('location') ?? '');
  expect(answerOf(answer).code).toMatch(/^[\w-]{43}$/);
});

test('in no workspace it owes it, too: nothing is allowed in another one', async () => {
  const { client, person } = await personAtBrowser(server);
  const root = { key: server.rootKey };
  const second = await server.call('/v1/workspaces', { ...root, json: { name: 'Second' } });
  const json = { user_id: person.userId, role: 'admin', workspace_id: second.json.id };
  expect((await server.call('/v1/members', { ...root, json })).status).toBe(201);
  await addFactorElsewhere(person);
  const { json: members } = await server.call(`/v1/members?workspace_id=${server.workspaceId}`, root);
  const { id } = members.data.find(({ user_id }: { user_id: string }) => user_id === person.userId);
  expect(
    (await server.call(`/v1/members/${id}?workspace_id=${server.workspaceId}`, { ...root, method: 'DELETE' })).status,
  ).toBe(204);
  const page = await client.visit(requestPath(await newApp(server)));
  expect([page.status, plainText(page)]).toEqual([403, expect.stringContaining('Show your second factor')]);
});

test.each([{ prompt: 'login' }, { max_age: '60' }])(
  'A18: %o is not met by a change of the password, for which no second factor was shown',
  async (params) => {
    const app = await newApp(server);
    const { client, person } = await personAtBrowser(server);
    await enrolTotp(person, clock.nowMs);
    await allow(client, app);
    clock.advance(600_000);
    const form = await client.visit(requestPath(app, params));
    const waits = /name="return_to" value="([^"]*)"/.exec(form.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const json = { current_password: PASSWORD, new_password: 'quarry lantern 77 moss' };
    expect((await person.post('/v1/account/password', json)).status).toBe(200);
    for (const [name, value] of person.cookies) client.cookies.set(name, value);
    expect((await client.get('/account')).status).toBe(200);
    expect(plainText(await client.visit(waits))).toContain('Sign in');
  },
);

test.each([{ prompt: 'login' }, { max_age: '60' }])(
  'A18: %o is not met by an old session that is put back once the request waits',
  async (params) => {
    const app = await newApp(server);
    const { client: signedIn } = await personAtBrowser(server);
    const session = new Map(signedIn.cookies);
    clock.advance(600_000);
    const client = pageClient(server);
    const form = await client.visit(requestPath(app, params));
    expect(plainText(form)).toContain('Sign in');
    const waits = /name="return_to" value="([^"]*)"/.exec(form.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
    for (const [name, value] of session) client.cookies.set(name, value);
    expect(plainText(await client.visit(waits))).toContain('Sign in');
  },
);
