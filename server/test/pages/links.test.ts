import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { mailTo, newAddress, newBrowser, newPerson, PASSWORD } from '../people/browser.ts';
import { pageClient, plainText, signInByForm } from './client.ts';

const HOUR_MS = 3_600_000;
const NEW_PASSWORD = 'violet harbor 77 sandal';
const clock = manualClock();
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ clock });
});
afterAll(stopServers);
beforeEach(() => clock.advance(2 * HOUR_MS));

async function recoveryLink(email: string): Promise<string> {
  const client = pageClient(server);
  await client.get('/recover');
  await client.submit('/recover', { username: email });
  const { link } = await mailTo(server, email, 'Choose a new password');
  return link.slice(server.issuer.length);
}

test('the token leaves the URL at once, and opening the link uses nothing up', async () => {
  const { email } = await newPerson(server);
  const path = await recoveryLink(email);
  // Scanners of mail open every link, and some twice.
  for (let times = 0; times < 3; times += 1) {
    const scanner = pageClient(server);
    const first = await scanner.get(path);
    expect([first.status, first.headers.get('location'), first.text]).toEqual([303, '/recover/password', '']);
    expect(first.headers.get('referrer-policy')).toBe('no-referrer');
    const second = await scanner.get('/recover/password');
    expect(plainText(second)).toContain(`For ${email}`);
    expect(second.text).not.toContain(new URLSearchParams(path.split('?')[1]).get('token') ?? 'none');
  }
  const client = pageClient(server);
  await client.visit(path);
  const done = await client.submit('/recover/password', { password: NEW_PASSWORD });
  expect(plainText(done)).toContain('Your password is changed.');
  expect((await signInByForm(client, email, NEW_PASSWORD)).status).toBe(303);
  // Used once, it has ended: also for a browser that has the form open still.
  const late = pageClient(server);
  const ended = await late.visit(path);
  expect([ended.status, plainText(ended)]).toEqual([410, expect.stringContaining('This link has ended')]);
});

test('a password that is refused leaves the link alive; an hour ends it', async () => {
  const { email } = await newPerson(server);
  const client = pageClient(server);
  const path = await recoveryLink(email);
  await client.visit(path);
  const refused = await client.post('/recover/password', { password: 'password' });
  expect(refused.status).toBe(422);
  expect(refused.text).toMatch(/id="password-problem">This is among the most used passwords[^<]*</);
  expect(refused.text).toMatch(/aria-describedby="password-problem password-hint" aria-invalid="true"/);
  expect(refused.text).toContain('<title>Error: Choose a new password · Latchkey</title>');
  clock.advance(HOUR_MS);
  const late = await client.post('/recover/password', { password: NEW_PASSWORD });
  expect(late.status).toBe(410);
  expect((await signInByForm(client, email, PASSWORD)).status).toBe(303);
});

test('a link of one kind opens no other page', async () => {
  const { email } = await newPerson(server);
  const path = await recoveryLink(email);
  const token = path.split('token=')[1];
  for (const other of ['/sign-up/confirm', '/email/verify', '/email/change', '/invitations/accept']) {
    const reply = await pageClient(server).visit(`${other}?token=${token}`);
    expect([other, reply.status]).toEqual([other, 410]);
  }
});

test('an address is changed by the link to the new one, after a recent proof', async () => {
  const { email, cookies } = await newPerson(server);
  const client = pageClient(server, new Map(cookies));
  clock.advance(HOUR_MS / 2);
  const asked = await client.visit('/account/email');
  expect(plainText(asked)).toContain('Is it still you?');
  const back = { password: PASSWORD, return_to: '/account/email' };
  expect(plainText(await client.submit('/account/proof', back))).toContain('Change email');
  const next = newAddress('grace');
  expect(plainText(await client.submit('/account/email', { email: next }))).toContain(
    'Until you open it, the old one counts',
  );
  expect(plainText(await client.get('/account'))).toContain(email);
  const { link } = await mailTo(server, next);
  expect(plainText(await client.visit(link.slice(server.issuer.length)))).toContain(`you sign in as ${next}`);
  expect(plainText(await client.submit('/email/change'))).toContain('Your address is changed.');
  expect(plainText(await client.get('/account'))).toContain(next);
});

test('such a link asks who is not signed in to sign in, and goes on; another account is told, and keeps its address', async () => {
  const person = await newPerson(server);
  const next = newAddress('grace');
  await person.post('/v1/account/email', { email: next });
  const path = (await mailTo(server, next)).link.slice(server.issuer.length);
  const other = await newPerson(server);
  const client = pageClient(server, new Map(other.cookies));
  const wrong = await client.visit(path);
  expect([wrong.status, plainText(wrong)]).toEqual([403, expect.stringContaining(`signed in as ${other.email}`)]);
  expect((await client.post('/email/change')).status).toBe(403);
  expect((await other.call('/v1/account')).json.email).toBe(other.email);
  // Signing out comes back to the link, which asks to sign in.
  const out = await client.submit('/sign-out', { return_to: '/email/change' });
  expect(plainText(out)).toContain('Sign in');
  expect((await client.post('/email/change')).headers.get('location')).toBe('/sign-in?return_to=%2Femail%2Fchange');
  expect((await person.call('/v1/account')).json.email).toBe(person.email);
  await client.get('/sign-in?return_to=%2Femail%2Fchange');
  const fields = { username: person.email, password: PASSWORD, return_to: '/email/change' };
  expect(plainText(await client.submit('/sign-in', fields))).toContain(`you sign in as ${next}`);
  expect(plainText(await client.submit('/email/change'))).toContain('Your address is changed.');
  expect((await person.call('/v1/account')).json.email).toBe(next);
});

test('whoever is invited without an account may decline by the link, once', async () => {
  const email = newAddress('unwilling');
  const json = { email, role: 'viewer', workspace_id: server.workspaceId };
  const { id } = (await server.call('/v1/invitations', { key: server.rootKey, json })).json;
  const { link, token } = await mailTo(server, email);
  const client = pageClient(server);
  await client.visit(link.slice(server.issuer.length));
  expect(plainText(await client.post('/invitations/accept/decline'))).toContain('You declined');
  const seen = await server.call(`/v1/invitations/${id}?workspace_id=${server.workspaceId}`, { key: server.rootKey });
  expect(seen.json).toMatchObject({ id, state: 'declined', accepted_at: null });
  const late = await newBrowser(server).post('/v1/account/invitation/decline', { token });
  expect([late.status, late.json.error]).toEqual([400, 'invalid_request']);
  // The same by API.
  await server.call('/v1/invitations', { key: server.rootKey, json });
  const again = { token: (await mailTo(server, email)).token };
  expect((await newBrowser(server).post('/v1/account/invitation/decline', again)).status).toBe(204);
  expect((await newBrowser(server).post('/v1/account/invitation', again)).status).toBe(400);
});

test('whoever is invited without an account makes one and is in; somebody else is told to sign out', async () => {
  const email = newAddress('invited');
  const json = { email, role: 'viewer', workspace_id: server.workspaceId };
  await server.call('/v1/invitations', { key: server.rootKey, json });
  const path = (await mailTo(server, email)).link.slice(server.issuer.length);
  const other = await newPerson(server);
  const wrong = pageClient(server, new Map(other.cookies));
  expect(plainText(await wrong.visit(path))).toContain(`You are signed in as ${other.email}`);
  expect((await wrong.post('/invitations/accept')).status).toBe(403);
  const client = pageClient(server);
  expect(plainText(await client.visit(path))).toContain(`${email} is invited. Role: Viewer.`);
  const joined = await client.submit('/invitations/accept/sign-up', { password: PASSWORD, name: '' });
  expect(plainText(joined)).toContain('You joined the workspace.');
  expect(plainText(joined)).toMatch(/Viewer/);
  expect((await pageClient(server).visit(path)).status).toBe(410);
});
