import { makeId } from '@latchkey/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { GUESSES_PER_HOUR } from '../../src/accounts/guessing/guesses.ts';
import { pooledRandom } from '../../src/crypto/index.ts';
import {
  answerTo,
  eventsAbout,
  expectAsIfMissing,
  makeKey,
  makeWorkspace,
  START_MS,
  WORKS,
} from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { mailTo, newAddress, newBrowser, newPerson, PASSWORD, type Person, refusal, signIn } from './browser.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FORBIDDEN: [number, string] = [403, 'forbidden'];

describe.each(DATABASES)('members on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(2 * HOUR_MS));

  /** A fresh workspace with one person in each role that is named. */
  async function team(...roles: string[]): Promise<{ workspaceId: string; people: Person[] }> {
    const workspaceId = await makeWorkspace(server);
    const people: Person[] = [];
    for (const role of roles) people.push(await newPerson(server, { workspace_id: workspaceId, role }));
    return { workspaceId, people };
  }
  const memberId = async (by: Person, userId: string): Promise<string> => {
    const { json } = await by.call('/v1/members');
    return json.data.find((each: { user_id: string }) => each.user_id === userId).id;
  };
  const setRole = async (by: Person, of: Person, role: string) =>
    by.call(`/v1/members/${await memberId(by, of.userId)}`, { method: 'PATCH', json: { role } });
  const remove = async (by: Person, of: Person) =>
    by.call(`/v1/members/${await memberId(by, of.userId)}`, { method: 'DELETE' });

  test('each role may do what it says', async () => {
    const { people } = await team('owner', 'admin', 'developer', 'viewer');
    const key = { name: 'k', scopes: ['read'] };
    const outcomes = async (person: Person) => ({
      sees: (await person.call('/v1/api-keys')).status,
      makesKeys: (await person.post('/v1/api-keys', key)).status,
      makesAdminKeys: (await person.post('/v1/api-keys', { name: 'k', scopes: ['admin'] })).status,
      writes: (await person.post('/v1/projects', { name: 'p' })).status,
      seesMembers: (await person.call('/v1/members')).status,
      invites: (await person.post('/v1/invitations', { email: newAddress(), role: 'viewer' })).status,
      renames: (await person.call(`/v1/workspaces/${person.workspaceId}`, { method: 'PATCH', json: { name: 'N' } }))
        .status,
      makesUsers: (await person.post('/v1/users', { email: newAddress() })).status,
      makesPlans: (await person.post('/v1/plans', { name: 'p' })).status,
    });
    const all = {
      sees: 200,
      makesKeys: 201,
      makesAdminKeys: 201,
      writes: 201,
      seesMembers: 200,
      invites: 201,
      renames: 200,
    };
    const never = { makesUsers: 403, makesPlans: 403 };
    const found = [];
    for (const person of people) found.push(await outcomes(person));
    expect(found).toEqual([
      { ...all, ...never },
      { ...all, ...never },
      { ...all, ...never, makesAdminKeys: 403, invites: 403, renames: 403 },
      {
        sees: 200,
        makesKeys: 403,
        makesAdminKeys: 403,
        writes: 403,
        seesMembers: 200,
        invites: 403,
        renames: 403,
        ...never,
      },
    ]);
  });

  test('what a person made belongs to the workspace: it outlives the session and the person', async () => {
    const { people } = await team('owner', 'developer');
    const [owner, developer] = people as [Person, Person];
    const made = await developer.post('/v1/api-keys', { name: 'k', scopes: ['read'] });
    expect(made.json).toMatchObject({ created_by: developer.userId, expires_at: null, owner: null });
    expect((await remove(owner, developer)).status).toBe(204);
    expect(await answerTo(server, made.json.key)).toEqual(WORKS);
    expect((await owner.call(`/v1/api-keys/${made.json.id}`)).status).toBe(200);
  });

  test('a role that is taken away is gone at the next call', async () => {
    const { people } = await team('owner', 'developer');
    const [owner, developer] = people as [Person, Person];
    expect((await developer.post('/v1/projects', { name: 'p' })).status).toBe(201);
    expect((await setRole(owner, developer, 'viewer')).json).toMatchObject({ role: 'viewer' });
    expect((await developer.post('/v1/projects', { name: 'p' })).status).toBe(403);
    expect((await remove(owner, developer)).status).toBe(204);
    expect(refusal(await developer.call('/v1/projects'))).toEqual(FORBIDDEN);
    expect((await developer.call('/v1/account')).status).toBe(200);
  });

  test('nobody gives a role above the own, or touches an owner without being one', async () => {
    const { workspaceId, people } = await team('owner', 'admin', 'developer', 'viewer');
    const [owner, admin, developer, viewer] = people as [Person, Person, Person, Person];
    expect(refusal(await setRole(admin, developer, 'owner'))).toEqual(FORBIDDEN);
    expect(refusal(await setRole(admin, admin, 'owner'))).toEqual(FORBIDDEN);
    expect(refusal(await setRole(admin, owner, 'viewer'))).toEqual(FORBIDDEN);
    expect(refusal(await remove(admin, owner))).toEqual(FORBIDDEN);
    expect((await setRole(developer, developer, 'admin')).status).toBe(403);
    expect((await setRole(viewer, viewer, 'developer')).status).toBe(403);
    expect((await remove(developer, viewer)).status).toBe(403);
    for (const role of ['owner', 'admin']) {
      const invited = await admin.post('/v1/invitations', { email: newAddress(), role });
      expect([role, invited.status]).toEqual([role, role === 'owner' ? 403 : 201]);
    }
    // A key is not more than its scopes: with members:write alone it gives no role that can do anything else.
    const { key } = await makeKey(server, { workspace_id: workspaceId, scopes: ['members:write', 'members:read'] });
    for (const role of ['owner', 'admin', 'developer', 'viewer']) {
      const json = { email: newAddress(), role };
      expect(refusal(await server.call('/v1/invitations', { key, json })), role).toEqual(FORBIDDEN);
    }
    expect((await setRole(owner, developer, 'owner')).json.role).toBe('owner');
  });

  test('a key that may do less than a member changes and removes them not', async () => {
    const { workspaceId, people } = await team('owner', 'admin', 'developer');
    const [owner, admin, developer] = people as [Person, Person, Person];
    const { key } = await makeKey(server, { workspace_id: workspaceId, scopes: ['members:write', 'members:read'] });
    for (const person of [owner, admin, developer]) {
      const path = `/v1/members/${await memberId(owner, person.userId)}`;
      const demoted = await server.call(path, { key, method: 'PATCH', json: { role: 'viewer' } });
      expect(refusal(demoted)).toEqual(FORBIDDEN);
      expect(refusal(await server.call(path, { key, method: 'DELETE' }))).toEqual(FORBIDDEN);
    }
    expect((await remove(admin, developer)).status).toBe(204);
  });

  test('a workspace keeps an owner: the last one cannot leave, be changed or be removed', async () => {
    const { people } = await team('owner', 'admin');
    const [owner, admin] = people as [Person, Person];
    for (const reply of [await setRole(owner, owner, 'viewer'), await remove(owner, owner)]) {
      expect(refusal(reply)).toEqual([409, 'conflict']);
    }
    const removal = await server.call(`/v1/users/${owner.userId}?workspace_id=${owner.workspaceId}`, {
      key: server.rootKey,
      method: 'DELETE',
    });
    expect(refusal(removal)).toEqual([409, 'conflict']);
    expect((await setRole(owner, admin, 'owner')).status).toBe(200);
    expect((await remove(owner, owner)).status).toBe(204);
    expect(refusal(await owner.call('/v1/members'))).toEqual(FORBIDDEN);
    expect((await admin.call('/v1/members')).json.data).toHaveLength(1);
  });

  test('two owners who demote or remove each other at the same moment leave one', async () => {
    for (let round = 0; round < 6; round += 1) {
      const { workspaceId, people } = await team('owner', 'owner');
      const [a, b] = people as [Person, Person];
      const [idA, idB] = [await memberId(a, a.userId), await memberId(a, b.userId)];
      const demote = (by: Person, id: string) =>
        round % 2 === 0
          ? by.call(`/v1/members/${id}`, { method: 'PATCH', json: { role: 'viewer' } })
          : by.call(`/v1/members/${id}`, { method: 'DELETE' });
      const replies = await Promise.all([demote(a, idB), demote(b, idA), demote(a, idA), demote(b, idB)]);
      const { json } = await server.call(`/v1/members?workspace_id=${workspaceId}`, { key: server.rootKey });
      const owners = json.data.filter((each: { role: string }) => each.role === 'owner');
      expect([round, owners.length], replies.map(({ text }) => text).join('\n')).toEqual([round, 1]);
      expect(replies.some(({ status }) => status < 300)).toBe(true);
    }
  });

  test('an owner hands the workspace over', async () => {
    const { workspaceId, people } = await team('owner', 'developer', 'admin');
    const [owner, developer, admin] = people as [Person, Person, Person];
    const id = await memberId(owner, developer.userId);
    expect(refusal(await admin.post(`/v1/members/${id}/transfer`))).toEqual(FORBIDDEN);
    expect((await owner.post(`/v1/members/${id}/transfer`)).json).toMatchObject({ role: 'owner' });
    const { data } = (await admin.call('/v1/members')).json;
    const roles = new Map(data.map((each: { user_id: string; role: string }) => [each.user_id, each.role]));
    expect([owner, developer, admin].map(({ userId }) => roles.get(userId))).toEqual(['admin', 'owner', 'admin']);
    expect(refusal(await owner.post(`/v1/members/${id}/transfer`))).toEqual(FORBIDDEN);
    expect((await eventsAbout(server, workspaceId)).at(-1)?.action).toBe('workspace.transferred');
  });

  test('an invitation lets in the address that it was sent to, once', async () => {
    const { workspaceId, people } = await team('admin');
    const [admin] = people as [Person];
    const guest = await newPerson(server);
    const made = await admin.post('/v1/invitations', { email: guest.email.toUpperCase(), role: 'developer' });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({ state: 'pending', role: 'developer', invited_by: admin.userId });
    const { token, link } = await mailTo(server, guest.email.toUpperCase(), 'You are invited to a workspace');
    expect(link).toBe(`${server.issuer}/invitations/accept?token=${token}`);
    expect(made.text).not.toContain(token);
    const told = await newBrowser(server).post('/v1/account/invitation', { token });
    expect(told.json).toEqual({
      email: guest.email.toUpperCase(),
      role: 'developer',
      workspace: 'Other',
      has_account: true,
    });
    const stranger = await newPerson(server);
    expect(refusal(await stranger.post('/v1/account/invitation/accept', { token }))).toEqual(FORBIDDEN);
    const replies = await Promise.all(
      Array.from({ length: 4 }, () => guest.post('/v1/account/invitation/accept', { token })),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400]);
    expect((await guest.call('/v1/auth/verify')).json).toMatchObject({ workspace_id: workspaceId });
    expect((await guest.call('/v1/workspaces')).json.data.map(({ id }: { id: string }) => id).sort()).toEqual(
      [workspaceId, server.workspaceId].sort(),
    );
    expect((await admin.call(`/v1/invitations/${made.json.id}`)).json.state).toBe('accepted');
    expect(refusal(await admin.post('/v1/invitations', { email: guest.email, role: 'viewer' }))).toEqual([
      409,
      'conflict',
    ]);
  });

  test('an unconfirmed address does not get in by somebody else claiming it', async () => {
    const { people } = await team('owner');
    const [owner] = people as [Person];
    const claimed = await newPerson(server, { email_verified: false });
    await owner.post('/v1/invitations', { email: claimed.email, role: 'viewer' });
    const { token } = await mailTo(server, claimed.email, 'You are invited to a workspace');
    expect(refusal(await claimed.post('/v1/account/invitation/accept', { token }))).toEqual(FORBIDDEN);
  });

  test('an invitation ends with the right of who made it', async () => {
    const { people } = await team('owner', 'admin', 'admin', 'owner');
    const [owner, demoted, removed, handing] = people as [Person, Person, Person, Person];
    const invite = async (by: Person, role: string) => {
      const email = newAddress();
      const made = await by.post('/v1/invitations', { email, role });
      expect(made.status, made.text).toBe(201);
      expect(made.json.invited_by).toBe(by.userId);
      return { email, id: made.json.id as string, token: (await mailTo(server, email)).token };
    };
    const byDemoted = await invite(demoted, 'admin');
    const byRemoved = await invite(removed, 'viewer');
    const [ownersOwner, ownersAdmin] = [await invite(handing, 'owner'), await invite(handing, 'admin')];
    expect((await setRole(owner, demoted, 'developer')).status).toBe(200);
    expect((await remove(owner, removed)).status).toBe(204);
    expect((await setRole(owner, handing, 'admin')).status).toBe(200);
    const accept = ({ token }: { token: string }) =>
      newBrowser(server).post('/v1/account/invitation/sign-up', { token, password: PASSWORD });
    for (const ended of [byDemoted, byRemoved, ownersOwner]) {
      expect((await owner.call(`/v1/invitations/${ended.id}`)).json.state).toBe('revoked');
      expect(refusal(await accept(ended))).toEqual([400, 'invalid_request']);
    }
    expect((await accept(ownersAdmin)).status).toBe(201);
    const byDisabled = await invite(handing, 'viewer');
    const disable = { key: server.rootKey, method: 'PATCH', json: { state: 'disabled' } };
    expect((await server.call(`/v1/users/${handing.userId}`, disable)).status).toBe(200);
    expect(refusal(await accept(byDisabled))).toEqual([400, 'invalid_request']);
  });

  test('nobody mails the world by invitations', async () => {
    const { people } = await team('owner');
    const [owner] = people as [Person];
    const invite = () => owner.post('/v1/invitations', { email: newAddress('stranger'), role: 'viewer' });
    const statuses: number[] = [];
    for (let round = 0; round < GUESSES_PER_HOUR.invitations / 20; round += 1) {
      statuses.push(...(await Promise.all(Array.from({ length: 20 }, invite))).map(({ status }) => status));
    }
    expect(new Set(statuses)).toEqual(new Set([201]));
    expect(refusal(await invite())).toEqual([429, 'rate_limit_exceeded']);
    clock.advance(HOUR_MS);
    expect((await invite()).status).toBe(201);
  });

  test('a newcomer makes an account by an invitation, which proves the mailbox', async () => {
    const { workspaceId, people } = await team('owner');
    const [owner] = people as [Person];
    const email = newAddress('guest');
    await owner.post('/v1/invitations', { email, role: 'viewer' });
    const { token } = await mailTo(server, email);
    const browser = newBrowser(server);
    const weak = await browser.post('/v1/account/invitation/sign-up', { token, password: 'password1' });
    expect(weak.status).toBe(422);
    const made = await browser.post('/v1/account/invitation/sign-up', { token, password: PASSWORD, name: 'Guest' });
    expect([made.status, made.json.workspace_id]).toEqual([201, workspaceId]);
    expect((await browser.call('/v1/account')).json).toMatchObject({ email, email_verified: true });
    expect((await browser.call('/v1/auth/verify')).json.scopes).toContain('members:read');
    expect((await browser.call('/v1/workspaces')).json.data).toHaveLength(2);
    const again = await newBrowser(server).post('/v1/account/invitation/sign-up', { token, password: PASSWORD });
    expect(again.status).toBe(400);
  });

  test('an invitation ends by a newer one, by hand, and after a week', async () => {
    const { people } = await team('owner');
    const [owner] = people as [Person];
    const guest = await newPerson(server);
    const invite = async (): Promise<{ id: string; token: string }> => {
      clock.advance(1000);
      const { json } = await owner.post('/v1/invitations', { email: guest.email, role: 'viewer' });
      return { id: json.id, token: (await mailTo(server, guest.email)).token };
    };
    const accept = async (token: string) => refusal(await guest.post('/v1/account/invitation/accept', { token }));
    const older = await invite();
    const newer = await invite();
    expect(await accept(older.token)).toEqual([400, 'invalid_request']);
    expect((await owner.call(`/v1/invitations/${newer.id}`, { method: 'DELETE' })).status).toBe(204);
    expect(await accept(newer.token)).toEqual([400, 'invalid_request']);
    expect((await owner.call(`/v1/invitations/${newer.id}`, { method: 'DELETE' })).status).toBe(409);
    const late = await invite();
    clock.advance(7 * DAY_MS - 1);
    await signIn(guest, guest.email);
    clock.advance(1);
    expect(await accept(late.token)).toEqual([400, 'invalid_request']);
    await signIn(owner, owner.email);
    const states = (await owner.call('/v1/invitations')).json.data.map((each: { state: string }) => each.state);
    expect(states).toEqual(['expired', 'revoked', 'revoked']);
  });

  test('a person moves between their workspaces and between test and live, and into no other', async () => {
    const person = await newPerson(server, { role: 'owner' });
    const made = await person.post('/v1/workspaces', { name: 'Second' });
    expect(made.status, made.text).toBe(201);
    const move = (json: object) => person.call('/v1/account/session', { method: 'PATCH', json });
    expect((await move({ workspace_id: made.json.id })).json.workspace_id).toBe(made.json.id);
    expect((await person.call('/v1/projects')).json.data).toEqual([]);
    expect((await person.call('/v1/auth/verify')).json).toMatchObject({
      workspace_id: made.json.id,
      environment: 'test',
    });
    expect((await move({ environment: 'live' })).json.environment).toBe('live');
    expect((await person.post('/v1/api-keys', { name: 'k', scopes: ['read'], environment: 'live' })).status).toBe(201);
    const { workspaceId: foreign } = await team();
    expect(refusal(await move({ workspace_id: foreign }))).toEqual([404, 'not_found']);
    expect(refusal(await move({ workspace_id: makeId('workspace', START_MS, pooledRandom()) }))).toEqual([
      404,
      'not_found',
    ]);
  });

  test('what belongs to another workspace answers as what never was', async () => {
    const { people } = await team('owner', 'viewer');
    const [owner, viewer] = people as [Person, Person];
    const invited = await owner.post('/v1/invitations', { email: newAddress(), role: 'viewer' });
    const random = pooledRandom();
    const { key } = await makeKey(server, { scopes: ['admin'] });
    const pairs = {
      members: [await memberId(owner, viewer.userId), makeId('member', START_MS, random)],
      invitations: [invited.json.id, makeId('invitation', START_MS, random)],
      users: [viewer.userId, makeId('user', START_MS, random)],
      workspaces: [owner.workspaceId, makeId('workspace', START_MS, random)],
    };
    for (const [kind, [foreign = '', missing = '']] of Object.entries(pairs)) {
      const paths = { foreign: `/v1/${kind}/${foreign}`, missing: `/v1/${kind}/${missing}` };
      const change = {
        members: { role: 'viewer' },
        users: { metadata: {} },
        workspaces: { name: 'x' },
        invitations: null,
      };
      await expectAsIfMissing(server, { key }, paths);
      const json = change[kind as keyof typeof change];
      if (json) await expectAsIfMissing(server, { key, method: 'PATCH', json }, paths);
      if (kind !== 'workspaces') await expectAsIfMissing(server, { key, method: 'DELETE' }, paths);
    }
    for (const list of ['members', 'invitations', 'users']) {
      const reply = await server.call(`/v1/${list}?workspace_id=${owner.workspaceId}`, { key });
      expect(refusal(reply), list).toEqual([404, 'not_found']);
    }
    const { next_cursor: cursor } = (await owner.call('/v1/members?limit=1')).json;
    expect(refusal(await server.call(`/v1/members?limit=1&cursor=${cursor}`, { key }))).toEqual([
      400,
      'invalid_request',
    ]);
  });

  test('/v2 serves the same', async () => {
    const { people } = await team('owner');
    const [owner] = people as [Person];
    for (const path of ['members', 'users', 'invitations', 'workspaces', 'users/me', 'account']) {
      const [one, two] = [await owner.call(`/v1/${path}`), await owner.call(`/v2/${path}`)];
      expect([two.status, two.json], path).toEqual([200, one.json]);
    }
    expect((await newBrowser(server).call('/v2/account')).json.error.reason).toBe('missing_token');
  });
});

describe.each(DATABASES)('users on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(2 * HOUR_MS));

  const root = (path: string, options: object = {}) => server.call(path, { key: server.rootKey, ...options });

  test('root makes one, in the only workspace, as developer unless said', async () => {
    const email = newAddress();
    const { status, json, text } = await root('/v1/users', { json: { email, password: PASSWORD, external_id: 'u-1' } });
    expect(status).toBe(201);
    expect(json).toMatchObject({
      email,
      role: 'developer',
      email_verified: false,
      state: 'active',
      external_id: 'u-1',
    });
    expect(text).not.toMatch(/argon2|password/);
    expect((await root('/v1/users?external_id=u-1')).json.data).toMatchObject([{ id: json.id }]);
    expect((await root(`/v1/users?email=${email.toUpperCase()}`)).json.data).toMatchObject([{ id: json.id }]);
    expect(refusal(await root('/v1/users', { json: { email: email.toUpperCase() } }))).toEqual([409, 'conflict']);
    const taken = { email: newAddress(), external_id: 'u-1' };
    expect(refusal(await root('/v1/users', { json: taken }))).toEqual([409, 'conflict']);
    expect((await root('/v1/users', { json: { email: newAddress(), password: 'short' } })).status).toBe(422);
  });

  test('a key sees them with users:read, and changes only what its workspace made and may be changed', async () => {
    const made = await newPerson(server);
    const reader = await makeKey(server, { scopes: ['users:read'] });
    const writer = await makeKey(server, { scopes: ['users:write', 'users:delete', 'admin'] });
    const path = `/v1/users/${made.userId}`;
    expect((await server.call(path, { key: reader.key })).json).toMatchObject({ id: made.userId, managed: true });
    expect((await server.call(path, { key: reader.key, method: 'PATCH', json: {} })).status).toBe(403);
    const patch = (json: object) => server.call(path, { key: writer.key, method: 'PATCH', json });
    expect((await patch({ name: 'Ada', metadata: { tier: 'gold' } })).json).toMatchObject({
      name: 'Ada',
      metadata: { tier: 'gold' },
    });
    for (const json of [{ state: 'disabled' }, { password: PASSWORD }, { email_verified: true }]) {
      expect(refusal(await patch(json)), JSON.stringify(json)).toEqual(FORBIDDEN);
    }
    for (const json of [{ email: 'x@example.com' }, { role: 'owner' }, { id: 'usr_1' }, { password_hash: 'x' }]) {
      expect((await patch(json)).status).toBe(422);
    }
    expect((await server.call(path, { key: writer.key, method: 'DELETE' })).status).toBe(204);
    expect((await made.call('/v1/account')).status).toBe(401);
    expect(refusal(await signIn(newBrowser(server), made.email))).toEqual([401, 'invalid_credentials']);
  });

  test('a person who came by themselves is only seen, and can only be let go as a member', async () => {
    const email = newAddress();
    await newBrowser(server).post('/v1/account/sign-up', { email, password: PASSWORD });
    const browser = newBrowser(server);
    await browser.post('/v1/account/sign-up/confirm', {
      token: (await mailTo(server, email)).token,
      password: PASSWORD,
    });
    const { id } = (await browser.call('/v1/account')).json;
    const json = { user_id: id, role: 'developer', workspace_id: server.workspaceId };
    const member = await root('/v1/members', { json });
    expect(member.status, member.text).toBe(201);
    const { key } = await makeKey(server, { scopes: ['admin'] });
    const path = `/v1/users/${id}`;
    expect((await server.call(path, { key })).json.managed).toBe(false);
    expect(refusal(await server.call(path, { key, method: 'PATCH', json: { name: 'X' } }))).toEqual(FORBIDDEN);
    expect((await server.call(path, { key, method: 'PATCH', json: { external_id: 'mine' } })).status).toBe(200);
    expect(refusal(await server.call(path, { key, method: 'DELETE' }))).toEqual(FORBIDDEN);
    expect((await server.call(`/v1/members/${member.json.id}`, { key, method: 'DELETE' })).status).toBe(204);
    expect((await browser.call('/v1/account')).status).toBe(200);
  });

  test('a key that speaks for a person is disabled with them, at once, and works again with them', async () => {
    const person = await newPerson(server);
    const { key } = await makeKey(server, { owner: person.userId });
    const { key: other } = await makeKey(server, { owner: 'label' });
    expect((await server.call('/v1/users/me', { key })).json.email).toBe(person.email);
    expect((await server.call('/v1/users/me', { key: other })).status).toBe(404);
    const change = (state: string) => root(`/v1/users/${person.userId}`, { method: 'PATCH', json: { state } });
    await change('disabled');
    expect(await answerTo(server, key)).toEqual([401, 'invalid_token']);
    expect(await answerTo(server, other)).toEqual(WORKS);
    const told = await server.call('/v1/api-keys/verify', { json: { key } });
    expect(told.json.code).toBe('disabled');
    await change('active');
    expect(await answerTo(server, key)).toEqual(WORKS);
    // Also when the account is gone altogether.
    expect((await root(`/v1/users/${person.userId}`, { method: 'DELETE' })).status).toBe(204);
    expect(await answerTo(server, key)).toEqual([401, 'invalid_token']);
  });
});
