import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { newPerson } from '../people/browser.ts';
import { claimsOf } from '../tokens/issuing.ts';
import { challengeOf, consented, newClient, post, refusal, type TestClient, token, withRefresh } from './clients.ts';

const AUDIENCE = 'https://opaque.example';

describe.each(DATABASES)('a resource with opaque tokens on %s', (database) => {
  let server: TestServer;
  let client: TestClient;
  beforeAll(async () => {
    server = await startServer({ database, clock: manualClock() });
    const fields = { name: 'Opaque', audience: AUDIENCE, token_format: 'opaque', access_token_ttl_seconds: 600 };
    const made = await server.call('/v1/resources', { key: server.rootKey, json: fields });
    const scope = { name: 'tools:call', description: 'Call tools.', resource: made.json.id };
    expect((await server.call('/v1/scopes', { key: server.rootKey, json: scope })).status).toBe(201);
    client = await newClient(server, { scopes: ['openid', 'tools:call', 'read'] });
  });
  afterAll(stopServers);

  const passes = async (key: string) =>
    (await server.call(`/v1/gate?resource=${encodeURIComponent(AUDIENCE)}&scope=tools:call`, { key })).status;

  test('gives them by every grant, in the same words, and the gate lets them through', async () => {
    const owner = await newPerson(server, { role: 'owner' });
    const asked = { scope: 'openid tools:call', resource: AUDIENCE };
    const first = await consented(server, owner, client, asked);
    const refreshed = await token(server, client, withRefresh(first.refresh_token));
    const alone = await token(server, client, { grant_type: 'client_credentials', resource: AUDIENCE });
    for (const json of [first, refreshed.json, alone.json]) {
      expect(json).toMatchObject({
        access_token: expect.stringMatching(/^lk_at_/),
        token_type: 'Bearer',
        expires_in: 600,
      });
      expect(await passes(json.access_token)).toBe(200);
      const told = await post(server, '/oauth/introspect', { token: json.access_token }, { client });
      expect(told.json).toMatchObject({ active: true, aud: AUDIENCE, client_id: client.id, token_use: 'access_token' });
    }
    const hash = Buffer.from(challengeOf(first.access_token), 'base64url').subarray(0, 16).toString('base64url');
    expect(claimsOf(first.id_token).at_hash).toBe(hash);
    expect((await server.call('/oauth/userinfo', { key: first.access_token })).json).toEqual({ sub: owner.userId });
  });

  test('they are revoked, alone or with their refresh token, by their own application', async () => {
    const owner = await newPerson(server, { role: 'owner' });
    const given = await consented(server, owner, client, { scope: 'tools:call', resource: AUDIENCE });
    const other = await newClient(server);
    const revoke = (by: TestClient, text: string) => post(server, '/oauth/revoke', { token: text }, { client: by });
    expect((await revoke(other, given.access_token)).status).toBe(200);
    expect(await passes(given.access_token)).toBe(200);
    expect((await revoke(client, given.access_token)).status).toBe(200);
    expect(await passes(given.access_token)).toBe(401);
    const { json } = await token(server, client, withRefresh(given.refresh_token));
    expect(await passes(json.access_token)).toBe(200);
    expect((await revoke(client, given.refresh_token)).status).toBe(200);
    expect(await passes(json.access_token)).toBe(401);
    expect(refusal(await token(server, client, withRefresh(given.refresh_token)))).toEqual([400, 'invalid_grant']);
    const told = await post(server, '/oauth/introspect', { token: json.access_token }, { client });
    expect(told.json).toEqual({ active: false });
  });
});
