import { createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PUBLISHED_FIRST_MS } from '../../src/signing-keys/key.ts';
import { manualClock, startServer, stopServers, type TestReply, type TestServer } from '../harness.ts';
import { newPerson, type Person } from '../people/browser.ts';
import { signJwt } from '../trusted-issuers/issuing.ts';
import {
  basic,
  codeFor,
  consented,
  newClient,
  type Params,
  post,
  REDIRECT,
  token,
  withCode,
  withRefresh,
} from './clients.ts';

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const GRANT = { grant_type: 'client_credentials' };

/** What the metadata says is tried, each of it; what it leaves out is refused (security E3). */
describe('the metadata of the server', () => {
  const clock = manualClock();
  let server: TestServer;
  let person: Person;
  let said: TestReply['json'];
  const listed = (name: string): string[] => said[`${name}_supported`];
  let count = 0;
  beforeAll(async () => {
    server = await startServer({ clock });
    person = await newPerson(server);
    said = (await server.call('/.well-known/openid-configuration', { key: null })).json;
  });
  afterAll(stopServers);

  const own = (clientId: string, key: KeyObject | string, alg: string) => {
    const iat = Math.floor(clock.nowMs() / 1000);
    count += 1;
    const claims = { iss: clientId, sub: clientId, aud: server.issuer, iat, exp: iat + 60, jti: `a${count}` };
    return signJwt(key, { alg, typ: 'JWT', kid: 'k' }, claims, alg);
  };

  test('says all that OpenID Connect Discovery §3 and RFC 8414 §2 ask for', () => {
    expect(said.issuer).toBe(server.issuer);
    for (const name of [
      'authorization_endpoint',
      'token_endpoint',
      'jwks_uri',
      'userinfo_endpoint',
      'introspection_endpoint',
      'revocation_endpoint',
    ]) {
      expect(said[name], name).toMatch(new RegExp(`^${server.issuer}/`));
    }
    expect(said).toMatchObject({
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
    });
    expect(said.scopes_supported).toEqual(
      expect.arrayContaining(['openid', 'profile', 'email', 'offline_access', 'read']),
    );
    // Rooms that are not built yet are not promised.
    for (const name of ['pushed_authorization_request_endpoint', 'device_authorization_endpoint']) {
      expect(said).not.toHaveProperty(name);
    }
  });

  const grants: Record<string, () => Promise<number>> = {
    authorization_code: async () => {
      const client = await newClient(server);
      return (await token(server, client, withCode(await codeFor(person, client)))).status;
    },
    refresh_token: async () => {
      const client = await newClient(server);
      return (await token(server, client, withRefresh((await consented(server, person, client)).refresh_token))).status;
    },
    client_credentials: async () => (await token(server, await newClient(server, { type: 'service' }), GRANT)).status,
    [JWT_BEARER]: async () => {
      const client = await newClient(server, { type: 'service', self_signed_jwt: true });
      const assertion = own(client.id, client.secret ?? '', 'HS256');
      return (await token(server, client, { grant_type: JWT_BEARER, assertion })).status;
    },
  };

  test('each grant that it names gives tokens, and no other does', async () => {
    expect([...listed('grant_types')].sort()).toEqual(Object.keys(grants).sort());
    for (const [grant, ask] of Object.entries(grants)) expect(await ask(), grant).toBe(200);
    const client = await newClient(server);
    const others = [
      'password',
      'implicit',
      'urn:ietf:params:oauth:grant-type:device_code',
      'urn:ietf:params:oauth:grant-type:token-exchange',
    ];
    for (const grant_type of others) {
      const { json } = await token(server, client, { grant_type, username: 'a', password: 'b' });
      expect(json.error, grant_type).toBe('unsupported_grant_type');
    }
  });

  const CURVES: Record<string, string> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };
  const keyOf = (alg: string) => {
    if (alg === 'EdDSA') return generateKeyPairSync('ed25519');
    const namedCurve = CURVES[alg];
    if (namedCurve) return generateKeyPairSync('ec', { namedCurve });
    return generateKeyPairSync('rsa', { modulusLength: 2048 });
  };
  const withKey = async (alg: string) => {
    const { privateKey, publicKey } = keyOf(alg);
    const jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg, use: 'sig' }] };
    const fields = { type: 'service', token_endpoint_auth_method: 'private_key_jwt', jwks };
    const { id } = await newClient(server, fields);
    return (): Params => ({ client_assertion_type: ASSERTION_TYPE, client_assertion: own(id, privateKey, alg) });
  };
  const secretOf = (method: string) => newClient(server, { type: 'service', token_endpoint_auth_method: method });

  /** A client of each method, and how it proves itself again and again. */
  const methods: Record<string, () => Promise<{ proof(): Params; headers?: Record<string, string> }>> = {
    client_secret_basic: async () => {
      const { id, secret } = await secretOf('client_secret_basic');
      return { proof: () => ({}), headers: { authorization: basic(id, secret ?? '') } };
    },
    client_secret_post: async () => {
      const { id, secret } = await secretOf('client_secret_post');
      return { proof: () => ({ client_id: id, client_secret: secret ?? '' }) };
    },
    client_secret_jwt: async () => {
      const { id, secret } = await secretOf('client_secret_jwt');
      const key = createSecretKey(secret ?? '', 'utf8');
      return { proof: () => ({ client_assertion_type: ASSERTION_TYPE, client_assertion: own(id, key, 'HS256') }) };
    },
    private_key_jwt: async () => ({ proof: await withKey('ES256') }),
  };

  test('each way to prove a client works at each endpoint that names it, and only as registered', async () => {
    const open = listed('token_endpoint_auth_methods');
    expect([...open].sort()).toEqual([...Object.keys(methods), 'none'].sort());
    expect(said.revocation_endpoint_auth_methods_supported).toEqual(open);
    expect(said.introspection_endpoint_auth_methods_supported).toEqual(open.filter((method) => method !== 'none'));
    for (const [method, make] of Object.entries(methods)) {
      const { proof, headers = {} } = await make();
      const at = async (path: string, params: Params) =>
        (await post(server, path, { ...params, ...proof() }, { headers })).status;
      expect(await at('/oauth/token', GRANT), method).toBe(200);
      expect(await at('/oauth/introspect', { token: 'x' }), method).toBe(200);
      expect(await at('/oauth/revoke', { token: 'x' }), method).toBe(200);
    }
    const page = await newClient(server, { type: 'public' });
    expect((await token(server, page, withCode(await codeFor(person, page)))).status).toBe(200);
    expect((await post(server, '/oauth/revoke', { token: 'x' }, { client: page })).status).toBe(200);
    expect((await post(server, '/oauth/introspect', { token: 'x' }, { client: page })).status).toBe(401);
  });

  test('each algorithm of assertions that it names is taken, and no other', async () => {
    const named = listed('token_endpoint_auth_signing_alg_values');
    expect(named).toEqual(expect.arrayContaining(['ES256', 'EdDSA', 'HS256', 'RS256']));
    for (const alg of named.filter((each) => each !== 'HS256')) {
      const proof = await withKey(alg);
      expect((await post(server, '/oauth/token', { ...GRANT, ...proof() })).status, alg).toBe(200);
    }
    const client = await secretOf('client_secret_jwt');
    const key = createSecretKey(client.secret ?? '', 'utf8');
    for (const alg of ['HS384', 'HS512', 'ES256K', 'none']) {
      const proof = { client_assertion_type: ASSERTION_TYPE, client_assertion: own(client.id, key, alg) };
      expect((await post(server, '/oauth/token', { ...GRANT, ...proof })).status, alg).toBe(401);
    }
    const right = { client_assertion_type: ASSERTION_TYPE, client_assertion: own(client.id, key, 'HS256') };
    expect((await post(server, '/oauth/token', { ...GRANT, ...right })).status).toBe(200);
  });

  test('ID tokens are signed as it says, with a key of the JWKS that it names', async () => {
    // OpenID Connect Discovery §3: RS256 is among them.
    expect(listed('id_token_signing_alg_values')).toEqual(['ES256', 'RS256']);
    for (const id_token_signed_response_alg of listed('id_token_signing_alg_values')) {
      const client = await newClient(server, { id_token_signed_response_alg });
      clock.advance(PUBLISHED_FIRST_MS);
      await server.latchkey.signingKeys.maintain();
      const somebody = await newPerson(server);
      const { id_token: text } = await consented(server, somebody, client);
      const jwks = (await server.call(new URL(said.jwks_uri).pathname, { key: null })).json;
      const checks = { issuer: said.issuer, audience: client.id, currentDate: new Date(clock.nowMs()) };
      const { protectedHeader, payload } = await jwtVerify(text, createLocalJWKSet(jwks), checks);
      expect(protectedHeader).toMatchObject({ alg: id_token_signed_response_alg, typ: 'JWT' });
      expect(Object.keys(payload).filter((name) => !listed('claims').includes(name))).toEqual([]);
    }
    const json = { name: 'x', scopes: ['openid'], redirect_uris: [REDIRECT], workspace_id: server.workspaceId };
    for (const id_token_signed_response_alg of ['none', 'HS256', 'EdDSA', 'PS256']) {
      const body = { ...json, id_token_signed_response_alg };
      expect((await server.call('/v1/applications', { key: server.rootKey, json: body })).status).toBe(422);
    }
  });

  test('what it does not name is refused at the authorization endpoint', async () => {
    const client = await newClient(server);
    const ask = async (params: Record<string, string>) => {
      const query = new URLSearchParams({
        response_type: 'code',
        client_id: client.id,
        redirect_uri: REDIRECT,
        scope: 'read',
        ...params,
      });
      const { headers } = await person.call(`/oauth/authorize?${query}`);
      return new URL(headers.get('location') ?? 'x:', server.issuer).searchParams.get('error');
    };
    for (const response_type of ['token', 'id_token', 'code id_token', 'none']) {
      expect(await ask({ response_type }), response_type).toBe('unsupported_response_type');
    }
    expect(await ask({ code_challenge: 'a'.repeat(43), code_challenge_method: 'plain' })).toBe('invalid_request');
    expect(await ask({ request: 'x.y.z' })).toBe('request_not_supported');
  });
});
