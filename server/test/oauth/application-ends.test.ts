import { afterEach, describe, expect, test, vi } from 'vitest';
import { makeWorkspace, startBeside } from '../domains/installation.ts';
import { DATABASES, startServer, stopServers, type TestServer } from '../harness.ts';
import { familyRequestOf, makeUser, mint, newUserId, refresh, refusalOf } from '../tokens/issuing.ts';
import { applicationAt, type MadeApplication, makeApplication } from './applying.ts';

afterEach(stopServers);

const suspend = (server: TestServer, id: string, state: string) =>
  server.call(`/v1/workspaces/${id}`, { key: server.rootKey, method: 'PATCH', json: { state } });

const verdict = async (server: TestServer, key: string) => {
  const { status, json } = await server.call('/v1/auth/verify', { key });
  return status === 200 ? 'ok' : json.error;
};

/** What an application was given: a token for itself, and tokens for a user in a workspace of that user's. */
async function given(server: TestServer, { id }: MadeApplication, workspaceId = server.workspaceId) {
  const userId = newUserId();
  await makeUser(server, userId);
  const request = familyRequestOf(server, { clientId: id, userId, workspaceId, grantId: 'grt_1', rotation: 'none' });
  const pair = await server.latchkey.database.write((tx) => server.latchkey.tokens.startFamily(tx, request));
  return {
    own: mint(server, { clientId: id, subject: id }),
    forUser: pair.accessToken.text,
    refreshToken: pair.refreshToken.text,
  };
}

describe.each(DATABASES)('an application on %s', (database) => {
  const ends: [string, (server: TestServer, application: MadeApplication) => Promise<unknown>][] = [
    ['disabled', (server, { id }) => applicationAt(server, id, { method: 'PATCH', json: { state: 'disabled' } })],
    ['deleted', (server, { id }) => applicationAt(server, id, { method: 'DELETE' })],
  ];

  test.each(ends)('that is %s ends with all that it was given, at once and for good', async (_how, end) => {
    const server = await startServer({ database });
    const application = await makeApplication(server);
    const { own, forUser, refreshToken } = await given(server, application);
    expect([await verdict(server, own), await verdict(server, forUser)]).toEqual(['ok', 'ok']);
    await end(server, application);
    expect([await verdict(server, own), await verdict(server, forUser)]).toEqual(['token_revoked', 'token_revoked']);
    const result = await refresh(server, refreshToken, { clientId: application.id });
    expect(refusalOf(result)).toBe('revoked');
    // Enabled again, it begins anew.
    await applicationAt(server, application.id, { method: 'PATCH', json: { state: 'active' } });
    expect([await verdict(server, own), await verdict(server, forUser)]).toEqual(['token_revoked', 'token_revoked']);
  });

  test('that may do less keeps no access token from before; its refresh tokens stay', async () => {
    const server = await startServer({ database });
    const application = await makeApplication(server, { scopes: ['read', 'write', 'orders:read'] });
    const change = (json: object) => applicationAt(server, application.id, { method: 'PATCH', json });
    const { own, forUser, refreshToken } = await given(server, application);
    const verdicts = async () => [await verdict(server, own), await verdict(server, forUser)];
    // What `read` implies is no loss, and more is none.
    await change({ scopes: ['read', 'write'] });
    await change({ scopes: ['read', 'write', 'delete'], name: 'Other' });
    expect(await verdicts()).toEqual(['ok', 'ok']);
    expect((await change({ scopes: ['read', 'delete'] })).status).toBe(200);
    expect(await verdicts()).toEqual(['token_revoked', 'token_revoked']);
    expect(refusalOf(await refresh(server, refreshToken, { clientId: application.id }))).toBe('refreshed');
    const again = mint(server, { clientId: application.id, subject: application.id });
    expect(await verdict(server, again)).toBe('ok');
    expect((await change({ resources: [`${server.issuer}/v1`] })).status).toBe(200);
    expect(await verdict(server, again)).toBe('token_revoked');
  });

  test('while it is disabled, a token that was given meanwhile is none', async () => {
    const server = await startServer({ database });
    const application = await makeApplication(server);
    await applicationAt(server, application.id, { method: 'PATCH', json: { state: 'disabled' } });
    const token = mint(server, { clientId: application.id, subject: application.id });
    expect(await verdict(server, token)).toBe('invalid_token');
    await applicationAt(server, application.id, { method: 'PATCH', json: { state: 'active' } });
    expect(await verdict(server, token)).toBe('ok');
  });

  test('whose workspace is suspended is refused, also with a token for a user elsewhere', async () => {
    const server = await startServer({ database });
    const home = await makeWorkspace(server);
    const application = await makeApplication(server, { workspace_id: home });
    const { forUser } = await given(server, application);
    expect(await verdict(server, forUser)).toBe('ok');
    await suspend(server, home, 'suspended');
    expect(await verdict(server, forUser)).toBe('invalid_token');
    await suspend(server, home, 'active');
    expect(await verdict(server, forUser)).toBe('ok');
  });

  test('of another workspace is unknown to tokens when it was never made', async () => {
    const server = await startServer({ database });
    const clientId = `app_${'0'.repeat(24)}`;
    expect(await verdict(server, mint(server, { clientId, subject: clientId }))).toBe('invalid_token');
  });

  test('with limits of its own is counted apart, and by them', async () => {
    const server = await startServer({ database });
    const limited = await makeApplication(server, { limits: { per_hour: 2, per_second: null } });
    const free = await makeApplication(server);
    const userId = newUserId();
    await makeUser(server, userId);
    const tokenOf = ({ id }: MadeApplication) => mint(server, { clientId: id, subject: userId, grantId: 'grt_1' });
    const statuses = async (key: string) => {
      const replies = [];
      for (let turn = 0; turn < 3; turn += 1) replies.push((await server.call('/v1/auth/verify', { key })).status);
      return replies;
    };
    expect(await statuses(tokenOf(free))).toEqual([200, 200, 200]);
    expect(await statuses(tokenOf(limited))).toEqual([200, 200, 429]);
    expect(await statuses(tokenOf(free))).toEqual([200, 200, 200]);
    const own = mint(server, { clientId: limited.id, subject: limited.id });
    expect(await statuses(own)).toEqual([200, 200, 429]);
    await applicationAt(server, limited.id, { method: 'PATCH', json: { limits: { per_hour: 100 } } });
    expect(await statuses(own)).toEqual([200, 200, 200]);
  });
});

describe('two processes on one PostgreSQL', () => {
  test.each(['disabled', 'deleted', 'suspended'])(
    'an application that is %s on one is refused on the other within a second',
    async (how) => {
      const env = { LATCHKEY_ISSUER: 'http://localhost:4000' };
      const one = await startServer({ database: 'postgres', env });
      const two = await startBeside(one, env);
      const home = await makeWorkspace(one);
      const application = await makeApplication(one, { workspace_id: home });
      const { forUser, own } = await given(one, application);
      for (const server of [one, two]) {
        expect([await verdict(server, own), await verdict(server, forUser)]).toEqual(['ok', 'ok']);
      }
      const path = `/v1/applications/${application.id}`;
      const json = { state: 'disabled', workspace_id: home };
      if (how === 'suspended') await suspend(one, home, 'suspended');
      else if (how === 'deleted')
        await one.call(`${path}?workspace_id=${home}`, { key: one.rootKey, method: 'DELETE' });
      else await one.call(path, { key: one.rootKey, method: 'PATCH', json });
      expect(await verdict(one, forUser)).not.toBe('ok');
      await vi.waitFor(
        async () => {
          for (const token of [own, forUser]) expect(await verdict(two, token)).not.toBe('ok');
        },
        { timeout: 10_000 },
      );
    },
  );

  test('what changes of an application on one, the other gives tokens by', async () => {
    const one = await startServer({ database: 'postgres' });
    const two = await startBeside(one);
    const application = await makeApplication(one);
    await applicationAt(one, application.id, { method: 'PATCH', json: { scopes: [], name: 'New name' } });
    const { json } = await two.call(`/v1/applications/${application.id}?workspace_id=${one.workspaceId}`, {
      key: one.rootKey,
    });
    expect(json).toMatchObject({ name: 'New name', scopes: [] });
  });
});
