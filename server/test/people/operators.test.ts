import { mintSecret } from '@latchkey/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createWorkspace } from '../../src/accounts/index.ts';
import { systemActor } from '../../src/audit/index.ts';
import { pooledRandom } from '../../src/crypto/index.ts';
import { makeWorkspace } from '../domains/installation.ts';
import { DATABASES, startServer, stopServers, type TestReply, type TestServer } from '../harness.ts';
import { loggedIn, setRole } from '../login/logins.ts';
import { newAddress, newPerson, PASSWORD, type Person, refusal } from './browser.ts';

type Call = (path: string, method: string, json?: object) => Promise<TestReply>;

const bySession =
  (person: Person): Call =>
  (path, method, json) =>
    person.call(path, { method, ...(json ? { json } : {}) });

async function byLogin(server: TestServer, person: Person): Promise<Call> {
  const { token } = await loggedIn(server, person);
  return (path, method, json) => server.call(path, { method, key: token, ...(json ? { json } : {}) });
}

let made = 0;
/** What belongs to the installation and to no tenant, once each. */
async function deeds(call: Call): Promise<Record<string, number>> {
  made += 1;
  const scope = `reports${made}:read`;
  const plan = `plan${made}`;
  const calls: [string, string, object?][] = [
    ['/v1/scopes', 'POST', { name: scope, description: 'See the reports.' }],
    [`/v1/scopes/${scope}`, 'PATCH', { sensitive: true }],
    [`/v1/scopes/${scope}`, 'DELETE'],
    ['/v1/plans', 'POST', { name: plan }],
    [`/v1/plans/${plan}`, 'PATCH', { offered: true }],
    [`/v1/plans/${plan}`, 'DELETE'],
    ['/v1/signing-keys', 'GET'],
    ['/v2/signing-keys', 'GET'],
    ['/v1/signing-keys/rotate', 'POST', {}],
  ];
  const statuses: Record<string, number> = {};
  for (const [path, method, json] of calls) {
    const { status } = await call(path, method, json);
    statuses[`${method} ${path.replace(scope, 'x').replace(plan, 'x')}`] = status;
  }
  return statuses;
}

const DONE = {
  'POST /v1/scopes': 201,
  'PATCH /v1/scopes/x': 200,
  'DELETE /v1/scopes/x': 204,
  'POST /v1/plans': 201,
  'PATCH /v1/plans/x': 200,
  'DELETE /v1/plans/x': 204,
  'GET /v1/signing-keys': 200,
  'GET /v2/signing-keys': 200,
  'POST /v1/signing-keys/rotate': 202,
};
const REFUSED = Object.fromEntries(Object.keys(DONE).map((deed) => [deed, 403]));

describe.each(DATABASES)('what belongs to no tenant, on %s', (database) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ database });
  });
  afterAll(stopServers);

  test('is written by an owner of the first workspace, by session and by login token', async () => {
    const owner = await newPerson(server, { role: 'owner' });
    expect(await deeds(bySession(owner))).toEqual(DONE);
    expect(await deeds(await byLogin(server, owner))).toEqual(DONE);
  });

  test('is not written by an admin of it, nor by an owner of another workspace', async () => {
    const admin = await newPerson(server, { role: 'admin' });
    const other = await newPerson(server, { role: 'owner', workspace_id: await makeWorkspace(server) });
    for (const person of [admin, other]) {
      expect(await deeds(bySession(person))).toEqual(REFUSED);
      expect(await deeds(await byLogin(server, person))).toEqual(REFUSED);
      expect((await person.call('/v1/plans')).status).toBe(200);
    }
    const { text } = await admin.post('/v1/signing-keys/rotate', { emergency: true });
    expect(text).toContain('Only the root key or a signed-in owner of the first workspace may do this.');
  });

  test('is not written by a key, whatever it holds and whoever made it', async () => {
    const owner = await newPerson(server, { role: 'owner' });
    const { json } = await owner.post('/v1/api-keys', { name: 'k', scopes: ['admin'], owner: owner.userId });
    const byKey: Call = (path, method, body) =>
      server.call(path, { method, key: json.key, ...(body ? { json: body } : {}) });
    expect(await deeds(byKey)).toEqual(REFUSED);
  });

  test('an owner of the first workspace who has moved to another acts there, and for nobody else', async () => {
    const owner = await newPerson(server, { role: 'owner' });
    const elsewhere = await makeWorkspace(server);
    const member = { user_id: owner.userId, role: 'owner', workspace_id: elsewhere };
    expect((await server.call('/v1/members', { key: server.rootKey, json: member })).status).toBe(201);
    const move = (id: string) =>
      owner.call('/v1/account/session', { method: 'PATCH', json: { workspace_id: id } }).then(({ status }) => status);
    expect(await move(elsewhere)).toBe(200);
    expect((await owner.call('/v1/signing-keys')).status).toBe(403);
    const { token } = await loggedIn(server, owner, { workspace_id: elsewhere });
    expect((await server.call('/v1/signing-keys', { key: token })).status).toBe(403);
    expect(await move(server.workspaceId)).toBe(200);
    expect((await owner.call('/v1/signing-keys')).status).toBe(200);
  });

  test('ends with the role, at once', async () => {
    const owner = await newPerson(server, { role: 'owner' });
    const token = await byLogin(server, owner);
    expect((await owner.call('/v1/signing-keys')).status).toBe(200);
    await setRole(server, owner, 'admin');
    expect((await owner.call('/v1/signing-keys')).status).toBe(403);
    expect((await token('/v1/signing-keys', 'GET')).status).toBe(401);
  });

  test('needs the second factor that the first workspace asks for', async () => {
    const owner = await newPerson(server, { role: 'owner' });
    const require = (isRequired: boolean) =>
      server.call(`/v1/workspaces/${server.workspaceId}`, {
        method: 'PATCH',
        key: server.rootKey,
        json: { require_second_factor: isRequired },
      });
    await require(true);
    expect(refusal(await owner.call('/v1/signing-keys'))).toEqual([403, 'forbidden']);
    await require(false);
    expect((await owner.call('/v1/signing-keys')).status).toBe(200);
  });

  test('is no gift for who signed up first: the first workspace is one that the operator made', async () => {
    const env = {
      LATCHKEY_MODE: 'production',
      LATCHKEY_ISSUER: 'https://auth.example.com',
      LATCHKEY_ROOT_KEY: mintSecret('root', pooledRandom()),
      LATCHKEY_ENCRYPTION_KEYS: `k1:${Buffer.from(pooledRandom()(32)).toString('base64')}`,
      LATCHKEY_PASSWORD_LOGIN: 'on',
    };
    const fresh = await startServer({ database, env });
    const deps = { clock: fresh.clock, randomBytes: pooledRandom(), recordAudit: async () => {} };
    const visitor = { ...systemActor, kind: 'user' } as const;
    const early = await fresh.latchkey.database.write((tx) => createWorkspace(deps, tx, visitor, { name: 'Early' }));
    const make = await fresh.call('/v1/workspaces', { key: fresh.rootKey, json: { name: 'First' } });
    const mayRead = async (workspaceId: string) => {
      const json = { email: newAddress(), password: PASSWORD, email_verified: true, workspace_id: workspaceId };
      await fresh.call('/v1/users', { key: fresh.rootKey, json: { ...json, role: 'owner' } });
      const { token } = await loggedIn(fresh, json);
      return (await fresh.call('/v1/signing-keys', { key: token })).status;
    };
    expect(await mayRead(early.id)).toBe(403);
    expect(await mayRead(make.json.id)).toBe(200);
  });
});
