import { afterEach, describe, expect, test } from 'vitest';
import { DATABASES, freshPostgres, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { memberId } from '../login/logins.ts';
import { pageClient, plainText } from '../pages/client.ts';
import type { Person } from '../people/browser.ts';
import { mint, startFamily, verdictOf as tokenVerdict } from '../tokens/issuing.ts';
import { auditOf } from './applying.ts';
import { allow, newApp, personAtBrowser, requestPath } from './authorizing.ts';

afterEach(stopServers);

const json = { 'content-type': 'application/json' };
const remove = (person: Person, server: TestServer, id: string) =>
  person.call(`/v1/grants/${id}`, { method: 'DELETE', headers: { origin: server.issuer, ...json } });

async function grantOf(server: TestServer, fields: Record<string, unknown> = {}) {
  const app = await newApp(server);
  const { client, person } = await personAtBrowser(server, fields);
  await allow(client, app);
  const { json: list } = await person.call(`/v1/grants?user_id=${person.userId}`);
  return { app, client, person, grant: list.data[0] };
}

test('a grant reads as what was allowed', async () => {
  const server = await startServer({ clock: manualClock() });
  const { app, person, grant } = await grantOf(server);
  const now = new Date(server.clock.nowMs()).toISOString();
  expect(grant).toEqual({
    id: expect.stringMatching(/^grt_[0-9A-Za-z]{24}$/),
    user_id: person.userId,
    client_id: app.id,
    application_name: 'Notes',
    workspace_id: server.workspaceId,
    environment: 'test',
    resource: `${server.issuer}/v1`,
    scopes: ['read'],
    created_at: now,
    updated_at: now,
    last_used_at: now,
  });
  expect((await person.call(`/v1/grants/${grant.id}`)).json).toEqual(grant);
});

describe('who sees and ends what', () => {
  test('a person their own, root and who manages members all of the workspace, nobody else', async () => {
    const server = await startServer();
    const { person, grant } = await grantOf(server);
    const { person: colleague } = await personAtBrowser(server);
    const { person: admin } = await personAtBrowser(server, { role: 'admin' });
    const path = `/v1/grants/${grant.id}`;
    expect((await colleague.call(path)).status).toBe(404);
    expect((await remove(colleague, server, grant.id)).status).toBe(404);
    expect((await colleague.call('/v1/grants')).json.data).toEqual([]);
    expect((await colleague.call(`/v1/grants?user_id=${person.userId}`)).status).toBe(403);
    expect((await server.call('/v1/grants')).status).toBe(403);
    expect((await server.call(path)).status).toBe(403);
    expect((await server.call('/v1/grants', { key: null })).status).toBe(401);
    expect((await admin.call('/v1/grants')).json.data).toMatchObject([{ id: grant.id }]);
    expect((await admin.call(path)).status).toBe(200);
    expect((await server.call('/v1/grants', { key: server.rootKey })).json.data).toMatchObject([{ id: grant.id }]);
    expect((await remove(admin, server, grant.id)).status).toBe(204);
    expect((await person.call(path)).status).toBe(404);
    expect((await remove(person, server, grant.id)).status).toBe(404);
  });

  test('an admin of another workspace finds none', async () => {
    const server = await startServer();
    const { grant } = await grantOf(server);
    const made = await server.call('/v1/workspaces', { key: server.rootKey, json: { name: 'Other' } });
    const { person } = await personAtBrowser(server, { workspace_id: made.json.id, role: 'admin' });
    expect((await person.call('/v1/grants')).json.data).toEqual([]);
    expect((await person.call(`/v1/grants/${grant.id}`)).status).toBe(404);
    expect((await remove(person, server, grant.id)).status).toBe(404);
  });

  test('a key reaches those of its own environment only', async () => {
    const server = await startServer();
    const { grant } = await grantOf(server);
    const keyOf = async (environment: string) => {
      const json = { name: environment, scopes: ['members:write'], environment };
      return (await server.call('/v1/api-keys', { key: server.rootKey, json })).json.key as string;
    };
    const [own, other] = [await keyOf('test'), await keyOf('live')];
    const path = `/v1/grants/${grant.id}`;
    expect((await server.call('/v1/grants', { key: other })).json.data).toEqual([]);
    expect((await server.call(path, { key: other })).status).toBe(404);
    expect((await server.call(path, { key: other, method: 'DELETE' })).status).toBe(404);
    expect((await server.call('/v1/grants', { key: own })).json.data).toMatchObject([{ id: grant.id }]);
    expect((await server.call(path, { key: own, method: 'DELETE' })).status).toBe(204);
  });

  test("an application's token reaches no grant, not even its own person's", async () => {
    const server = await startServer();
    const { person, grant, app } = await grantOf(server);
    const token = mint(server, { subject: person.userId, clientId: app.id, grantId: grant.id });
    expect((await server.call('/v1/grants', { key: token })).status).toBe(403);
    expect((await server.call(`/v1/grants/${grant.id}`, { key: token, method: 'DELETE' })).status).toBe(403);
  });
});

test('the list goes page by page, newest first', async () => {
  const server = await startServer();
  const { client, person, grant } = await grantOf(server);
  for (let index = 0; index < 2; index += 1) await allow(client, await newApp(server));
  const first = await person.call(`/v1/grants?limit=2&user_id=${person.userId}`);
  expect(first.json.data).toHaveLength(2);
  const next = `/v1/grants?limit=2&user_id=${person.userId}&cursor=${first.json.next_cursor}`;
  expect((await person.call(next)).json).toMatchObject({ data: [{ id: grant.id }], next_cursor: null });
  expect((await person.call(`/v1/grants?client_id=${grant.client_id}`)).json.data).toHaveLength(1);
});

describe.each(DATABASES)('withdrawing on %s', (database) => {
  test('what people allowed an application ends with it', async () => {
    const server = await startServer({ database });
    const { app, person, grant } = await grantOf(server);
    const deleted = await server.call(`/v1/applications/${app.id}`, { key: server.rootKey, method: 'DELETE' });
    expect(deleted.status, deleted.text).toBe(204);
    expect((await person.call(`/v1/grants?user_id=${person.userId}`)).json.data).toEqual([]);
    expect((await person.call(`/v1/grants/${grant.id}`)).status).toBe(404);
  });

  const rowsOf = (server: TestServer, userId: string) =>
    server.latchkey.database.read
      .selectFrom('grants')
      .selectAll()
      .where('user_id', '=', userId)
      .orderBy('id')
      .execute();

  test('what a person allowed ends with the account', async () => {
    const server = await startServer({ database });
    const { person, grant } = await grantOf(server);
    const gone = await server.call(`/v1/users/${person.userId}`, { key: server.rootKey, method: 'DELETE' });
    expect(gone.status, gone.text).toBe(204);
    const { json: list } = await server.call(`/v1/grants?user_id=${person.userId}`, { key: server.rootKey });
    expect(list.data).toEqual([]);
    expect(await rowsOf(server, person.userId)).toMatchObject([{ id: grant.id, revoked_at: expect.any(Number) }]);
    const told = { action: 'grant.revoked', workspace_id: server.workspaceId };
    const data = expect.objectContaining({ user_id: person.userId, reason: 'account deleted' });
    expect((await auditOf(server, grant.id)).at(-1)).toEqual({ ...told, data });
  });

  test('what a member allowed there ends with the membership, for good; elsewhere it stays', async () => {
    const server = await startServer({ database });
    const { app, person, grant } = await grantOf(server);
    const elsewhere = { workspace_id: `ws_${'0'.repeat(24)}`, id: `grt_${'0'.repeat(24)}` };
    await server.latchkey.database.write(async (tx) => {
      const [row] = await tx.query.selectFrom('grants').selectAll().where('id', '=', grant.id).execute();
      if (row)
        await tx.query
          .insertInto('grants')
          .values({ ...row, ...elsewhere })
          .execute();
    });
    const ties = { clientId: app.id, grantId: grant.id, userId: person.userId };
    const { family } = await startFamily(server, { ...ties, rotation: 'none' });
    const path = `/v1/members/${await memberId(server, person)}?workspace_id=${server.workspaceId}`;
    expect((await server.call(path, { key: server.rootKey, method: 'DELETE' })).status).toBe(204);
    const back = { user_id: person.userId, role: 'developer', workspace_id: server.workspaceId };
    expect((await server.call('/v1/members', { key: server.rootKey, json: back })).status).toBe(201);
    expect(await rowsOf(server, person.userId)).toMatchObject([
      { ...elsewhere, revoked_at: null },
      { id: grant.id, revoked_at: expect.any(Number) },
    ]);
    const read = server.latchkey.database.read.selectFrom('refresh_families').selectAll();
    expect((await read.where('id', '=', family.id).execute())[0]?.revoke_reason).toBe('not a member any more');
    expect((await auditOf(server, grant.id)).at(-1)).toMatchObject({ action: 'grant.revoked' });
  });

  test('ends tokens and families of that grant at once, and asks again', async () => {
    const server = await startServer({ database });
    const { app, client, person, grant } = await grantOf(server);
    const ties = { clientId: app.id, grantId: grant.id };
    const { accessToken, family } = await startFamily(server, { ...ties, userId: person.userId, rotation: 'none' });
    const alone = mint(server, { ...ties, subject: person.userId });
    const other = mint(server, { clientId: app.id, subject: person.userId });
    for (const token of [accessToken.text, alone, other]) expect(await tokenVerdict(server, token)).toBe('valid');
    expect((await remove(person, server, grant.id)).status).toBe(204);
    expect(await tokenVerdict(server, accessToken.text)).toBe('401 token_revoked');
    expect(await tokenVerdict(server, alone)).toBe('401 token_revoked');
    expect(await tokenVerdict(server, other)).toBe('valid');
    const row = await server.latchkey.database.read
      .selectFrom('refresh_families')
      .select('revoke_reason')
      .where('id', '=', family.id)
      .executeTakeFirst();
    expect(row?.revoke_reason).toBe('grant revoked');
    const asked = await client.visit(requestPath(app));
    expect(plainText(asked)).toContain('Let Notes act for you?');
    await allow(client, app);
    const { json: list } = await person.call(`/v1/grants?user_id=${person.userId}`);
    expect(list.data).toHaveLength(1);
    expect(list.data[0].id).not.toBe(grant.id);
    const events = await server.latchkey.database.read
      .selectFrom('audit_events')
      .select('action')
      .where('target_id', '=', grant.id)
      .orderBy('id')
      .execute();
    expect(events.map(({ action }) => action)).toEqual(['grant.created', 'grant.revoked']);
  });
});

test('on two servers over PostgreSQL it is asked again within a second', async () => {
  const env = { LATCHKEY_DATABASE_URL: await freshPostgres(), LATCHKEY_ISSUER: 'http://localhost:4000' };
  const first = await startServer({ database: 'postgres', env });
  const second = await startServer({ database: 'postgres', env, dataDir: first.dataDir });
  const { app, person, grant } = await grantOf(first);
  const there = pageClient(second, person.cookies);
  expect((await there.get(requestPath(app))).headers.get('location')).toContain('code=');
  const token = mint(first, { subject: person.userId, clientId: app.id, grantId: grant.id });
  expect(await tokenVerdict(second, token)).toBe('valid');
  expect((await remove(person, first, grant.id)).status).toBe(204);
  await expect
    .poll(async () => (await there.get(requestPath(app))).headers.get('location'), { timeout: 10_000 })
    .toContain('/oauth/consent?request=');
  await expect.poll(() => tokenVerdict(second, token), { timeout: 10_000 }).toBe('401 token_revoked');
});

test('the page of connected applications shows each, when it was last used, and ends it', async () => {
  const clock = manualClock();
  const server = await startServer({ clock });
  const { app, client } = await grantOf(server);
  clock.advance(3_600_000);
  expect((await client.get(requestPath(app))).status).toBe(303);
  await server.latchkey.flush();
  const page = await client.visit('/account/applications');
  const text = plainText(page);
  expect(text).toContain('Notes');
  expect(text).toContain('Last used Jan 1, 2030, 1:00 AM UTC');
  expect(text).toContain('Allowed Jan 1, 2030, 12:00 AM UTC');
  const action = /action="(\/account\/applications\/grt_\w+\/withdraw)"/.exec(page.text)?.[1] ?? '';
  const { client: other } = await personAtBrowser(server);
  await other.get('/account/applications');
  await other.post(action);
  expect(plainText(await client.visit('/account/applications'))).toContain('Notes');
  const after = await client.submit(action);
  expect(plainText(after)).toContain('It is withdrawn.');
  expect(plainText(after)).toContain('You have let no application act for you.');
});
