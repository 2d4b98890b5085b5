import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { REVOCATIONS } from '../../src/oauth/revocation/revoke.ts';
import { eventsAbout, makeKey } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { newPerson, type Person } from '../people/browser.ts';
import { claimsOf } from '../tokens/issuing.ts';
import { consented, newClient, post, refusal, type TestClient, token, withRefresh } from './clients.ts';

describe.each(DATABASES)('revoking on %s', (database) => {
  const clock = manualClock();
  let server: TestServer;
  let person: Person;
  let web: TestClient;
  let page: TestClient;
  beforeAll(async () => {
    server = await startServer({ database, clock });
    person = await newPerson(server);
    web = await newClient(server);
    page = await newClient(server, { type: 'public' });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(1000));

  const works = async (key: string) => (await server.call('/v1/projects', { key })).status === 200;
  const revoke = (client: TestClient | null, text: string | undefined, params: Record<string, string> = {}) =>
    post(server, '/oauth/revoke', { token: text, ...params }, { client });
  const refresh = (client: TestClient, text: string) => token(server, client, withRefresh(text));

  test('an access token ends alone, at the next call', async () => {
    const given = await consented(server, person, web);
    const reply = await revoke(web, given.access_token);
    expect([reply.status, reply.json]).toEqual([200, {}]);
    expect(reply.headers.get('cache-control')).toBe('no-store');
    const refused = await server.call('/v1/projects', { key: given.access_token });
    expect([refused.status, refused.json.error]).toEqual([401, 'token_revoked']);
    const next = await refresh(web, given.refresh_token);
    expect(await works(next.json.access_token)).toBe(true);
    const events = await eventsAbout(server, claimsOf(given.access_token).jti);
    expect(events.map(({ action }) => action)).toEqual(['access_token.issued', 'access_token.revoked']);
  });

  test('a refresh token ends with all that came of it', async () => {
    const given = await consented(server, person, page);
    const { json: next } = await refresh(page, given.refresh_token);
    const other = await consented(server, person, page);
    expect((await revoke(page, next.refresh_token)).status).toBe(200);
    expect([await works(given.access_token), await works(next.access_token)]).toEqual([false, false]);
    expect(refusal(await refresh(page, next.refresh_token))).toEqual([400, 'invalid_grant']);
    expect(await works(other.access_token)).toBe(true);
  });

  test('by a refresh token that was spent long ago too', async () => {
    const given = await consented(server, person, page);
    const { json: next } = await refresh(page, given.refresh_token);
    clock.advance(60_000);
    expect((await revoke(page, given.refresh_token)).status).toBe(200);
    expect(await works(next.access_token)).toBe(false);
  });

  test('a hint that is wrong hides nothing', async () => {
    for (const hint of ['refresh_token', 'access_token', 'nonsense', '']) {
      const given = await consented(server, person, web);
      expect((await revoke(web, given.access_token, { token_type_hint: hint })).status).toBe(200);
      expect(await works(given.access_token), hint).toBe(false);
      expect((await revoke(web, given.refresh_token, { token_type_hint: hint })).status).toBe(200);
      expect(refusal(await refresh(web, given.refresh_token)), hint).toEqual([400, 'invalid_grant']);
    }
  });

  test('what is unknown, over or ended before is 200, and so is a repetition', async () => {
    const given = await consented(server, person, web);
    const nearly = given.refresh_token.slice(0, -1);
    for (const text of [
      'x',
      'lk_rt_nonsense',
      nearly,
      given.id_token,
      given.access_token.slice(0, -3),
      'a'.repeat(5000),
    ]) {
      expect((await revoke(web, text)).status, text.slice(0, 20)).toBe(200);
    }
    expect(await works(given.access_token)).toBe(true);
    expect((await revoke(web, given.access_token)).status).toBe(200);
    expect((await revoke(web, given.access_token)).status).toBe(200);
    const old = await consented(server, person, web);
    clock.advance(3_600_000);
    expect((await revoke(web, old.access_token)).status).toBe(200);
  });

  test("another client's token is 200, and stays as it is", async () => {
    const given = await consented(server, person, page);
    const service = await newClient(server, { type: 'service' });
    for (const other of [web, service, await newClient(server, { type: 'public' })]) {
      for (const text of [given.access_token, given.refresh_token]) {
        const reply = await revoke(other, text);
        expect([reply.status, reply.json]).toEqual([200, {}]);
      }
    }
    expect(await works(given.access_token)).toBe(true);
    expect((await refresh(page, given.refresh_token)).status).toBe(200);
  });

  test('a confidential client proves itself; a public one says who it is', async () => {
    const given = await consented(server, person, web);
    for (const client of [{ id: web.id, secret: null }, { id: web.id, secret: 'wrong' }, null]) {
      expect(refusal(await revoke(client, given.refresh_token))).toEqual([401, 'invalid_client']);
    }
    expect(await works(given.access_token)).toBe(true);
    expect(refusal(await revoke(web, undefined))).toEqual([400, 'invalid_request']);
    const ofPage = await consented(server, person, page);
    expect((await revoke(page, ofPage.access_token)).status).toBe(200);
    expect(await works(ofPage.access_token)).toBe(false);
  });

  test('an API key is not revoked here, and the error says where', async () => {
    const { key } = await makeKey(server, { scopes: ['read'] });
    const reply = await revoke(web, key);
    expect(refusal(reply)).toEqual([400, 'unsupported_token_type']);
    expect(reply.json.error_description).toContain('/v1/api-keys/');
    expect(await works(key)).toBe(true);
  });

  test('a page may do it, from anywhere, without credentials', async () => {
    const reply = await post(
      server,
      '/oauth/revoke',
      { token: 'x' },
      { client: page, headers: { origin: 'https://a.example' } },
    );
    expect(reply.headers.get('access-control-allow-origin')).toBe('*');
  });

  test('is counted by what was ended', async () => {
    const count = async (type: string) => {
      const { text } = await server.call('/metrics', { key: server.rootKey });
      return Number(
        new RegExp(`^latchkey_token_revocations_total\\{token_type="${type}"\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0,
      );
    };
    const before = [await count('access_token'), await count('refresh_token'), await count('none')];
    const given = await consented(server, person, web);
    for (const text of [given.access_token, given.refresh_token, 'x']) await revoke(web, text);
    expect([await count('access_token'), await count('refresh_token'), await count('none')]).toEqual(
      before.map((value) => value + 1),
    );
  });
});

test('so many access tokens an hour one by one, each remembered until it ends; a refresh token goes on ending all', async () => {
  const clock = manualClock();
  const server = await startServer({ clock });
  const [client, other] = [await newClient(server), await newClient(server)];
  const person = await newPerson(server);
  const { refresh_token: refreshToken } = await consented(server, person, client);
  const most = REVOCATIONS.perHour ?? 0;
  const revokeOne = async (by: TestClient) => {
    const { json } = await token(server, by, { grant_type: 'client_credentials', scope: 'read' });
    return post(server, '/oauth/revoke', { token: json.access_token }, { client: by });
  };
  const lane = async () => {
    for (let index = 0; index < most / 30; index += 1) expect((await revokeOne(client)).status).toBe(200);
  };
  await Promise.all(Array.from({ length: 30 }, lane));
  const refused = await revokeOne(client);
  expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([429, 3600]);
  expect((await revokeOne(other)).status).toBe(200);
  expect((await post(server, '/oauth/revoke', { token: refreshToken }, { client })).status).toBe(200);
  clock.advance(3_600_000);
  expect((await revokeOne(client)).status).toBe(200);
  await server.stop();
});
