import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeWorkspace } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { newPerson } from '../people/browser.ts';
import { claimsOf } from '../tokens/issuing.ts';
import { ISSUER, register, SECRET, signJwt } from '../trusted-issuers/issuing.ts';
import { newClient, post, refusal, type TestClient, token } from './clients.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const DEAD = [400, 'invalid_grant'];

describe.each(DATABASES)('the JWT bearer grant on %s', (database) => {
  const clock = manualClock();
  let server: TestServer;
  let service: TestClient;
  let count = 0;
  beforeAll(async () => {
    server = await startServer({ database, clock });
    service = await newClient(server, { type: 'service', scopes: ['read', 'write'], self_signed_jwt: true });
    await register(server, { secret: SECRET, scopes: ['read', 'projects:write', 'audit:read'] });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(1000));

  const claims = (changes: object = {}) => {
    const iat = Math.floor(clock.nowMs() / 1000);
    count += 1;
    return { iss: ISSUER, sub: 'robot-7', aud: server.issuer, iat, exp: iat + 120, jti: `j${count}`, ...changes };
  };
  const signed = (changes: object = {}, key = SECRET) => signJwt(key, { alg: 'HS256', typ: 'JWT' }, claims(changes));
  const own = (changes: object = {}) => signed({ iss: service.id, sub: service.id, ...changes }, service.secret ?? '');
  const give = (client: TestClient | null, assertion: string | undefined, params: Record<string, string> = {}) =>
    token(server, client, { grant_type: GRANT, assertion, ...params });

  test('gives a token for what a trusted issuer says, within what application and issuer may', async () => {
    const reply = await give(service, signed());
    expect(reply.status, reply.text).toBe(200);
    expect(reply.json).toEqual({
      access_token: expect.stringMatching(/^eyJ/),
      token_type: 'Bearer',
      expires_in: 300,
      scope: 'read projects:write',
    });
    expect(claimsOf(reply.json.access_token)).toMatchObject({
      iss: server.issuer,
      sub: 'robot-7',
      subject_issuer: ISSUER,
      aud: `${server.issuer}/v1`,
      client_id: service.id,
      workspace_id: server.workspaceId,
      environment: 'test',
    });
    const who = await server.call('/v1/auth/verify', { key: reply.json.access_token });
    expect(who.json).toMatchObject({
      method: 'jwt',
      user_id: null,
      subject: 'robot-7',
      subject_issuer: ISSUER,
      client_id: service.id,
      scopes: ['read', 'projects:write'],
    });
    expect((await server.call('/v1/projects', { key: reply.json.access_token })).status).toBe(200);
    const narrow = await give(service, signed({ scope: 'projects:read' }));
    expect(narrow.json.scope).toBe('projects:read');
    expect((await give(service, signed(), { scope: 'projects:read' })).json.scope).toBe('projects:read');
    expect(refusal(await give(service, signed(), { scope: 'write' }))).toEqual([400, 'invalid_scope']);
  });

  test.each<[string, object]>([
    ['an empty text', { scope: '' }],
    ['an empty list', { scopes: [] }],
    ['no list', { scopes: { read: true } }],
  ])('gives nothing for what its issuer says of scopes when that is nothing: %s', async (_what, said) => {
    expect(
      (await server.call('/v1/auth/verify', { key: signed({ aud: `${server.issuer}/v1`, ...said }) })).json,
    ).toMatchObject({ scopes: [] });
    expect((await give(service, signed(said))).json.scope).toBe('');
  });

  test('gives no application a token for longer than a service has', async () => {
    const grant_types = ['authorization_code', 'client_credentials', GRANT];
    const web = await newClient(server, { grant_types, scopes: ['read'], access_token_ttl_seconds: 86_400 });
    expect((await give(web, signed())).json.expires_in).toBeLessThanOrEqual(600);
  });

  test('gives a service its own token for a JWT that it signs itself, with no other proof', async () => {
    for (const client of [service, null]) {
      const reply = await give(client, own());
      expect(reply.status, reply.text).toBe(200);
      expect(reply.json.scope).toBe('read write');
      const said = claimsOf(reply.json.access_token);
      expect(said).toMatchObject({ sub: service.id, client_id: service.id });
      expect(said).not.toHaveProperty('subject_issuer');
    }
  });

  test('takes an assertion once, also of many at once, and burns none that it refuses', async () => {
    const assertion = signed();
    expect(refusal(await give(service, assertion, { scope: 'admin' }))).toEqual([400, 'invalid_scope']);
    const replies = await Promise.all(Array.from({ length: 20 }, () => give(service, assertion)));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    for (const reply of replies) if (reply.status !== 200) expect(refusal(reply)).toEqual(DEAD);
    expect(refusal(await give(service, own({ jti: 'same' })))[0]).toBe(200);
    expect(refusal(await give(null, own({ jti: 'same' })))).toEqual(DEAD);
  });

  test('what has proven a client is no grant afterwards, and what was a grant proves no client', async () => {
    const client = await newClient(server, { type: 'service', token_endpoint_auth_method: 'client_secret_jwt' });
    const sign = () => signed({ iss: client.id, sub: client.id }, client.secret ?? '');
    const prove = (assertion: string) =>
      token(server, null, {
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
      });
    const proof = sign();
    expect(refusal(await prove(proof))[0]).toBe(200);
    expect(refusal(await give(null, proof))).toEqual(DEAD);
    const grant = sign();
    expect(refusal(await give(null, grant))[0]).toBe(200);
    expect(refusal(await prove(grant))).toEqual([401, 'invalid_client']);
    const both = sign();
    const raced = await Promise.all([prove(both), give(null, both), prove(both), give(null, both)]);
    expect(raced.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test('refuses what is not for us alone, not signed as registered, too long, too old or no assertion', async () => {
    const iat = Math.floor(clock.nowMs() / 1000);
    const { json } = await give(service, signed());
    const bad = {
      'another aud': signed({ aud: 'https://elsewhere.example' }),
      'our token endpoint': signed({ aud: `${server.issuer}/oauth/token` }),
      'two auds': signed({ aud: [server.issuer, 'https://elsewhere.example'] }),
      'no aud': signed({ aud: undefined }),
      'another key': signed({}, 'another secret of thirty-two bytes, or more'),
      'an unknown issuer': signed({ iss: 'https://unknown.example' }),
      'no issuer': signed({ iss: undefined }),
      'no subject': signed({ sub: undefined }),
      'no end': signed({ exp: undefined }),
      'an end in the past': signed({ iat: iat - 600, exp: iat - 120 }),
      'too long a life': signed({ exp: iat + 7200 }),
      'a user of ours': signed({ sub: (await newPerson(server)).userId }),
      'a user of ours, signed by the application': own({ sub: (await newPerson(server)).userId }),
      'another application': signed({ sub: (await newClient(server)).id }),
      'an access token': json.access_token,
      'no JWT': 'x',
      'a none': `${signJwt('', { alg: 'none' }, claims()).split('.').slice(0, 2).join('.')}.`,
    };
    for (const [what, assertion] of Object.entries(bad)) {
      expect(refusal(await give(service, assertion)), what).toEqual(DEAD);
    }
    expect(refusal(await give(service, undefined))).toEqual([400, 'invalid_request']);
  });

  test('is for applications that are registered for it and prove themselves', async () => {
    const web = await newClient(server);
    expect(refusal(await give(web, signed()))).toEqual([400, 'unauthorized_client']);
    expect(refusal(await give(null, signed()))).toEqual([401, 'invalid_client']);
    expect(refusal(await give({ id: service.id, secret: 'wrong' }, signed()))).toEqual([401, 'invalid_client']);
    const silent = await newClient(server, { type: 'service' });
    const unsigned = signed({ iss: silent.id, sub: silent.id }, silent.secret ?? '');
    expect(refusal(await give(silent, unsigned))).toEqual(DEAD);
    expect(refusal(await give(null, unsigned))).toEqual(DEAD);
    // Signed by one application, presented by another.
    expect(refusal(await give(silent, own()))).toEqual(DEAD);
    const elsewhere = await makeWorkspace(server, 'Elsewhere');
    const foreign = await newClient(server, { type: 'service', workspace_id: elsewhere });
    expect(refusal(await give(foreign, signed()))).toEqual(DEAD);
  });

  test('a token of it ends with its application, and is introspected by it', async () => {
    const client = await newClient(server, { type: 'service', self_signed_jwt: true });
    const { json } = await give(client, signed());
    const ask = () => post(server, '/oauth/introspect', { token: json.access_token }, { client });
    expect((await ask()).json).toMatchObject({ active: true, sub: 'robot-7', subject_issuer: ISSUER });
    expect((await post(server, '/oauth/revoke', { token: json.access_token }, { client })).status).toBe(200);
    expect((await ask()).json).toEqual({ active: false });
  });

  test('what it names as its subject spends from no other application', async () => {
    const victim = await newClient(server, { type: 'service', limits: { per_hour: 2, per_second: null } });
    const names = await give(service, signed({ sub: `x${victim.id}` }));
    for (let time = 0; time < 4; time += 1) await server.call('/v1/projects', { key: names.json.access_token });
    const { json } = await token(server, victim, { grant_type: 'client_credentials' });
    expect((await server.call('/v1/projects', { key: json.access_token })).status).toBe(200);
  });

  test('what was given for an issuer’s word ends with the issuer, at once, and when that is changed', async () => {
    const iss = 'https://short-lived.example/';
    const fields = { issuer: iss, secret: SECRET, scopes: ['read'], workspace_id: server.workspaceId };
    const ends: [string, (id: string) => Promise<{ status: number }>][] = [
      [
        'deleted',
        (id) =>
          server.call(`/v1/trusted-issuers/${id}?workspace_id=${server.workspaceId}`, {
            key: server.rootKey,
            method: 'DELETE',
          }),
      ],
      [
        'changed',
        (id) =>
          server.call(`/v1/trusted-issuers/${id}`, {
            key: server.rootKey,
            method: 'PATCH',
            json: { scopes: ['audit:read'], workspace_id: server.workspaceId },
          }),
      ],
    ];
    for (const [what, end] of ends) {
      const { id } = await register(server, fields);
      const { json } = await give(service, signed({ iss }));
      const { json: others } = await give(service, signed());
      const status = async (key: string) => (await server.call('/v1/projects', { key })).status;
      const isActive = async () =>
        (await post(server, '/oauth/introspect', { token: json.access_token }, { client: service })).json.active;
      expect([await status(json.access_token), await isActive()], what).toEqual([200, true]);
      clock.advance(1000);
      expect((await end(id)).status, what).toBeLessThan(300);
      expect([await status(json.access_token), await isActive()], what).toEqual([401, false]);
      expect(await status(others.access_token), what).toBe(200);
    }
  });

  test('an issuer that is registered anew is believed anew', async () => {
    const iss = 'https://again.example/';
    for (let round = 0; round < 2; round += 1) {
      const fields = { issuer: iss, secret: SECRET, scopes: ['read'], workspace_id: server.workspaceId };
      const { id } = await register(server, fields);
      const { json } = await give(service, signed({ iss }));
      expect((await server.call('/v1/projects', { key: json.access_token })).status).toBe(200);
      const path = `/v1/trusted-issuers/${id}?workspace_id=${server.workspaceId}`;
      expect((await server.call(path, { key: server.rootKey, method: 'DELETE' })).status).toBe(204);
    }
  });
});
