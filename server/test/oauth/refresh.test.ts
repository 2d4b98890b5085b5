import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventsAbout } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { loggedIn, memberId, setRole } from '../login/logins.ts';
import { newPerson, type Person } from '../people/browser.ts';
import { claimsOf } from '../tokens/issuing.ts';
import { codeFor, consented, newClient, refusal, type TestClient, token, withCode, withRefresh } from './clients.ts';

const DEAD = [400, 'invalid_grant'];
const GRACE_MS = 30_000;
const DAY_MS = 86_400_000;

describe.each(DATABASES)('refreshing on %s', (database) => {
  const clock = manualClock();
  let server: TestServer;
  let person: Person;
  let web: TestClient;
  let page: TestClient;
  beforeAll(async () => {
    server = await startServer({ database, clock });
    person = await newPerson(server, { name: 'Ada' });
    web = await newClient(server);
    page = await newClient(server, { type: 'public' });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(1000));

  const works = async (key: string) => (await server.call('/v1/projects', { key })).status === 200;
  const refresh = (client: TestClient | null, text: string, params: Record<string, string> = {}) =>
    token(server, client, withRefresh(text, params));

  test('a confidential client keeps its refresh token; a public one gets another each time', async () => {
    const kept = await consented(server, person, web, { scope: 'read' });
    const again = await refresh(web, kept.refresh_token);
    expect(again.json).toEqual({
      access_token: expect.stringMatching(/^eyJ/),
      token_type: 'Bearer',
      expires_in: 900,
      scope: 'read',
      refresh_token: kept.refresh_token,
    });
    expect(again.headers.get('cache-control')).toBe('no-store');
    const rotated = await consented(server, person, page);
    const next = await refresh(page, rotated.refresh_token);
    expect(next.json.refresh_token).not.toBe(rotated.refresh_token);
    expect(await works(next.json.access_token)).toBe(true);
    const careful = await newClient(server, { refresh_token_rotation: 'always' });
    const first = await consented(server, person, careful);
    expect((await refresh(careful, first.refresh_token)).json.refresh_token).not.toBe(first.refresh_token);
  });

  test('D1: who is told to rotate later, or keeps no secret any more, does so from the next use on', async () => {
    const told = await newClient(server);
    const before = await consented(server, person, told);
    expect((await refresh(told, before.refresh_token)).json.refresh_token).toBe(before.refresh_token);
    const json = { refresh_token_rotation: 'always', workspace_id: server.workspaceId };
    const at = `/v1/applications/${told.id}`;
    expect((await server.call(at, { method: 'PATCH', key: server.rootKey, json })).status).toBe(200);
    const next = await refresh(told, before.refresh_token);
    expect(next.json.refresh_token).not.toBe(before.refresh_token);
    expect((await refresh(told, before.refresh_token)).json.refresh_token).toBe(next.json.refresh_token);
    clock.advance(GRACE_MS + 1);
    expect(refusal(await refresh(told, before.refresh_token))).toEqual(DEAD);
    expect(refusal(await refresh(told, next.json.refresh_token))).toEqual(DEAD);
  });

  test('B8: authorization details are more than anything granted, and asking for them harms nothing', async () => {
    const given = await consented(server, person, page, { scope: 'read' });
    const details = { authorization_details: '[{"type":"payment"}]' };
    const error = [400, 'invalid_authorization_details'];
    expect(refusal(await refresh(page, given.refresh_token, details))).toEqual(error);
    expect(refusal(await token(server, web, withCode(await codeFor(person, web), details)))).toEqual(error);
    expect((await refresh(page, given.refresh_token)).status).toBe(200);
  });

  test('a public client refreshes with the token alone; a confidential one must prove itself', async () => {
    const ofPage = await consented(server, person, page);
    const alone = await refresh(null, ofPage.refresh_token);
    expect(alone.status, alone.text).toBe(200);
    expect(claimsOf(alone.json.access_token)).toMatchObject({ client_id: page.id, sub: person.userId });
    const ofWeb = await consented(server, person, web);
    expect(refusal(await refresh(null, ofWeb.refresh_token))).toEqual([401, 'invalid_client']);
    expect(refusal(await refresh({ id: web.id, secret: null }, ofWeb.refresh_token))).toEqual([401, 'invalid_client']);
    expect(refusal(await refresh({ id: web.id, secret: 'wrong' }, ofWeb.refresh_token))).toEqual([
      401,
      'invalid_client',
    ]);
    expect((await refresh(web, ofWeb.refresh_token)).status).toBe(200);
    expect(refusal(await refresh(null, 'lk_rt_nonsense'))).toEqual([401, 'invalid_client']);
  });

  test('a login by password is refreshed here too, with its token alone', async () => {
    const { refreshToken, scope } = await loggedIn(server, person);
    const reply = await refresh(null, refreshToken);
    expect(reply.status, reply.text).toBe(200);
    expect(reply.json).toEqual({
      access_token: expect.stringMatching(/^eyJ/),
      token_type: 'Bearer',
      expires_in: 900,
      scope,
      refresh_token: expect.stringMatching(/^lk_rt_/),
    });
    expect(claimsOf(reply.json.access_token)).toMatchObject({ client_id: 'latchkey', sub: person.userId });
    expect(refusal(await refresh(page, reply.json.refresh_token))).toEqual(DEAD);
    expect(
      (await server.call('/v1/auth/refresh', { key: null, json: { refresh_token: reply.json.refresh_token } })).status,
    ).toBe(200);
    clock.advance(GRACE_MS + 1);
    expect(refusal(await refresh(null, refreshToken))).toEqual(DEAD);
  });

  test('twenty at once are all answered, with one successor', async () => {
    const { refresh_token: text } = await consented(server, person, page);
    const replies = await Promise.all(Array.from({ length: 20 }, () => refresh(page, text)));
    expect(replies.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(new Set(replies.map(({ json }) => json.refresh_token)).size).toBe(1);
    for (const { json } of replies) expect(await works(json.access_token)).toBe(true);
    clock.advance(GRACE_MS - 1000);
    expect((await refresh(page, text)).json.refresh_token).toBe(replies[0]?.json.refresh_token);
  });

  test('used again later it ends the family, and the application is told once', async () => {
    const first = await consented(server, person, page);
    const { json: second } = await refresh(page, first.refresh_token);
    clock.advance(GRACE_MS + 1);
    expect(await works(second.access_token)).toBe(true);
    for (const text of [first.refresh_token, second.refresh_token, first.refresh_token]) {
      expect(refusal(await refresh(page, text))).toEqual(DEAD);
    }
    expect(await works(second.access_token)).toBe(false);
    const events = await eventsAbout(server, claimsOf(first.access_token).family_id ?? '');
    expect(events.map(({ action }) => action)).toEqual(['token_family.reused']);
  });

  test('of another client it is refused, and harmed by nobody', async () => {
    const { refresh_token: text } = await consented(server, person, page);
    const others = [
      web,
      await newClient(server, { type: 'public' }),
      await newClient(server, { type: 'native', redirect_uris: ['http://127.0.0.1/cb'] }),
    ];
    for (const other of others) expect(refusal(await refresh(other, text))).toEqual(DEAD);
    expect((await refresh(page, text)).status).toBe(200);
  });

  test('never widens; narrowing is for once', async () => {
    const { refresh_token: text } = await consented(server, person, web, { scope: 'openid read' });
    for (const scope of ['write', 'openid read write', 'admin', 'email', 'nope', 'read  read']) {
      expect(refusal(await refresh(web, text, { scope })), scope).toEqual([400, 'invalid_scope']);
    }
    const narrow = await refresh(web, text, { scope: 'projects:read' });
    expect([narrow.json.scope, narrow.json.id_token]).toEqual(['projects:read', undefined]);
    expect((await refresh(web, text)).json.scope).toBe('openid read');
  });

  test('is for the resource of the consent alone', async () => {
    const root = { key: server.rootKey };
    const json = { name: 'Other', audience: 'https://other.example' };
    const made = await server.call('/v1/resources', { ...root, json });
    const scope = { name: 'other:do', description: 'Do other things.', resource: made.json.id };
    expect((await server.call('/v1/scopes', { ...root, json: scope })).status).toBe(201);
    // The client may ask for it, and the person allowed another.
    const client = await newClient(server, { scopes: ['read', 'other:do'] });
    const { refresh_token: text } = await consented(server, person, client, { scope: 'read' });
    for (const resource of ['https://other.example', 'https://unknown.example', '/v1', `${server.issuer}/v1#x`]) {
      expect(refusal(await refresh(client, text, { resource })), resource).toEqual([400, 'invalid_target']);
    }
    expect((await refresh(client, text, { resource: `${server.issuer}/v1` })).status).toBe(200);
  });

  test('the resource is looked at again: one that is gone, or the application may not ask for any more, gives nothing', async () => {
    const audience = `https://billing-${database}.example`;
    const asRoot = (path: string, method: string, json: object = {}) =>
      server.call(path, { method, key: server.rootKey, ...(method === 'DELETE' ? {} : { json }) });
    const { json: billing } = await asRoot('/v1/resources', 'POST', { name: 'Billing', audience });
    const usual = `${server.issuer}/v1`;
    const client = await newClient(server, { resources: [usual, audience] });
    const given = await consented(server, person, client, { scope: 'openid', resource: audience });
    const answer = async () => refusal(await refresh(client, given.refresh_token));
    const named = (resources: string[]) => asRoot(`/v1/applications/${client.id}`, 'PATCH', { resources });
    expect(await answer()).toEqual([200, undefined]);
    expect((await named([usual])).status).toBe(200);
    expect(await answer()).toEqual([400, 'invalid_target']);
    // It harmed nothing: given back, the token goes on.
    expect((await named([usual, audience])).status).toBe(200);
    expect(await answer()).toEqual([200, undefined]);
    const code = await codeFor(person, client, { scope: 'openid', resource: audience });
    expect((await asRoot(`/v1/resources/${billing.id}`, 'DELETE')).status).toBe(204);
    expect(await answer()).toEqual([400, 'invalid_target']);
    expect(refusal(await token(server, client, withCode(code)))).toEqual([400, 'invalid_target']);
    const again = await asRoot('/v1/resources', 'POST', { name: 'Another', audience });
    expect(again.status).toBe(201);
    // Another API of the same name is not one that this application was registered for.
    expect(await answer()).toEqual([400, 'invalid_target']);
  });

  test('an ID token that is refreshed is of the same login, without a nonce', async () => {
    const first = await consented(server, person, web, { scope: 'openid email', nonce: 'abc' });
    clock.advance(60_000);
    const { json } = await refresh(web, first.refresh_token);
    const [before, after] = [claimsOf(first.id_token), claimsOf(json.id_token)];
    const { iss, sub, aud, azp, auth_time, amr } = before;
    expect(after).toMatchObject({ iss, sub, aud, azp, auth_time, amr, email: person.email });
    expect(after.iat).toBe(before.iat + 60);
    expect(after).not.toHaveProperty('nonce');
    expect(after.at_hash).not.toBe(before.at_hash);
  });

  const root = (json: object) => ({ method: 'PATCH', key: server.rootKey, json });
  test.each([
    'the person is disabled',
    'the person leaves the workspace',
    'the password is reset',
    'the application is disabled',
    'the application is deleted',
  ])('ends when %s', async (what) => {
    const somebody = await newPerson(server);
    const client = await newClient(server, { type: 'public' });
    const bystander = await consented(server, person, page);
    const given = await consented(server, somebody, client);
    const application = `/v1/applications/${client.id}`;
    if (what === 'the person is disabled') {
      expect((await server.call(`/v1/users/${somebody.userId}`, root({ state: 'disabled' }))).status).toBe(200);
    } else if (what === 'the person leaves the workspace') {
      const path = `/v1/members/${await memberId(server, somebody)}?workspace_id=${server.workspaceId}`;
      expect((await server.call(path, { method: 'DELETE', key: server.rootKey })).status).toBe(204);
    } else if (what === 'the password is reset') {
      expect(
        (await server.call(`/v1/users/${somebody.userId}`, root({ password: 'another long password 7' }))).status,
      ).toBe(200);
    } else if (what === 'the application is disabled') {
      expect(
        (await server.call(application, root({ state: 'disabled', workspace_id: server.workspaceId }))).status,
      ).toBe(200);
    } else {
      const path = `${application}?workspace_id=${server.workspaceId}`;
      expect((await server.call(path, { method: 'DELETE', key: server.rootKey })).status).toBe(204);
    }
    const expected = what.startsWith('the application') ? [401, 'invalid_client'] : DEAD;
    expect(refusal(await refresh(client, given.refresh_token))).toEqual(expected);
    expect(refusal(await refresh(null, given.refresh_token))[0]).toBeGreaterThanOrEqual(400);
    expect(await works(given.access_token)).toBe(false);
    expect((await refresh(page, bystander.refresh_token)).status).toBe(200);
  });

  test('ends when the person withdraws what they allowed, and only there', async () => {
    const other = await newClient(server, { type: 'public' });
    const client = await newClient(server, { type: 'public' });
    const given = await consented(server, person, client);
    const kept = await consented(server, person, other);
    const { grant_id: grantId } = claimsOf(given.access_token);
    const path = `/v1/grants/${grantId}?workspace_id=${server.workspaceId}`;
    const reply = await server.call(path, { method: 'DELETE', key: server.rootKey });
    expect(reply.status, reply.text).toBe(204);
    expect(await works(given.access_token)).toBe(false);
    expect(refusal(await refresh(client, given.refresh_token))).toEqual(DEAD);
    expect((await refresh(other, kept.refresh_token)).status).toBe(200);
  });

  test('gives no more than the role, the register and the consent still hold, and comes back with them', async () => {
    const somebody = await newPerson(server, { role: 'developer' });
    const client = await newClient(server, { type: 'web' });
    const { refresh_token: text } = await consented(server, somebody, client, { scope: 'openid read write' });
    await setRole(server, somebody, 'viewer');
    expect((await refresh(client, text)).json.scope).toBe('openid read');
    // Asking for what the role has lost is no mistake of the client: it gets what is left.
    expect((await refresh(client, text, { scope: 'read write' })).json.scope).toBe('read');
    await setRole(server, somebody, 'developer');
    expect((await refresh(client, text)).json.scope).toBe('openid read write');
    const register = root({ scopes: ['openid', 'read'], workspace_id: server.workspaceId });
    expect((await server.call(`/v1/applications/${client.id}`, register)).status).toBe(200);
    expect((await refresh(client, text)).json.scope).toBe('openid read');
  });

  test('ends with its registration for refreshing', async () => {
    const client = await newClient(server);
    const { refresh_token: text } = await consented(server, person, client);
    const json = { grant_types: ['authorization_code'], workspace_id: server.workspaceId };
    expect((await server.call(`/v1/applications/${client.id}`, root(json))).status).toBe(200);
    expect(refusal(await refresh(client, text))).toEqual([400, 'unauthorized_client']);
  });

  test('a refusal is counted', async () => {
    const before = await failures();
    await refresh(page, 'lk_rt_nonsense');
    expect(await failures()).toBe(before + 1);
  });

  // Last: the person's session in the browser does not outlive it.
  test('ends after thirty days of rest, and after a year in any case', async () => {
    const resting = await consented(server, person, page);
    const used = await consented(server, person, page);
    let { refresh_token: text } = used;
    for (let time = 0; time < 14; time += 1) {
      clock.advance(29 * DAY_MS);
      const reply = await refresh(page, text);
      if (time < 12) {
        expect(reply.status, `${time}`).toBe(200);
        text = reply.json.refresh_token;
      } else expect(refusal(reply), `${time}`).toEqual(DEAD);
    }
    expect(refusal(await refresh(page, resting.refresh_token))).toEqual(DEAD);
  });

  const failures = async () => {
    const { text } = await server.call('/metrics', { key: server.rootKey });
    return Number(/^latchkey_refresh_failures_total (\d+)/m.exec(text)?.[1] ?? 0);
  };
});
