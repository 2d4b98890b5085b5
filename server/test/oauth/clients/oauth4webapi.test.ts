import * as oauth from 'oauth4webapi';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, stopServers, type TestServer } from '../../harness.ts';
import { newPerson, type Person } from '../../people/browser.ts';
import { type App, newApp } from '../authorizing.ts';
import { type PlainBrowser, plainBrowser } from './plain-browser.ts';

const CALLBACK = 'https://app.example/callback';
// The library's word for http on loopback.
const INSECURE = { [oauth.allowInsecureRequests]: true };

let server: TestServer;
let person: Person;
let browser: PlainBrowser;
let as: oauth.AuthorizationServer;
let app: App;
let client: oauth.Client;
let auth: oauth.ClientAuth;

const register = (fields: Record<string, unknown> = {}) =>
  newApp(server, { redirect_uris: [CALLBACK], scopes: ['openid', 'email', 'read', 'write'], ...fields });

async function discover(algorithm: 'oidc' | 'oauth2'): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(server.issuer);
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm, ...INSECURE }));
}

beforeAll(async () => {
  server = await startServer();
  person = await newPerson(server);
  browser = plainBrowser(server, person);
  as = await discover('oidc');
  app = await register();
  client = { client_id: app.id };
  auth = oauth.ClientSecretBasic(app.secret ?? '');
});
afterAll(stopServers);

interface Asked {
  sentTo: URL;
  verifier: string;
  state: string;
  nonce: string;
}

async function ask(params: Record<string, string> = {}, by = browser): Promise<Asked> {
  const [verifier, state, nonce] = [
    oauth.generateRandomCodeVerifier(),
    oauth.generateRandomState(),
    oauth.generateRandomNonce(),
  ];
  const url = new URL(as.authorization_endpoint ?? '');
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: CALLBACK,
    response_type: 'code',
    scope: 'openid email read',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
    ...params,
  }).toString();
  return { sentTo: (await by.go(url)).sentTo, verifier, state, nonce };
}

async function redeem({ sentTo, verifier, state }: Asked): Promise<Response> {
  const callback = oauth.validateAuthResponse(as, client, sentTo, state);
  return oauth.authorizationCodeGrantRequest(as, client, auth, callback, CALLBACK, verifier, INSECURE);
}

async function login(params: Record<string, string> = {}): Promise<oauth.TokenEndpointResponse> {
  const asked = await ask(params);
  return oauth.processAuthorizationCodeResponse(as, client, await redeem(asked), { expectedNonce: asked.nonce });
}

/** A request to a protected resource as its own server gets it. */
const carrying = (accessToken: string, scheme = 'Bearer') =>
  new Request('https://api.example/', { headers: { authorization: `${scheme} ${accessToken}` } });

test('both documents of the server are the same, and each resource names it', async () => {
  expect(await discover('oauth2')).toEqual(as);
  const resource = new URL(`${server.issuer}/v1`);
  const reply = await oauth.resourceDiscoveryRequest(resource, INSECURE);
  const found = await oauth.processResourceDiscoveryResponse(resource, reply);
  expect(found).toMatchObject({ resource: resource.href, authorization_servers: [server.issuer] });
  await expect(
    oauth.processDiscoveryResponse(
      new URL('http://localhost:1'),
      await oauth.discoveryRequest(new URL(server.issuer), INSECURE),
    ),
  ).rejects.toThrow(/issuer/);
});

test('a code becomes tokens whose every claim and signature is checked', async () => {
  const asked = await ask({ max_age: '3600' });
  const reply = await redeem(asked);
  const checks = { expectedNonce: asked.nonce, maxAge: 3600, requireIdToken: true };
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, reply, checks);
  await oauth.validateApplicationLevelSignature(as, reply, INSECURE);
  const claims = oauth.getValidatedIdTokenClaims(tokens);
  expect(claims).toMatchObject({ sub: person.userId, aud: app.id, email: person.email });

  const told = await oauth.userInfoRequest(as, client, tokens.access_token, INSECURE);
  expect(await oauth.processUserInfoResponse(as, client, claims?.sub ?? '', told)).toMatchObject({
    email: person.email,
  });

  const refreshed = await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token ?? '', INSECURE);
  const next = await oauth.processRefreshTokenResponse(as, client, refreshed);
  expect(oauth.getValidatedIdTokenClaims(next)).toMatchObject({ sub: person.userId, auth_time: claims?.auth_time });

  const revoked = await oauth.revocationRequest(as, client, auth, next.refresh_token ?? '', INSECURE);
  await oauth.processRevocationResponse(revoked);
  const over = await oauth.refreshTokenGrantRequest(as, client, auth, next.refresh_token ?? '', INSECURE);
  await expect(oauth.processRefreshTokenResponse(as, client, over)).rejects.toMatchObject({
    code: oauth.RESPONSE_BODY_ERROR,
    error: 'invalid_grant',
  });
});

describe('each way to prove a client', () => {
  const rsa = () => oauth.generateKeyPair('RS256', { extractable: true });
  const own: Record<string, () => Promise<{ fields: object; authOf(app: App): oauth.ClientAuth }>> = {
    client_secret_basic: async () => ({ fields: {}, authOf: ({ secret }) => oauth.ClientSecretBasic(secret ?? '') }),
    client_secret_post: async () => ({ fields: {}, authOf: ({ secret }) => oauth.ClientSecretPost(secret ?? '') }),
    client_secret_jwt: async () => ({ fields: {}, authOf: ({ secret }) => oauth.ClientSecretJwt(secret ?? '') }),
    private_key_jwt: async () => {
      const pair = await rsa();
      const jwk = await crypto.subtle.exportKey('jwk', pair.publicKey);
      const jwks = { keys: [{ ...jwk, kid: 'rsa-1' }] };
      return { fields: { jwks }, authOf: () => oauth.PrivateKeyJwt({ key: pair.privateKey, kid: 'rsa-1' }) };
    },
  };

  test.each(Object.keys(own))('%s gives a token, which introspection knows', async (method) => {
    const prepared = await own[method]?.();
    const mine = await register({ token_endpoint_auth_method: method, ...prepared?.fields });
    const [me, proof] = [{ client_id: mine.id }, prepared?.authOf(mine) ?? oauth.None()];
    const params = { scope: 'read', resource: `${server.issuer}/v1` };
    const reply = await oauth.clientCredentialsGrantRequest(as, me, proof, params, INSECURE);
    const { access_token: accessToken } = await oauth.processClientCredentialsResponse(as, me, reply);
    const asked = await oauth.introspectionRequest(as, me, proof, accessToken, INSECURE);
    const about = await oauth.processIntrospectionResponse(as, me, asked);
    expect(about).toMatchObject({ active: true, client_id: mine.id, scope: 'read' });
    const claims = await oauth.validateJwtAccessToken(as, carrying(accessToken), `${server.issuer}/v1`, INSECURE);
    expect(claims).toMatchObject({ client_id: mine.id, sub: mine.id, iss: server.issuer });
  });

  test('an assertion for somebody else, or one whose time is over, is refused', async () => {
    const prepared = await own.private_key_jwt?.();
    const mine = await register({ token_endpoint_auth_method: 'private_key_jwt', ...prepared?.fields });
    const me = { client_id: mine.id };
    const pair = await rsa();
    const stranger = oauth.PrivateKeyJwt({ key: pair.privateKey, kid: 'rsa-1' });
    const outcome = async (who: oauth.Client, proof: oauth.ClientAuth) => {
      const reply = await oauth.clientCredentialsGrantRequest(as, who, proof, {}, INSECURE);
      const body = await reply.clone().json();
      const isAccepted = await oauth.processClientCredentialsResponse(as, me, reply).then(
        () => true,
        (error: unknown) => !(error instanceof oauth.WWWAuthenticateChallengeError),
      );
      return [isAccepted, body.error];
    };
    expect(await outcome(me, stranger)).toEqual([false, 'invalid_client']);
    const right = prepared?.authOf(mine) ?? oauth.None();
    expect(await outcome({ ...me, [oauth.clockSkew]: -3600 }, right)).toEqual([false, 'invalid_client']);
    expect(await outcome(me, right)).toEqual([true, undefined]);
  });
});

describe('what the library finds wrong', () => {
  test('an answer to another state, of another issuer, or of none', async () => {
    const { sentTo, state } = await ask();
    const validate = (url: URL, wanted: string) => () => oauth.validateAuthResponse(as, client, url, wanted);
    expect(validate(sentTo, state)).not.toThrow();
    expect(validate(sentTo, 'another')).toThrow(/state/);
    const elsewhere = new URL(sentTo);
    elsewhere.searchParams.set('iss', 'https://evil.example');
    expect(validate(elsewhere, state)).toThrow(/iss/);
    const silent = new URL(sentTo);
    silent.searchParams.delete('iss');
    expect(validate(silent, state)).toThrow(/iss/);
    const twice = new URL(sentTo);
    twice.searchParams.append('state', state);
    expect(validate(twice, state)).toThrow(/"state" parameter must be provided only once/);
  });

  test('a nonce that was not sent, or not expected', async () => {
    const process = async (asked: Asked, expectedNonce: string | typeof oauth.expectNoNonce) =>
      oauth.processAuthorizationCodeResponse(as, client, await redeem(asked), { expectedNonce });
    await expect(process(await ask(), 'another')).rejects.toThrow(/nonce/);
    await expect(process(await ask(), oauth.expectNoNonce)).rejects.toThrow(/nonce/);
  });

  test('an ID token with a changed signature', async () => {
    const asked = await ask();
    const reply = await redeem(asked);
    const tokens = await reply.clone().json();
    const [head, body, signature = ''] = tokens.id_token.split('.');
    const bent = Buffer.from(signature, 'base64url');
    bent.writeUInt8(bent.readUInt8(40) ^ 1, 40);
    tokens.id_token = [head, body, bent.toString('base64url')].join('.');
    const forged = Response.json(tokens);
    await oauth.processAuthorizationCodeResponse(as, client, forged, { expectedNonce: asked.nonce });
    await expect(oauth.validateApplicationLevelSignature(as, forged, INSECURE)).rejects.toThrow(/signature/);
  });

  test('an access token for another audience, an ID token in its place, one that is over', async () => {
    const tokens = await login();
    const options = { ...INSECURE };
    const check = (text: string, audience: string, more: object = {}) =>
      oauth.validateJwtAccessToken(as, carrying(text), audience, { ...options, ...more });
    const ours = `${server.issuer}/v1`;
    expect(await check(tokens.access_token, ours)).toMatchObject({ sub: person.userId, client_id: app.id });
    await expect(check(tokens.access_token, 'https://other.example')).rejects.toThrow(/aud/);
    await expect(check(tokens.id_token ?? '', ours)).rejects.toThrow(/typ/);
    await expect(check(tokens.id_token ?? '', app.id)).rejects.toThrow(/typ/);
    await expect(check(tokens.access_token, ours, { [oauth.clockSkew]: 3600 })).rejects.toThrow(/exp/);
  });
});

test('what the server refuses comes as a challenge and an error that the library reads', async () => {
  const url = new URL(`${server.issuer}/v1/projects`);
  const refusal = async (promise: Promise<unknown>): Promise<oauth.WWWAuthenticateChallenge | undefined> => {
    const error = await promise.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(oauth.WWWAuthenticateChallengeError);
    return (error as oauth.WWWAuthenticateChallengeError).cause[0];
  };
  const bad = await refusal(oauth.protectedResourceRequest('nonsense', 'GET', url, undefined, undefined, INSECURE));
  expect(bad).toMatchObject({ scheme: 'bearer', parameters: { error: 'invalid_token' } });
  expect(bad?.parameters.resource_metadata).toBe(`${server.issuer}/.well-known/oauth-protected-resource/v1`);

  const narrow = await login({ scope: 'openid' });
  const { access_token: accessToken } = narrow;
  const wide = await refusal(oauth.protectedResourceRequest(accessToken, 'GET', url, undefined, undefined, INSECURE));
  expect(wide?.parameters).toMatchObject({ error: 'insufficient_scope', scope: expect.stringContaining('read') });

  const unknown = oauth.ClientSecretBasic('lk_cs_wrong');
  const reply = await oauth.clientCredentialsGrantRequest(as, client, unknown, {}, INSECURE);
  const challenge = await refusal(oauth.processClientCredentialsResponse(as, client, reply));
  expect(challenge).toMatchObject({ scheme: 'basic' });
});
