import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeWorkspace, START_MS } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { DEAD, loggedIn, login, refresh } from '../login/logins.ts';
import { consented, newClient, token, withRefresh } from '../oauth/clients.ts';
import {
  type Browser,
  enrolTotp,
  mailTo,
  newBrowser,
  newPerson,
  otpAt,
  PASSWORD,
  type Person,
  refusal,
  signIn,
} from './browser.ts';

const HOUR_MS = 3_600_000;
const STEP_MS = 30_000;
const NEW_PASSWORD = 'quarry lantern 77 moss';
const FORBIDDEN: [number, string] = [403, 'forbidden'];
const WRONG: [number, string] = [401, 'invalid_credentials'];

/** What was proved once is worth nothing after what it stood on has changed. */
describe.each(DATABASES)('what was proved before on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(2 * HOUR_MS));

  const nextCode = async (secret: string) => {
    clock.advance(STEP_MS);
    return otpAt(secret, clock.nowMs());
  };
  async function signedInElsewhere({ email }: Person): Promise<Browser> {
    const browser = newBrowser(server);
    expect((await signIn(browser, email)).status).toBe(201);
    return browser;
  }
  async function challengeFor({ email }: Person): Promise<string> {
    const asked = await signIn(newBrowser(server), email);
    expect(refusal(asked)).toEqual([401, 'mfa_required']);
    return asked.json.challenge;
  }
  const changePassword = (by: Browser) =>
    by.post('/v1/account/password', { current_password: PASSWORD, new_password: NEW_PASSWORD });

  test('a session from before the second factor does nothing in its workspace until it has shown one', async () => {
    const person = await newPerson(server);
    const [other, backup] = [await signedInElsewhere(person), await signedInElsewhere(person)];
    expect((await other.call('/v1/projects')).status).toBe(200);
    const { secret, backupCodes } = await enrolTotp(person, clock.nowMs);
    for (const browser of [other, backup]) {
      expect(refusal(await browser.call('/v1/projects'))).toEqual(FORBIDDEN);
      expect(refusal(await browser.post('/v1/api-keys', { name: 'k', scopes: ['read'] }))).toEqual(FORBIDDEN);
    }
    // The one that added it has shown it.
    expect((await person.call('/v1/projects')).status).toBe(200);
    // The password alone does not lift it.
    const half = await other.post('/v1/account/session/proof', { password: PASSWORD });
    expect(refusal(half)).toEqual([401, 'mfa_required']);
    expect(refusal(await other.call('/v1/projects'))).toEqual(FORBIDDEN);
    const whole = { password: PASSWORD, otp: await nextCode(secret) };
    expect((await other.post('/v1/account/session/proof', whole)).status).toBe(204);
    expect((await other.call('/v1/projects')).status).toBe(200);
    expect((await other.call('/v1/account/session')).json.methods).toEqual(['password', 'otp']);
    const byBackup = { password: PASSWORD, otp: backupCodes[0] };
    expect((await backup.post('/v1/account/session/proof', byBackup)).status).toBe(204);
    expect((await backup.call('/v1/projects')).status).toBe(200);
  });

  test('nor does it change what protects the account, however short ago it began', async () => {
    const person = await newPerson(server);
    const thief = await signedInElsewhere(person);
    await enrolTotp(person, clock.nowMs);
    const attempts = [
      thief.call('/v1/account/factors/totp', { method: 'DELETE' }),
      thief.post('/v1/account/factors/backup-codes'),
      thief.post('/v1/account/factors/passkeys/options'),
      thief.post('/v1/account/email', { email: 'thief@example.com' }),
    ];
    for (const reply of await Promise.all(attempts)) {
      expect(reply.status).toBe(403);
      expect(reply.json).toMatchObject({ error: 'forbidden', proof_needed: true });
    }
    expect(refusal(await signIn(newBrowser(server), person.email))).toEqual([401, 'mfa_required']);
  });

  test('its page says what is missing, and leads to it', async () => {
    const person = await newPerson(server);
    const other = await signedInElsewhere(person);
    await enrolTotp(person, clock.nowMs);
    const page = await other.call('/account', { headers: { accept: 'text/html' } });
    expect(page.text).toContain('before your account had a second factor');
    expect(page.text).toMatch(/role="status">[\s\S]*href="\/account\/proof"/);
    expect((await person.call('/account', { headers: { accept: 'text/html' } })).text).not.toContain(
      'before your account',
    );
  });

  test('access tokens end when a second factor is added or taken away', async () => {
    const person = await newPerson(server);
    const before = await loggedIn(server, person);
    const works = async (token: string) => refusal(await server.call('/v1/projects', { key: token }));
    expect(await works(before.token)).toEqual([200, undefined]);
    const { secret } = await enrolTotp(person, clock.nowMs);
    expect(await works(before.token)).toEqual(DEAD);
    expect(refusal(await refresh(server, before.refreshToken))).toEqual([401, 'invalid_token']);
    const after = await loggedIn(server, person, { otp: await nextCode(secret) });
    expect(await works(after.token)).toEqual([200, undefined]);
    expect((await person.call('/v1/account/factors/totp', { method: 'DELETE' })).status).toBe(204);
    expect(await works(after.token)).toEqual(DEAD);
    expect((await refresh(server, after.refreshToken)).status).toBe(200);
  });

  test('access tokens of who has no second factor end when their workspace asks for one; those of others stay', async () => {
    const [without, having] = [await newPerson(server), await newPerson(server)];
    const { secret } = await enrolTotp(having, clock.nowMs);
    const held = await loggedIn(server, having, { otp: await nextCode(secret) });
    const client = await newClient(server);
    const given = await consented(server, without, client);
    const works = async (key: string) => (await server.call('/v1/projects', { key })).status;
    expect([await works(given.access_token), await works(held.token)]).toEqual([200, 200]);
    const require = (isRequired: boolean) =>
      server.call(`/v1/workspaces/${server.workspaceId}`, {
        key: server.rootKey,
        method: 'PATCH',
        json: { require_second_factor: isRequired },
      });
    expect((await require(true)).status).toBe(200);
    expect([await works(given.access_token), await works(held.token)]).toEqual([401, 200]);
    expect((await token(server, client, withRefresh(given.refresh_token))).status).toBe(400);
    expect((await require(false)).status).toBe(200);
    const renewed = await token(server, client, withRefresh(given.refresh_token));
    expect([renewed.status, await works(renewed.json.access_token)]).toEqual([200, 200]);
  });

  test('asking for a second factor once more begins nothing: what its members hold elsewhere stays', async () => {
    const [home, strict] = [await makeWorkspace(server), await makeWorkspace(server)];
    const person = await newPerson(server, { workspace_id: home });
    const root = { key: server.rootKey };
    const member = { user_id: person.userId, role: 'viewer', workspace_id: strict };
    expect((await server.call('/v1/members', { ...root, json: member })).status).toBe(201);
    const require = () =>
      server.call(`/v1/workspaces/${strict}`, { ...root, method: 'PATCH', json: { require_second_factor: true } });
    expect((await require()).status).toBe(200);
    const { token: held } = await loggedIn(server, person, { workspace_id: home });
    expect((await require()).status).toBe(200);
    expect((await server.call('/v1/users/me', { key: held })).status).toBe(200);
  });

  test('the old password alone makes no fresh proof where there is a second factor', async () => {
    const person = await newPerson(server);
    await enrolTotp(person, clock.nowMs);
    clock.advance(HOUR_MS);
    expect((await changePassword(person)).status).toBe(200);
    const removal = await person.call('/v1/account/factors/totp', { method: 'DELETE' });
    expect(removal.status).toBe(403);
    expect(removal.json).toMatchObject({ proof_needed: true });
    expect(refusal(await signIn(newBrowser(server), person.email, NEW_PASSWORD))).toEqual([401, 'mfa_required']);
  });

  test('a challenge that the old password gave ends with it', async () => {
    const person = await newPerson(server);
    const { secret } = await enrolTotp(person, clock.nowMs);
    const answer = async (challenge: string) =>
      newBrowser(server).post('/v1/account/sign-in/second-factor', { challenge, otp: await nextCode(secret) });
    const byLogin = await login(server, person);
    const challenges = [await challengeFor(person), byLogin.json.challenge, await challengeFor(person)];
    expect((await answer(challenges[2])).status).toBe(201);
    expect((await changePassword(person)).status).toBe(200);
    expect(refusal(await answer(challenges[0]))).toEqual(WRONG);
    const otp = await nextCode(secret);
    const tokens = await server.call('/v1/auth/login', { key: null, json: { challenge: challenges[1], otp } });
    expect(refusal(tokens)).toEqual(WRONG);
  });

  test('nor does a recovery leave one open', async () => {
    const person = await newPerson(server);
    const { secret } = await enrolTotp(person, clock.nowMs);
    const challenge = await challengeFor(person);
    await newBrowser(server).post('/v1/account/recovery', { email: person.email });
    const { token } = await mailTo(server, person.email, 'Choose a new password');
    const done = await newBrowser(server).post('/v1/account/recovery/complete', { token, password: NEW_PASSWORD });
    expect(done.status, done.text).toBe(200);
    const otp = await nextCode(secret);
    const answered = await newBrowser(server).post('/v1/account/sign-in/second-factor', { challenge, otp });
    expect(refusal(answered)).toEqual(WRONG);
  });

  test('no sign-in by the old password outlives its change, whichever came first', async () => {
    const person = await newPerson(server);
    const tries: Promise<Browser | null>[] = [];
    let inFlight = 0;
    let isChanged = false;
    const attempt = async () => {
      inFlight += 1;
      const browser = newBrowser(server);
      const { status } = await signIn(browser, person.email);
      inFlight -= 1;
      return status === 201 ? browser : null;
    };
    const change = changePassword(person).finally(() => {
      isChanged = true;
    });
    while (!isChanged) {
      while (inFlight < 8) tries.push(attempt());
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await change).status).toBe(200);
    const got = (await Promise.all(tries)).filter((browser) => browser !== null);
    const alive = await Promise.all(got.map(async (browser) => (await browser.call('/v1/account')).status));
    expect(alive.filter((status) => status !== 401)).toEqual([]);
    expect((await person.call('/v1/account/sessions')).json.data).toHaveLength(1);
  });
});
