import { generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import * as openid from 'openid-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, stopServers, type TestServer } from '../../harness.ts';
import { newPerson, type Person } from '../../people/browser.ts';
import { type App, newApp } from '../authorizing.ts';
import { type PlainBrowser, plainBrowser } from './plain-browser.ts';

const CALLBACK = 'https://app.example/callback';
const BYE = 'https://app.example/bye';
const SCOPES = ['openid', 'profile', 'email', 'read', 'write', 'offline_access'];

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const publicJwk: JsonWebKey = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'mine', use: 'sig' };

/** How each kind of client is registered here, and how it proves itself there. */
const METHODS: Record<string, { fields: object; auth(app: App): Promise<openid.ClientAuth> }> = {
  client_secret_basic: { fields: {}, auth: async ({ secret }) => openid.ClientSecretBasic(secret) },
  client_secret_post: { fields: {}, auth: async ({ secret }) => openid.ClientSecretPost(secret) },
  client_secret_jwt: { fields: {}, auth: async ({ secret }) => openid.ClientSecretJwt(secret) },
  private_key_jwt: {
    fields: { jwks: { keys: [publicJwk] } },
    auth: async () => {
      const der = new Uint8Array(pair.privateKey.export({ format: 'der', type: 'pkcs8' }));
      const key = await crypto.subtle.importKey('pkcs8', der, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
      return openid.PrivateKeyJwt({ key, kid: 'mine' });
    },
  },
  none: { fields: { type: 'native' }, auth: async () => openid.None() },
};

let server: TestServer;
let person: Person;
let app: App;
let config: openid.Configuration;
let browser: PlainBrowser;

const register = (fields: Record<string, unknown> = {}) =>
  newApp(server, { redirect_uris: [CALLBACK], post_logout_redirect_uris: [BYE], scopes: SCOPES, ...fields });

type Discovery = { algorithm?: 'oidc' | 'oauth2'; metadata?: Partial<openid.ClientMetadata> };

function discover({ id }: App, auth: openid.ClientAuth, { algorithm = 'oidc', metadata }: Discovery = {}) {
  // The tests speak http on loopback; and ID tokens are to be checked by their signature too.
  const execute = [openid.allowInsecureRequests, openid.enableNonRepudiationChecks];
  return openid.discovery(new URL(server.issuer), id, metadata, auth, { execute, algorithm });
}

/** What the library says, with what it says of the cause. */
const complaint = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'nothing',
    (error: Error) => `${error.message}: ${(error.cause as Error | undefined)?.message}`,
  );

interface Login {
  callback: URL;
  checks: { pkceCodeVerifier: string; expectedState: string; expectedNonce: string; idTokenExpected: true };
  asked: string[];
}

/** To the authorization endpoint and back, as the library builds the request. */
async function authorize(
  to: openid.Configuration,
  params: Record<string, string> = {},
  { by = browser, decision = 'allow' }: { by?: PlainBrowser; decision?: 'allow' | 'deny' } = {},
): Promise<Login> {
  const pkceCodeVerifier = openid.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [openid.randomState(), openid.randomNonce()];
  const url = openid.buildAuthorizationUrl(to, {
    redirect_uri: CALLBACK,
    scope: 'openid profile email read',
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    ...params,
  });
  const { asked, sentTo } = await by.go(url, { decision });
  return { callback: sentTo, checks: { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true }, asked };
}

async function login(to: openid.Configuration, params: Record<string, string> = {}) {
  const { callback, checks } = await authorize(to, params);
  return openid.authorizationCodeGrant(to, callback, checks);
}

const projects = (to: openid.Configuration, accessToken: string) =>
  openid.fetchProtectedResource(to, accessToken, new URL(`${server.issuer}/v1/projects`), 'GET');

beforeAll(async () => {
  server = await startServer();
  person = await newPerson(server, { name: 'Ada Lovelace' });
  browser = plainBrowser(server, person);
  app = await register();
  config = await discover(app, openid.ClientSecretBasic(app.secret));
});
afterAll(stopServers);

describe.each(Object.entries(METHODS))('a client that proves itself by %s', (method, { fields, auth }) => {
  test('signs a person in, acts for them, refreshes, and ends it', async () => {
    const mine = await register({ token_endpoint_auth_method: method, ...fields });
    const to = await discover(mine, await auth(mine));
    const fresh = plainBrowser(server, person);
    const { callback, checks, asked } = await authorize(to, {}, { by: fresh });
    expect(asked).toEqual(['sign_in', 'consent']);
    const tokens = await openid.authorizationCodeGrant(to, callback, checks);
    const claims = tokens.claims();
    expect(claims).toMatchObject({ iss: server.issuer, aud: mine.id, sub: person.userId, name: 'Ada Lovelace' });
    expect(tokens).toMatchObject({ token_type: 'bearer', scope: 'openid profile email read' });

    const told = await openid.fetchUserInfo(to, tokens.access_token, person.userId);
    expect(told).toEqual({ sub: person.userId, name: 'Ada Lovelace', email: person.email, email_verified: true });
    expect((await projects(to, tokens.access_token)).status).toBe(200);

    const again = await openid.refreshTokenGrant(to, tokens.refresh_token ?? '');
    expect(again.access_token).not.toBe(tokens.access_token);
    expect(again.claims()).toMatchObject({ sub: person.userId, auth_time: claims?.auth_time });
    // RFC 9700 §4.14: who keeps no secret gets another refresh token each time.
    expect(again.refresh_token === tokens.refresh_token).toBe(method !== 'none');

    await openid.tokenRevocation(to, again.refresh_token ?? '');
    await expect(openid.refreshTokenGrant(to, again.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
      status: 400,
    });
    expect(await projects(to, again.access_token).catch((error) => error.status)).toBe(401);
  });

  if (method === 'none') return;

  test('speaks for itself, and asks about tokens', async () => {
    const mine = await register({ token_endpoint_auth_method: method, ...fields });
    const to = await discover(mine, await auth(mine));
    const tokens = await openid.clientCredentialsGrant(to, { scope: 'read' });
    expect(tokens).toMatchObject({ scope: 'read', expires_in: 900 });
    expect(tokens.refresh_token).toBeUndefined();
    const about = await openid.tokenIntrospection(to, tokens.access_token);
    expect(about).toMatchObject({ active: true, client_id: mine.id, sub: mine.id, aud: `${server.issuer}/v1` });
    await openid.tokenRevocation(to, tokens.access_token);
    expect(await openid.tokenIntrospection(to, tokens.access_token)).toEqual({ active: false });
  });

  test('is refused with a wrong proof', async () => {
    const [mine, other] = [await register({ token_endpoint_auth_method: method, ...fields }), await register()];
    const wrong = method === 'private_key_jwt' ? openid.ClientSecretBasic(other.secret) : await auth(other);
    const to = await discover(mine, wrong);
    await expect(openid.clientCredentialsGrant(to)).rejects.toMatchObject({
      code: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE',
      status: 401,
      cause: [{ scheme: 'basic' }],
    });
  });
});

test('a service proves itself and gets tokens for five minutes', async () => {
  const service = await newApp(server, { type: 'service', redirect_uris: undefined, scopes: ['read'] });
  const to = await discover(service, openid.ClientSecretPost(service.secret), { algorithm: 'oauth2' });
  expect(await openid.clientCredentialsGrant(to)).toMatchObject({ expires_in: 300, scope: 'read' });
  await expect(openid.clientCredentialsGrant(to, { scope: 'write' })).rejects.toMatchObject({ error: 'invalid_scope' });
});

test('a client of plain OAuth needs no openid, and finds the server by RFC 8414', async () => {
  const to = await discover(app, openid.ClientSecretBasic(app.secret), { algorithm: 'oauth2' });
  const { callback, checks } = await authorize(to, { scope: 'read' });
  const { pkceCodeVerifier, expectedState } = checks;
  const tokens = await openid.authorizationCodeGrant(to, callback, { pkceCodeVerifier, expectedState });
  expect(tokens.id_token).toBeUndefined();
  expect((await projects(to, tokens.access_token)).status).toBe(200);
});

describe('what the client checks by itself', () => {
  test('a state, nonce or issuer that is not its own', async () => {
    const { callback, checks } = await authorize(config);
    const take = (url: URL, changes: object = {}) =>
      complaint(openid.authorizationCodeGrant(config, url, { ...checks, ...changes }));
    expect(await take(callback, { expectedState: 'another' })).toMatch(/"state"/);

    const mixedUp = new URL(callback);
    mixedUp.searchParams.set('iss', 'https://evil.example');
    expect(await take(mixedUp)).toMatch(/"iss"/);
    const silent = new URL(callback);
    silent.searchParams.delete('iss');
    // RFC 9207 §2.4: the metadata says that it comes.
    expect(await take(silent)).toMatch(/"iss"/);

    expect(await take(callback, { expectedNonce: 'another' })).toMatch(/"nonce"/);
  });

  test('an age of login above max_age, and an ID token that is over', async () => {
    const auth = openid.ClientSecretBasic(app.secret);
    const inTwoMinutes = await discover(app, auth, { metadata: { [openid.clockSkew]: 120 } });
    const { callback, checks } = await authorize(config, { max_age: '0' });
    const late = openid.authorizationCodeGrant(inTwoMinutes, callback, { ...checks, maxAge: 60 });
    expect(await complaint(late)).toMatch(/too much time has elapsed since the last End-User authentication/);
    const inTwoHours = await discover(app, auth, { metadata: { [openid.clockSkew]: 7200 } });
    const again = await authorize(config);
    expect(await complaint(openid.authorizationCodeGrant(inTwoHours, again.callback, again.checks))).toMatch(
      /timestamp claim value/,
    );
  });

  test('that userinfo is about the same person', async () => {
    const { access_token: accessToken } = await login(config);
    expect(await complaint(openid.fetchUserInfo(config, accessToken, 'usr_another'))).toMatch(/"sub"/);
  });
});

describe('what the server refuses, told as the client reads it', () => {
  const refused = async ({ callback, checks }: Login) =>
    openid.authorizationCodeGrant(config, callback, checks).catch((error: unknown) => error);

  test('a person who says no', async () => {
    const fresh = await register();
    const to = await discover(fresh, openid.ClientSecretBasic(fresh.secret));
    const { callback, checks } = await authorize(to, {}, { decision: 'deny' });
    await expect(openid.authorizationCodeGrant(to, callback, checks)).rejects.toMatchObject({
      code: 'OAUTH_AUTHORIZATION_RESPONSE_ERROR',
      error: 'access_denied',
    });
  });

  test('a code without its verifier, with another, and used twice', async () => {
    const { callback, checks } = await authorize(config);
    const grant = (changes: object = {}) => openid.authorizationCodeGrant(config, callback, { ...checks, ...changes });
    const invalidGrant = { error: 'invalid_grant', status: 400 };
    await expect(grant({ pkceCodeVerifier: openid.randomPKCECodeVerifier() })).rejects.toMatchObject(invalidGrant);
    const tokens = await grant();
    await expect(grant()).rejects.toMatchObject(invalidGrant);
    // RFC 6749 §4.1.2: what the code gave ends with its second use.
    expect(await projects(config, tokens.access_token).catch((error) => error.status)).toBe(401);
  });

  test('prompt=none where the person would have to be asked', async () => {
    const stranger = plainBrowser(server, person);
    expect(await refused(await authorize(config, { prompt: 'none' }, { by: stranger }))).toMatchObject({
      error: 'login_required',
    });
    const fresh = await register();
    const to = await discover(fresh, openid.ClientSecretBasic(fresh.secret));
    const { callback, checks } = await authorize(to, { prompt: 'none' });
    await expect(openid.authorizationCodeGrant(to, callback, checks)).rejects.toMatchObject({
      error: 'consent_required',
    });
  });
});

test('prompt and max_age decide what the person is asked', async () => {
  await login(config);
  expect((await authorize(config, { prompt: 'none' })).asked).toEqual([]);
  expect((await authorize(config)).asked).toEqual([]);
  expect((await authorize(config, { prompt: 'consent' })).asked).toEqual(['consent']);
  expect((await authorize(config, { prompt: 'login' })).asked).toEqual(['sign_in']);
  expect((await authorize(config, { max_age: '3600' })).asked).toEqual([]);
  expect((await authorize(config, { max_age: '0' })).asked).toEqual(['sign_in']);
  const { callback, checks } = await authorize(config, { prompt: 'login', max_age: '0' });
  const tokens = await openid.authorizationCodeGrant(config, callback, { ...checks, maxAge: 5 });
  expect(tokens.claims()?.auth_time).toEqual(expect.any(Number));
});

test('a token is for the resource that was asked for, and for no other', async () => {
  const audience = 'https://billing.example/api';
  const made = await server.call('/v1/resources', { key: server.rootKey, json: { name: 'Billing', audience } });
  expect(made.status, made.text).toBe(201);
  const scope = { name: 'invoices', description: 'See your invoices', resource: made.json.id };
  const added = await server.call('/v1/scopes', { key: server.rootKey, json: scope });
  expect(added.status, added.text).toBe(201);
  const mine = await register({ scopes: [...SCOPES, 'invoices'] });
  const to = await discover(mine, openid.ClientSecretBasic(mine.secret));

  const asked = { scope: 'openid invoices', resource: audience };
  const { callback, checks } = await authorize(to, asked);
  const tokens = await openid.authorizationCodeGrant(to, callback, checks, { resource: audience });
  expect(await openid.tokenIntrospection(to, tokens.access_token)).toMatchObject({ active: true, aud: audience });
  expect(await projects(to, tokens.access_token).catch((error) => error.status)).toBe(401);
  const again = await openid.refreshTokenGrant(to, tokens.refresh_token ?? '', { resource: audience });
  expect(await openid.tokenIntrospection(to, again.access_token)).toMatchObject({ aud: audience });
  await expect(
    openid.refreshTokenGrant(to, tokens.refresh_token ?? '', { resource: `${server.issuer}/v1` }),
  ).rejects.toMatchObject({ error: 'invalid_target' });

  const own = await openid.clientCredentialsGrant(to, { scope: 'invoices', resource: audience });
  expect(await openid.tokenIntrospection(to, own.access_token)).toMatchObject({ aud: audience, scope: 'invoices' });
});

test('logging out at the client ends the session here, and comes back to it', async () => {
  const leaving = plainBrowser(server, person);
  const { callback, checks } = await authorize(config, {}, { by: leaving });
  const tokens = await openid.authorizationCodeGrant(config, callback, checks);
  const state = openid.randomState();
  const url = openid.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token ?? '',
    post_logout_redirect_uri: BYE,
    state,
  });
  const { asked, sentTo } = await leaving.go(url);
  expect(asked).toEqual([]);
  expect(sentTo.href).toBe(`${BYE}?state=${state}`);
  expect((await authorize(config, {}, { by: leaving })).asked).toEqual(['sign_in']);

  const unhinted = openid.buildEndSessionUrl(config, { post_logout_redirect_uri: BYE });
  expect((await leaving.go(unhinted)).asked).toEqual(['sign_out']);
});
