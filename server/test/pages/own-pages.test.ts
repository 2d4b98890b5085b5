import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventsAbout, makeWorkspace } from '../domains/installation.ts';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { newAddress, newPerson, PASSWORD, type Person } from '../people/browser.ts';
import { type PageClient, pageClient, plainText, signInByForm } from './client.ts';

const clock = manualClock();
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ clock });
});
afterAll(stopServers);

async function signedIn(fields: Record<string, unknown> = {}): Promise<{ person: Person; client: PageClient }> {
  const person = await newPerson(server, fields);
  return { person, client: pageClient(server, new Map(person.cookies)) };
}

test('a name is given, changed and taken away', async () => {
  const { person, client } = await signedIn();
  expect(plainText(await client.get('/account'))).toContain('Name None yet. Your address is shown instead. Add');
  expect(plainText(await client.get('/account/name'))).toContain('Add your name');
  const added = await client.submit('/account/name', { name: '  Ada <b>Lovelace</b> ' });
  expect(added.text).toContain('Ada &lt;b>Lovelace&lt;/b>, this is what lets you in');
  expect(plainText(added)).toContain('Your name is changed.');
  expect((await person.call('/v1/account')).json.name).toBe('Ada <b>Lovelace</b>');
  const event = (await eventsAbout(server, person.userId)).at(-1);
  expect(event).toMatchObject({ action: 'user.updated', actor_kind: 'user', actor_id: person.userId });
  expect((await client.get('/account/name')).text).toContain('value="Ada &lt;b>Lovelace&lt;/b>"');
  await client.submit('/account/name', { name: 'n'.repeat(300) });
  expect((await person.call('/v1/account')).json.name).toBe('n'.repeat(100));
  expect(plainText(await client.submit('/account/name', { name: ' ' }))).toContain('Your name is removed.');
  expect((await person.call('/v1/account')).json.name).toBeNull();
});

async function inviteTo(workspaceId: string, email: string, role = 'viewer'): Promise<string> {
  const json = { email, role, workspace_id: workspaceId };
  const made = await server.call('/v1/invitations', { key: server.rootKey, json });
  expect(made.status, made.text).toBe(201);
  return made.json.id;
}

const place = '/account/workspaces';
const join = `${place}/join`;
const stateOf = async (workspaceId: string, id: string) =>
  (await server.call(`/v1/invitations/${id}?workspace_id=${workspaceId}`, { key: server.rootKey })).json.state;

test('open invitations to the confirmed address are listed, and joined without the mail', async () => {
  const { person, client } = await signedIn();
  expect(plainText(await client.get(place))).not.toContain('Invitations');
  const workspaceId = await makeWorkspace(server, 'Acme & Sons');
  const id = await inviteTo(workspaceId, person.email.toUpperCase(), 'admin');
  const page = await client.get(place);
  expect(plainText(page)).toContain(`Invitations To ${person.email}. You decide whether to join.`);
  expect(page.text).toContain('<h3>Acme &amp; Sons</h3>');
  expect(plainText(page)).toMatch(/Acme &amp; Sons As Admin\. Open until \S+ \d+, \d{4}, [\d:]+ [AP]M UTC ?\. Join/);
  expect(plainText(await client.submit(join, { invitation: id }))).toContain('You joined the workspace.');
  const { json } = await person.call('/v1/auth/verify');
  expect(json).toMatchObject({ workspace_id: workspaceId, scopes: ['admin'] });
  expect(await stateOf(workspaceId, id)).toBe('accepted');
  const event = (await eventsAbout(server, id)).at(-1);
  expect(event).toMatchObject({ action: 'invitation.accepted', actor_id: person.userId });
  expect(plainText(await client.get(place))).not.toContain('You decide whether to join.');
});

test('an invitation is declined on the page, and the inviter sees it', async () => {
  const { person, client } = await signedIn();
  const workspaceId = await makeWorkspace(server, 'Unwanted');
  const id = await inviteTo(workspaceId, person.email);
  await client.get(place);
  expect(plainText(await client.submit(`${place}/decline`, { invitation: id }))).toContain(
    'You declined the invitation.',
  );
  expect(await stateOf(workspaceId, id)).toBe('declined');
  const event = (await eventsAbout(server, id)).at(-1);
  expect(event).toMatchObject({ action: 'invitation.declined', actor_id: person.userId, workspace_id: workspaceId });
  expect(plainText(await client.get(place))).not.toContain('You decide whether to join.');
  expect((await client.post(join, { invitation: id })).status).toBe(400);
  expect((await client.post(`${place}/decline`, { invitation: id })).status).toBe(400);
  const others = await inviteTo(workspaceId, newAddress());
  expect((await client.post(`${place}/decline`, { invitation: others })).status).toBe(400);
  expect(await stateOf(workspaceId, others)).toBe('pending');
});

test('what is not open to this person cannot be joined, and is not told apart', async () => {
  const { person, client } = await signedIn();
  const workspaceId = await makeWorkspace(server);
  const others = await inviteTo(workspaceId, newAddress());
  const revoked = await inviteTo(workspaceId, person.email);
  const path = `/v1/invitations/${revoked}?workspace_id=${workspaceId}`;
  expect((await server.call(path, { key: server.rootKey, method: 'DELETE' })).status).toBe(204);
  await client.get(place);
  for (const invitation of [others, revoked, 'inv_000000000000000000000000', 'x'.repeat(500), '']) {
    const reply = await client.post(join, { invitation });
    expect([invitation, reply.status]).toEqual([invitation, 400]);
    expect(plainText(reply)).toContain('This invitation was used, revoked, or has expired.');
  }
  expect(await stateOf(workspaceId, others)).toBe('pending');
  expect((await person.call('/v1/auth/verify')).json.workspace_id).toBe(server.workspaceId);
});

test('an address that is not confirmed joins nothing, and is not shown what waits', async () => {
  const { person, client } = await signedIn({ email_verified: false });
  const workspaceId = await makeWorkspace(server, 'Hidden');
  const id = await inviteTo(workspaceId, person.email);
  const page = plainText(await client.get(place));
  expect(page).not.toContain('Hidden');
  expect(page).toContain('Once your address is confirmed, invitations to it stand here too.');
  expect((await client.post(join, { invitation: id })).status).toBe(400);
  expect(await stateOf(workspaceId, id)).toBe('pending');
});

test('an invitation ends after a week, and is not shown to who is in already', async () => {
  const { person, client } = await signedIn();
  const [late, already] = [await makeWorkspace(server, 'Late'), await makeWorkspace(server, 'Already')];
  const id = await inviteTo(late, person.email);
  await inviteTo(already, person.email);
  const member = { user_id: person.userId, role: 'viewer', workspace_id: already };
  expect((await server.call('/v1/members', { key: server.rootKey, json: member })).status).toBe(201);
  const page = await client.get(place);
  expect(page.text.match(/action="\/account\/workspaces\/join"/g)).toHaveLength(1);
  clock.advance(7 * 86_400_000);
  const later = pageClient(server);
  expect((await signInByForm(later, person.email, PASSWORD)).status).toBe(303);
  const after = await later.get(place);
  expect([plainText(after).includes('Already'), after.text.includes('name="invitation"')]).toEqual([true, false]);
  expect((await later.post(join, { invitation: id })).status).toBe(400);
});

test('of parallel joins one makes a member', async () => {
  const { person, client } = await signedIn();
  const workspaceId = await makeWorkspace(server);
  const id = await inviteTo(workspaceId, person.email);
  await client.get(place);
  const replies = await Promise.all(Array.from({ length: 8 }, () => client.post(join, { invitation: id })));
  expect(replies.filter(({ status }) => status === 303)).toHaveLength(1);
  const { json } = await server.call(`/v1/members?workspace_id=${workspaceId}`, { key: server.rootKey });
  expect(json.data).toMatchObject([{ user_id: person.userId }]);
});

test.each(['/account/name', join])('without its token %s does nothing', async (path) => {
  const { person, client } = await signedIn({ name: 'Ada' });
  const workspaceId = await makeWorkspace(server);
  const invitation = await inviteTo(workspaceId, person.email);
  const reply = await client.post(path, { form_token: 'a', name: 'Eve', invitation });
  expect(reply.status).toBe(403);
  expect((await person.call('/v1/account')).json.name).toBe('Ada');
  expect(await stateOf(workspaceId, invitation)).toBe('pending');
});
