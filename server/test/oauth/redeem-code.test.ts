import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventsAbout } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { memberId, setRole } from '../login/logins.ts';
import { newPerson, type Person, signIn } from '../people/browser.ts';
import { claimsOf } from '../tokens/issuing.ts';
import {
  challengeOf,
  codeFor,
  newClient,
  post,
  REDIRECT,
  refusal,
  type TestClient,
  token,
  VERIFIER,
  withCode,
  withRefresh,
} from './clients.ts';

const DEAD = [400, 'invalid_grant'];

describe.each(DATABASES)('redeeming a code on %s', (database) => {
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
  const redeem = (client: TestClient | null, code: string, params: object = {}) =>
    token(server, client, withCode(code, { ...params }));

  test('gives tokens of the person, in the workspace, for the application', async () => {
    const reply = await redeem(web, await codeFor(person, web, { scope: 'read' }));
    expect(reply.status, reply.text).toBe(200);
    expect(reply.headers.get('cache-control')).toBe('no-store');
    expect(reply.json).toEqual({
      access_token: expect.stringMatching(/^eyJ/),
      token_type: 'Bearer',
      expires_in: 900,
      scope: 'read',
      refresh_token: expect.stringMatching(/^lk_rt_/),
    });
    const iat = Math.floor(clock.nowMs() / 1000);
    expect(claimsOf(reply.json.access_token)).toEqual({
      iss: server.issuer,
      sub: person.userId,
      aud: `${server.issuer}/v1`,
      client_id: web.id,
      iat,
      exp: iat + 900,
      jti: expect.stringMatching(/^tok_/),
      scope: 'read',
      workspace_id: server.workspaceId,
      environment: 'test',
      epoch: expect.any(Number),
      grant_id: expect.stringMatching(/^grt_/),
      family_id: expect.stringMatching(/^fam_/),
      auth_time: expect.any(Number),
      acr: 'urn:latchkey:acr:1fa',
      amr: ['pwd'],
    });
    const who = await server.call('/v1/auth/verify', { key: reply.json.access_token });
    expect(who.json).toMatchObject({ method: 'oauth', user_id: person.userId, client_id: web.id, scopes: ['read'] });
    const events = await eventsAbout(server, claimsOf(reply.json.access_token).jti);
    expect(events.map(({ action }) => action)).toEqual(['access_token.issued']);
  });

  test('with openid an ID token is beside it, as OpenID Connect has it', async () => {
    const asked = { scope: 'openid profile email read', nonce: 'n-0S6_WzA2Mj' };
    const { json } = await redeem(web, await codeFor(person, web, asked));
    const [header = ''] = json.id_token.split('.');
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({
      alg: 'ES256',
      typ: 'JWT',
      kid: expect.any(String),
    });
    const iat = Math.floor(clock.nowMs() / 1000);
    expect(claimsOf(json.id_token)).toEqual({
      iss: server.issuer,
      sub: person.userId,
      aud: web.id,
      azp: web.id,
      iat,
      exp: iat + 3600,
      auth_time: claimsOf(json.access_token).auth_time,
      nonce: 'n-0S6_WzA2Mj',
      at_hash: challengeHalf(json.access_token),
      acr: 'urn:latchkey:acr:1fa',
      amr: ['pwd'],
      sid: person.sessionId,
      name: 'Ada',
      email: person.email,
      email_verified: true,
    });
    const userinfo = await server.call('/oauth/userinfo', { key: json.access_token });
    expect(userinfo.json).toEqual({ sub: person.userId, name: 'Ada', email: person.email, email_verified: true });
  });

  test('an ID token opens nothing', async () => {
    const { json } = await redeem(web, await codeFor(person, web));
    for (const path of ['/v1/projects', '/v1/auth/verify', '/v1/gate', '/oauth/userinfo']) {
      const reply = await server.call(path, { key: json.id_token });
      expect(reply.status, path).toBe(401);
    }
  });

  test('a code works once; the second time ends all that the first gave, and is told once', async () => {
    const code = await codeFor(person, web);
    const { json: first } = await redeem(web, code);
    expect(await works(first.access_token)).toBe(true);
    const second = await redeem(web, code);
    expect(refusal(second)).toEqual(DEAD);
    expect(await works(first.access_token)).toBe(false);
    expect(refusal(await token(server, web, withRefresh(first.refresh_token)))).toEqual(DEAD);
    expect(refusal(await redeem(web, code))).toEqual(DEAD);
    const { grant_id: grantId = '' } = claimsOf(first.access_token);
    const events = await eventsAbout(server, grantId);
    const told = events.filter(({ action }) => action === 'authorization_code.reused');
    // By whom, in which request, from where.
    const by = { actor_kind: 'application', actor_id: web.id, address: '127.0.0.1' };
    expect(told).toMatchObject([{ ...by, request_id: second.headers.get('x-request-id') }]);
    expect((await redeem(web, await codeFor(person, web))).status).toBe(200);
  });

  test('the second use ends an access token that has no refresh token beside it too', async () => {
    const client = await newClient(server, { grant_types: ['authorization_code'] });
    const code = await codeFor(person, client);
    const { json: first } = await redeem(client, code);
    expect(first).not.toHaveProperty('refresh_token');
    expect(await works(first.access_token)).toBe(true);
    expect(refusal(await redeem(client, code))).toEqual(DEAD);
    expect(await works(first.access_token)).toBe(false);
  });

  test('of fifty at once one is given tokens', async () => {
    const code = await codeFor(person, page);
    const replies = await Promise.all(Array.from({ length: 50 }, () => redeem(page, code)));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const reply of replies) if (reply.status !== 200) expect(refusal(reply)).toEqual(DEAD);
    const [winner] = replies.filter(({ status }) => status === 200);
    expect(await works(winner?.json.access_token)).toBe(false);
  });

  test.each(['another client', 'one without a secret', 'an altered code'])(
    'in the hands of %s a code is refused, and its owner still redeems it',
    async (who) => {
      const code = await codeFor(person, web);
      const altered = `${code.slice(0, 20)}${code[20] === 'A' ? 'B' : 'A'}${code.slice(21)}`;
      if (who === 'another client') {
        expect(refusal(await redeem(await newClient(server), code))).toEqual(DEAD);
        expect(refusal(await redeem(page, code))).toEqual(DEAD);
      } else if (who === 'an altered code') expect(refusal(await redeem(web, altered))).toEqual(DEAD);
      else expect(refusal(await redeem({ id: web.id, secret: null }, code))).toEqual([401, 'invalid_client']);
      const { json } = await redeem(web, code);
      expect(await works(json.access_token)).toBe(true);
      if (who === 'another client') {
        expect(refusal(await redeem(page, code))).toEqual(DEAD);
        expect(await works(json.access_token)).toBe(true);
      }
    },
  );

  test.each([
    ['another redirect_uri', { redirect_uri: `${REDIRECT}/` }],
    ['no redirect_uri', { redirect_uri: undefined }],
    ['no verifier', { code_verifier: undefined }],
    ['an empty verifier', { code_verifier: '' }],
    ['a wrong verifier', { code_verifier: `${VERIFIER.slice(0, -1)}x` }],
    ['a verifier that is the challenge', { code_verifier: challengeOf(VERIFIER) }],
    ['a verifier that is too short', { code_verifier: 'short' }],
    ['a verifier with a letter that it may not have', { code_verifier: `${VERIFIER}!` }],
    ['a verifier that is too long', { code_verifier: 'a'.repeat(129) }],
  ])('%s is refused and burns nothing', async (_, params) => {
    const code = await codeFor(person, page);
    expect(refusal(await redeem(page, code, params))).toEqual(DEAD);
    expect((await redeem(page, code)).status).toBe(200);
  });

  test('a verifier for a code without a challenge is refused, and without it the code works', async () => {
    const code = await codeFor(person, web, { code_challenge: undefined, code_challenge_method: undefined });
    expect(refusal(await redeem(web, code))).toEqual(DEAD);
    expect((await redeem(web, code, { code_verifier: undefined })).status).toBe(200);
  });

  test('a minute later it is worth nothing', async () => {
    const code = await codeFor(person, web);
    const late = await codeFor(person, web);
    clock.advance(59_000);
    expect((await redeem(web, code)).status).toBe(200);
    clock.advance(1000);
    expect(refusal(await redeem(web, late))).toEqual(DEAD);
  });

  test('what is a one-time thing of another kind is no code', async () => {
    const { json } = await redeem(web, await codeFor(person, web));
    for (const code of [json.refresh_token, json.access_token, json.id_token, web.secret ?? '', '', 'x']) {
      const reply = await redeem(web, code);
      expect(reply.status, code.slice(0, 8)).toBe(400);
    }
    const code = await codeFor(person, web);
    expect(refusal(await token(server, web, withRefresh(code)))).toEqual(DEAD);
    expect((await redeem(web, code)).status).toBe(200);
  });

  const root = (json: object) => ({ method: 'PATCH', key: server.rootKey, json });

  test.each(['disabled', 'taken out of the workspace', 'sent home by a suspended workspace'])(
    'the code of somebody who was %s since is worth nothing',
    async (what) => {
      const somebody = await newPerson(server);
      const code = await codeFor(somebody, web);
      const lateCode = await codeFor(somebody, web);
      const workspace = `/v1/workspaces/${server.workspaceId}`;
      if (what === 'disabled') {
        expect((await server.call(`/v1/users/${somebody.userId}`, root({ state: 'disabled' }))).status).toBe(200);
      } else if (what === 'sent home by a suspended workspace') {
        expect((await server.call(workspace, root({ state: 'suspended' }))).status).toBe(200);
      } else {
        const path = `/v1/members/${await memberId(server, somebody)}?workspace_id=${server.workspaceId}`;
        expect((await server.call(path, { method: 'DELETE', key: server.rootKey })).status).toBe(204);
      }
      const refused = await redeem(web, code);
      expect(refused.status).toBeGreaterThanOrEqual(400);
      expect(refused.json.access_token).toBeUndefined();
      if (what !== 'sent home by a suspended workspace') return expect(refusal(refused)).toEqual(DEAD);
      // The application's own workspace is suspended with it.
      expect(refused.status).toBe(401);
      expect((await server.call(workspace, root({ state: 'active' }))).status).toBe(200);
      expect((await redeem(web, lateCode)).status).toBe(200);
    },
  );

  test('a role that shrank since leaves what it still may', async () => {
    const somebody = await newPerson(server, { role: 'developer' });
    const code = await codeFor(somebody, web, { scope: 'openid read write' });
    await setRole(server, somebody, 'viewer');
    expect((await redeem(web, code)).json.scope).toBe('openid read');
  });

  test('an application that is disabled, or not registered for codes, redeems none', async () => {
    const client = await newClient(server);
    const code = await codeFor(person, client);
    const path = `/v1/applications/${client.id}`;
    expect(
      (
        await server.call(
          path,
          root({ grant_types: ['client_credentials'], redirect_uris: [], workspace_id: server.workspaceId }),
        )
      ).status,
    ).toBe(200);
    expect(refusal(await redeem(client, code))).toEqual([400, 'unauthorized_client']);
    expect((await server.call(path, root({ state: 'disabled', workspace_id: server.workspaceId }))).status).toBe(200);
    expect(refusal(await redeem(client, code))).toEqual([401, 'invalid_client']);
  });

  test('a refresh token comes as the application is registered for it', async () => {
    const asked = await newClient(server, { refresh_tokens: 'offline_access' });
    const without = await redeem(asked, await codeFor(person, asked, { scope: 'openid read' }));
    expect(without.json).not.toHaveProperty('refresh_token');
    const withIt = await redeem(asked, await codeFor(person, asked, { scope: 'openid read offline_access' }));
    expect(withIt.json.refresh_token).toMatch(/^lk_rt_/);
  });

  test('what cannot be renewed ends with the session that it was given in', async () => {
    const somebody = await newPerson(server);
    const online = await newClient(server, { refresh_tokens: 'offline_access' });
    const { json: short } = await redeem(online, await codeFor(somebody, online));
    const { json: long } = await redeem(web, await codeFor(somebody, web));
    expect([await works(short.access_token), await works(long.access_token)]).toEqual([true, true]);
    const end = { method: 'DELETE', headers: { origin: server.issuer } };
    expect((await somebody.call(`/v1/account/sessions/${somebody.sessionId}`, end)).status).toBe(204);
    expect([await works(short.access_token), await works(long.access_token)]).toEqual([false, true]);
  });

  test('E11: what cannot be renewed ends too when somebody signs in over that session, whoever it is', async () => {
    const online = await newClient(server, { refresh_tokens: 'offline_access' });
    const other = await newPerson(server);
    for (const next of [null, other]) {
      const somebody = await newPerson(server);
      const { json: short } = await redeem(online, await codeFor(somebody, online));
      const { json: long } = await redeem(web, await codeFor(somebody, web));
      expect([await works(short.access_token), await works(long.access_token)]).toEqual([true, true]);
      const { email } = next ?? somebody;
      expect((await signIn(somebody, email)).status).toBe(201);
      expect([await works(short.access_token), await works(long.access_token)]).toEqual([false, true]);
    }
  });

  test('a code is worth nothing once its session has ended, by signing out or by another password', async () => {
    const online = await newClient(server, { refresh_tokens: 'offline_access' });
    const leaves = await newPerson(server);
    const codes = [await codeFor(leaves, online), await codeFor(leaves, web)];
    const end = { method: 'DELETE', headers: { origin: server.issuer } };
    expect((await leaves.call(`/v1/account/sessions/${leaves.sessionId}`, end)).status).toBe(204);
    expect(refusal(await redeem(online, codes[0] ?? ''))).toEqual(DEAD);
    expect(refusal(await redeem(web, codes[1] ?? ''))).toEqual(DEAD);
    const robbed = await newPerson(server);
    const code = await codeFor(robbed, web);
    const json = { current_password: robbed.password, new_password: 'an entirely different passphrase 7' };
    const changed = await robbed.call('/v1/account/password', { ...end, method: 'POST', json });
    expect(changed.status, changed.text).toBeLessThan(300);
    expect(refusal(await redeem(web, code))).toEqual(DEAD);
  });

  test('the resource of the request must be that of the consent', async () => {
    const code = await codeFor(person, web);
    expect(refusal(await redeem(web, code, { resource: 'https://unknown.example' }))).toEqual([400, 'invalid_target']);
    expect((await redeem(web, code, { resource: `${server.issuer}/v1` })).status).toBe(200);
  });

  test('the secret and the verifier may be wrong in one request without a trace of the code in any log', async () => {
    const code = await codeFor(person, web);
    await redeem({ id: web.id, secret: `${web.secret}x` }, code);
    await redeem(web, code, { code_verifier: 'nope' });
    await redeem(web, code);
    for (const line of server.logLines) expect(line).not.toContain(code);
    expect(await post(server, '/oauth/token', withCode(code), { client: web })).toMatchObject({ status: 400 });
  });
});

const challengeHalf = (text: string) =>
  Buffer.from(challengeOf(text), 'base64url').subarray(0, 16).toString('base64url');
