import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { manualClock, startServer, stopServers, type TestServer } from '../../harness.ts';
import { enrolTotp, newBrowser, newPerson, otpAt, type Person, signIn } from '../../people/browser.ts';
import { type App, newApp } from '../authorizing.ts';
import { type Answers, type PlainBrowser, plainBrowser } from './plain-browser.ts';

const CALLBACK = 'https://app.example/callback';
const ONE = 'urn:latchkey:acr:1fa';
const TWO = 'urn:latchkey:acr:2fa';

// The libraries have no clock but the machine's: the server's begins there.
const startMs = Date.now();
const clock = manualClock(startMs);
let server: TestServer;
let app: App;
let person: Person;
let browser: PlainBrowser;

beforeAll(async () => {
  server = await startServer({ clock });
  app = await newApp(server, { redirect_uris: [CALLBACK], scopes: ['openid', 'read', 'offline_access'] });
});
afterAll(stopServers);
beforeEach(async () => {
  clock.advance(60_000);
  person = await newPerson(server);
  browser = plainBrowser(server, person);
});

/** A client whose clock goes as the server's. */
function discover(): Promise<openid.Configuration> {
  const metadata = { [openid.clockSkew]: Math.floor((clock.nowMs() - startMs) / 1000) };
  const execute = [openid.allowInsecureRequests, openid.enableNonRepudiationChecks];
  return openid.discovery(new URL(server.issuer), app.id, metadata, openid.ClientSecretBasic(app.secret), { execute });
}

/** To the authorization endpoint and back, with tokens. */
async function authorize(params: Record<string, string> = {}, answers: Answers = {}) {
  const config = await discover();
  const [pkceCodeVerifier, expectedState] = [openid.randomPKCECodeVerifier(), openid.randomState()];
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK,
    scope: 'openid read offline_access',
    state: expectedState,
    code_challenge: await openid.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    ...params,
  });
  const { asked, sentTo } = await browser.go(url, answers);
  const maxAge = params.max_age === undefined ? {} : { maxAge: Number(params.max_age) };
  const checks = { pkceCodeVerifier, expectedState, idTokenExpected: true, ...maxAge };
  return { config, asked, tokens: await openid.authorizationCodeGrant(config, sentTo, checks) };
}

/** The API behind the gate, which asks for a recent or strong sign-in: 200, or what its challenge asks for. */
async function callApi(accessToken: string, policy: string): Promise<number | Record<string, string>> {
  const url = new URL(`${server.issuer}/v1/gate?${policy}`);
  const options = { [oauth.allowInsecureRequests]: true };
  try {
    return (await oauth.protectedResourceRequest(accessToken, 'GET', url, undefined, null, options)).status;
  } catch (error) {
    if (!(error instanceof oauth.WWWAuthenticateChallengeError)) throw error;
    const [challenge] = error.cause;
    expect([error.status, challenge?.scheme, challenge?.parameters.error]).toEqual([
      401,
      'bearer',
      'insufficient_user_authentication',
    ]);
    const { max_age, acr_values } = challenge?.parameters ?? {};
    return { ...(max_age === undefined ? {} : { max_age }), ...(acr_values === undefined ? {} : { acr_values }) };
  }
}

const otpOf = (secret: string) => async () => {
  clock.advance(30_000);
  return otpAt(secret, clock.nowMs());
};

const RECENT = 'max_age=300';

test('too old: the client sends its person to sign in again as it was told, and passes with the new token', async () => {
  const { tokens } = await authorize();
  expect(await callApi(tokens.access_token, RECENT)).toBe(200);
  clock.advance(600_000);
  const wanted = await callApi(tokens.access_token, RECENT);
  expect(wanted).toEqual({ max_age: '300' });

  // Refreshing is no sign-in: the next token is as old.
  const refreshed = await openid.refreshTokenGrant(await discover(), tokens.refresh_token ?? '');
  expect(refreshed.claims()?.auth_time).toBe(tokens.claims()?.auth_time);
  expect(await callApi(refreshed.access_token, RECENT)).toEqual(wanted);
  // And an authorization that does not say it finds the person signed in, as long ago.
  const silent = await authorize();
  expect(silent.asked).toEqual([]);
  expect(await callApi(silent.tokens.access_token, RECENT)).toEqual(wanted);

  const again = await authorize(wanted as Record<string, string>);
  expect(again.asked).toEqual(['sign_in']);
  expect(again.tokens.claims()?.auth_time).toBe(Math.floor(clock.nowMs() / 1000));
  expect(await callApi(again.tokens.access_token, RECENT)).toBe(200);
  // The one of before is what it was.
  expect(await callApi(refreshed.access_token, RECENT)).toEqual(wanted);
});

describe('too weak', () => {
  const STRONG = `acr_values=${TWO}`;

  test('who has no second factor comes back, and the client is told the truth', async () => {
    const { tokens } = await authorize();
    const wanted = await callApi(tokens.access_token, STRONG);
    expect(wanted).toEqual({ acr_values: TWO });
    const again = await authorize(wanted as Record<string, string>);
    expect([again.asked, again.tokens.claims()?.acr, again.tokens.claims()?.amr]).toEqual([[], ONE, ['pwd']]);
    expect(await callApi(again.tokens.access_token, STRONG)).toEqual(wanted);
  });

  test('who has one is asked for it, and passes then', async () => {
    const { tokens } = await authorize();
    const wanted = (await callApi(tokens.access_token, STRONG)) as Record<string, string>;
    // The person adds an authenticator app, in another browser.
    const elsewhere = newBrowser(server);
    expect((await signIn(elsewhere, person.email)).status).toBe(201);
    const { secret } = await enrolTotp({ ...person, ...elsewhere }, clock.nowMs);
    const again = await authorize(wanted, { otp: otpOf(secret) });
    expect(again.asked).toEqual(['proof']);
    expect(again.tokens.claims()).toMatchObject({ acr: TWO, amr: ['pwd', 'otp', 'mfa'] });
    expect(await callApi(again.tokens.access_token, STRONG)).toBe(200);
  });

  test('and too old: both are asked for at once, in one sign-in', async () => {
    const { secret } = await enrolTotp(person, clock.nowMs);
    const otp = otpOf(secret);
    const { tokens } = await authorize({}, { otp });
    expect(tokens.claims()?.acr).toBe(TWO);
    clock.advance(600_000);
    const wanted = await callApi(tokens.access_token, `${STRONG}&${RECENT}`);
    expect(wanted).toEqual({ max_age: '300', acr_values: TWO });
    const again = await authorize(wanted as Record<string, string>, { otp });
    expect(again.asked).toEqual(['sign_in', 'second_factor']);
    expect(again.tokens.claims()?.acr).toBe(TWO);
    expect(await callApi(again.tokens.access_token, `${STRONG}&${RECENT}`)).toBe(200);
  });

  test('in which ways, stands in the metadata', async () => {
    expect((await discover()).serverMetadata().acr_values_supported).toEqual([ONE, TWO]);
  });

  test('values of others are no error, and meet nothing', async () => {
    const { tokens } = await authorize({ acr_values: 'gold phr' });
    expect(tokens.claims()?.acr).toBe(ONE);
  });
});
