import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { databaseText, eventsAbout, START_MS } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { loggedIn } from '../login/logins.ts';
import { enrolTotp, mailTo, newBrowser, newPerson, otpAt, PASSWORD, type Person, refusal, signIn } from './browser.ts';

const HOUR_MS = 3_600_000;
const STEP_MS = 30_000;
const WRONG: [number, string] = [401, 'invalid_credentials'];

describe.each(DATABASES)('second factors on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(2 * HOUR_MS));

  /** A person with an authenticator app, at the moment after its first code. */
  async function protectedPerson(): Promise<{ person: Person; secret: string; backupCodes: string[]; code: string }> {
    const person = await newPerson(server);
    const app = await enrolTotp(person, clock.nowMs);
    return { person, ...app };
  }
  const nextCode = async (secret: string) => {
    clock.advance(STEP_MS);
    return otpAt(secret, clock.nowMs());
  };
  const challengeOf = async (email: string): Promise<string> => {
    const asked = await signIn(newBrowser(server), email);
    expect(refusal(asked)).toEqual([401, 'mfa_required']);
    return asked.json.challenge;
  };
  const answer = (challenge: string, otp: string) =>
    newBrowser(server).post('/v1/account/sign-in/second-factor', { challenge, otp });

  test('an app is offered as text, link and picture; it counts once its first code is right', async () => {
    const person = await newPerson(server);
    const { json } = await person.post('/v1/account/factors/totp');
    expect(json.secret).toMatch(/^[A-Z2-7]{32}$/);
    expect(json.uri).toContain(`secret=${json.secret}`);
    expect(json.uri).toMatch(/^otpauth:\/\/totp\/localhost:/);
    expect(json.qr_svg).toMatch(/^<svg[\s\S]*<\/svg>\s*$/);
    expect((await signIn(newBrowser(server), person.email)).status).toBe(201);
    expect((await person.call('/v1/account/factors')).json.totp).toBeNull();
    const wrong = await person.post('/v1/account/factors/totp/confirm', { code: '000000' });
    expect(refusal(wrong)).toEqual(WRONG);
    const code = await otpAt(json.secret, clock.nowMs());
    const confirmed = await person.post('/v1/account/factors/totp/confirm', { code });
    expect(confirmed.json.backup_codes).toHaveLength(10);
    expect((await person.call('/v1/account/factors')).json).toMatchObject({ totp: {}, backup_codes_left: 10 });
    // Neither it nor the secret is ever shown again, and a second app is not added over the first.
    expect((await person.call('/v1/account/factors')).text).not.toContain(json.secret);
    expect(refusal(await person.post('/v1/account/factors/totp'))).toEqual([409, 'conflict']);
    expect(await databaseText(server)).not.toContain(json.secret);
    expect((await mailTo(server, person.email)).subject).toBe('A way to sign in was added');
  });

  test('then a sign-in asks for a code, by a challenge or in the same call', async () => {
    const { person, secret } = await protectedPerson();
    const asked = await signIn(newBrowser(server), person.email);
    expect(asked.status).toBe(401);
    expect(asked.json).toMatchObject({ error: 'mfa_required', methods: ['otp', 'backup_code'] });
    expect(asked.headers.getSetCookie()).toEqual([]);
    const answered = await answer(asked.json.challenge, await nextCode(secret));
    expect(answered.status, answered.text).toBe(201);
    expect(answered.json.methods).toEqual(['password', 'otp']);
    const at_once = await signIn(newBrowser(server), person.email, PASSWORD, { otp: await nextCode(secret) });
    expect(at_once.status).toBe(201);
    // A challenge is answered once.
    expect(refusal(await answer(asked.json.challenge, await nextCode(secret)))).toEqual(WRONG);
  });

  test('a code works once, also in parallel, and no older one after it', async () => {
    const { person, secret, code } = await protectedPerson();
    // The code that turned the app on was used by that.
    expect(refusal(await signIn(newBrowser(server), person.email, PASSWORD, { otp: code }))).toEqual(WRONG);
    const otp = await nextCode(secret);
    const tries = Array.from({ length: 5 }, () => signIn(newBrowser(server), person.email, PASSWORD, { otp }));
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    // One step ahead is taken, and then the present one is old.
    clock.advance(10 * STEP_MS);
    const ahead = await otpAt(secret, clock.nowMs() + STEP_MS);
    const now = await otpAt(secret, clock.nowMs());
    expect((await signIn(newBrowser(server), person.email, PASSWORD, { otp: ahead })).status).toBe(201);
    expect(refusal(await signIn(newBrowser(server), person.email, PASSWORD, { otp: now }))).toEqual(WRONG);
  });

  test('a code is taken one step early or late, and no more', async () => {
    const { person, secret } = await protectedPerson();
    const cases: [number, number][] = [
      [-2, 401],
      [2, 401],
      [-1, 201],
      [1, 201],
    ];
    for (const [steps, status] of cases) {
      clock.advance(10 * STEP_MS);
      const otp = await otpAt(secret, clock.nowMs() + steps * STEP_MS);
      const reply = await signIn(newBrowser(server), person.email, PASSWORD, { otp });
      expect([steps, reply.status]).toEqual([steps, status]);
    }
  });

  test("somebody else's code does not answer a challenge", async () => {
    const [a, b] = [await protectedPerson(), await protectedPerson()];
    const challenge = await challengeOf(a.person.email);
    expect(refusal(await answer(challenge, await nextCode(b.secret)))).toEqual(WRONG);
    expect(refusal(await answer(challenge, b.backupCodes[0] ?? ''))).toEqual(WRONG);
    expect((await answer(challenge, await nextCode(a.secret))).status).toBe(201);
  });

  test('a challenge takes five answers and lives ten minutes', async () => {
    const { person, secret } = await protectedPerson();
    const challenge = await challengeOf(person.email);
    const guesses = await Promise.all(Array.from({ length: 8 }, () => answer(challenge, '000000')));
    for (const reply of guesses) expect(reply.status).toBe(401);
    const failed = (await eventsAbout(server, person.userId)).filter(({ action }) => action === 'user.sign_in_failed');
    expect(failed).toHaveLength(5);
    expect(refusal(await answer(challenge, await nextCode(secret)))).toEqual(WRONG);
    const late = await challengeOf(person.email);
    clock.advance(10 * 60_000);
    expect(refusal(await answer(late, await nextCode(secret)))).toEqual(WRONG);
  });

  test('of parallel guesses over many challenges no more than the limit are looked at', async () => {
    const { person, secret } = await protectedPerson();
    const challenges: string[] = [];
    for (let count = 0; count < 8; count += 1) challenges.push(await challengeOf(person.email));
    const guesses = challenges.flatMap((challenge) =>
      ['000000', '111111', '222222', 'aaaa-bbbb-cccc-dddd'].map((otp) => answer(challenge, otp)),
    );
    const statuses = (await Promise.all(guesses)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(10);
    expect(statuses.filter((status) => status === 429)).toHaveLength(guesses.length - 10);
    const failed = (await eventsAbout(server, person.userId)).filter(({ action }) => action === 'user.sign_in_failed');
    expect(failed).toHaveLength(10);
    expect(refusal(await answer(await challengeOf(person.email), await nextCode(secret)))).toEqual([
      429,
      'rate_limit_exceeded',
    ]);
  });

  test('the session that the browser had before ends when the code is right, and not before', async () => {
    const planter = await newPerson(server);
    const { person, secret } = await protectedPerson();
    const browser = newBrowser(server);
    const planted = planter.cookies.get('latchkey_session') ?? '';
    browser.cookies.set('latchkey_session', planted);
    const asked = await signIn(browser, person.email);
    expect(refusal(asked)).toEqual([401, 'mfa_required']);
    expect((await planter.call('/v1/account')).status).toBe(200);
    const { challenge } = asked.json;
    const done = await browser.post('/v1/account/sign-in/second-factor', { challenge, otp: await nextCode(secret) });
    expect(done.status).toBe(201);
    expect(browser.cookies.get('latchkey_session')).not.toBe(planted);
    expect((await planter.call('/v1/account')).status).toBe(401);
  });

  test('guesses count for the account too, over new challenges and kinds of code', async () => {
    const { person, secret, backupCodes } = await protectedPerson();
    const statuses: number[] = [];
    for (let guess = 0; guess < 12; guess += 1) {
      const challenge = await challengeOf(person.email);
      statuses.push((await answer(challenge, guess % 2 === 0 ? '000000' : 'aaaa-bbbb-cccc-dddd')).status);
    }
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
    const challenge = await challengeOf(person.email);
    for (const code of [await nextCode(secret), backupCodes[0] ?? '']) {
      expect(refusal(await answer(challenge, code))).toEqual([429, 'rate_limit_exceeded']);
    }
    clock.advance(HOUR_MS);
    expect((await answer(await challengeOf(person.email), await nextCode(secret))).status).toBe(201);
  });

  test('a backup code works once, also in parallel, however it is typed; its use is told', async () => {
    const { person, backupCodes } = await protectedPerson();
    const [first = '', second = ''] = backupCodes;
    expect(first).toMatch(/^[0-9a-hjkmnp-tv-z]{4}(?:-[0-9a-hjkmnp-tv-z]{4}){3}$/);
    const tries = Array.from({ length: 5 }, () => signIn(newBrowser(server), person.email, PASSWORD, { otp: first }));
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect((await mailTo(server, person.email, 'A backup code was used')).text).toContain('9 are left');
    const typed = ` ${second.replaceAll('-', ' ').toUpperCase().replaceAll('0', 'O').replaceAll('1', 'L')} `;
    expect((await signIn(newBrowser(server), person.email, PASSWORD, { otp: typed })).status).toBe(201);
    expect((await person.call('/v1/account/factors')).json.backup_codes_left).toBe(8);
    const text = await databaseText(server);
    for (const code of backupCodes) {
      expect(text).not.toContain(code);
      expect(text).not.toContain(code.replaceAll('-', ''));
    }
  });

  test('new backup codes void the old ones', async () => {
    const { person, backupCodes } = await protectedPerson();
    const made = await person.post('/v1/account/factors/backup-codes');
    expect(made.json.backup_codes).toHaveLength(10);
    const old = await signIn(newBrowser(server), person.email, PASSWORD, { otp: backupCodes[0] });
    expect(refusal(old)).toEqual(WRONG);
    const fresh = await signIn(newBrowser(server), person.email, PASSWORD, { otp: made.json.backup_codes[3] });
    expect(fresh.status).toBe(201);
  });

  test('what protects the account changes only after a recent proof, with a code, and is told by mail', async () => {
    const { person, secret } = await protectedPerson();
    clock.advance(16 * 60_000);
    const calls: [string, string][] = [
      ['DELETE', '/v1/account/factors/totp'],
      ['POST', '/v1/account/factors/backup-codes'],
      ['POST', '/v1/account/factors/totp'],
    ];
    for (const [method, path] of calls) {
      const reply = await person.call(path, { method, ...(method === 'POST' ? { json: {} } : {}) });
      expect([reply.status, reply.json.proof_needed], path).toEqual([403, true]);
    }
    const half = await person.post('/v1/account/session/proof', { password: PASSWORD });
    expect(refusal(half)).toEqual([401, 'mfa_required']);
    expect((await person.call('/v1/account/factors/totp', { method: 'DELETE' })).status).toBe(403);
    const otp = await nextCode(secret);
    expect((await person.post('/v1/account/session/proof', { password: PASSWORD, otp })).status).toBe(204);
    expect((await person.call('/v1/account/factors/totp', { method: 'DELETE' })).status).toBe(204);
    expect((await mailTo(server, person.email)).subject).toBe('A way to sign in was removed');
    expect((await person.call('/v1/account/factors')).json).toMatchObject({ totp: null, backup_codes_left: 0 });
    expect((await signIn(newBrowser(server), person.email)).status).toBe(201);
  });

  test('nobody skips it: no path gives a session before the code', async () => {
    const { person } = await protectedPerson();
    const browser = newBrowser(server);
    const asked = await signIn(browser, person.email);
    const { challenge } = asked.json;
    const tries: [string, object][] = [
      ['/v1/account/sign-in/second-factor', { challenge, otp: '' }],
      ['/v1/account/sign-in/second-factor', { challenge }],
      ['/v1/account/sign-in/second-factor', { challenge, otp: [] }],
      ['/v1/account/sign-in', { email: person.email, password: PASSWORD, otp: null }],
      ['/v1/account/sign-in', { email: person.email, password: PASSWORD, otp: '      ' }],
      ['/v1/account/sign-up/confirm', { token: challenge, password: PASSWORD }],
    ];
    for (const [path, body] of tries) {
      const reply = await browser.post(path, body);
      expect(reply.status, path).toBeGreaterThanOrEqual(400);
      expect(reply.headers.getSetCookie()).toEqual([]);
    }
    browser.cookies.set('latchkey_session', challenge);
    expect((await browser.call('/v1/account')).status).toBe(401);
  });

  test('no code stands in a reply, an event or the log', async () => {
    const { person, secret, backupCodes } = await protectedPerson();
    const otp = await nextCode(secret);
    const reply = await signIn(newBrowser(server), person.email, PASSWORD, { otp });
    const events = JSON.stringify(await eventsAbout(server, person.userId));
    for (const text of [reply.text, events, server.logLines.join('\n')]) {
      for (const code of [secret, ...backupCodes]) expect(text).not.toContain(code);
    }
    expect(reply.text).not.toContain(`"${otp}"`);
  });

  test('the operator takes them from who lost them: all of them, with what they had opened', async () => {
    const { person, secret, backupCodes } = await protectedPerson();
    const challenge = await challengeOf(person.email);
    const { token } = await loggedIn(server, person, { otp: await nextCode(secret) });
    const path = `/v1/users/${person.userId}/second-factors`;
    const owner = await newPerson(server, { role: 'owner' });
    expect(refusal(await owner.call(path, { method: 'DELETE' }))).toEqual([403, 'forbidden']);
    expect((await signIn(newBrowser(server), person.email)).status).toBe(401);
    expect((await server.call(path, { method: 'DELETE', key: server.rootKey })).status).toBe(204);
    expect(refusal(await person.call('/v1/account'))).toEqual([401, 'invalid_token']);
    expect(refusal(await server.call('/v1/users/me', { key: token }))).toEqual([401, 'token_revoked']);
    // What was open for a code is open for none.
    expect(refusal(await answer(challenge, await nextCode(secret)))).toEqual(WRONG);
    expect(refusal(await answer(challenge, backupCodes[0] ?? ''))).toEqual(WRONG);
    const browser = newBrowser(server);
    expect((await signIn(browser, person.email)).status).toBe(201);
    const { json } = await browser.call('/v1/account/factors');
    expect(json).toMatchObject({ totp: null, passkeys: [], backup_codes_left: 0 });
    const mail = await mailTo(server, person.email);
    expect(mail.text).toContain('every second factor and passkey, by whoever runs this service');
    const events = await eventsAbout(server, person.userId);
    expect(events).toContainEqual(expect.objectContaining({ action: 'user.factors_reset', actor_kind: 'root' }));
    const missing = '/v1/users/usr_000000000000000000000000/second-factors';
    expect((await server.call(missing, { method: 'DELETE', key: server.rootKey })).status).toBe(404);
  });

  test('a workspace can require one: who has none acts in it only after adding one', async () => {
    const owner = await newPerson(server, { role: 'owner' });
    const member = await newPerson(server, { role: 'developer' });
    expect((await member.call('/v1/projects')).status).toBe(200);
    const patch = { method: 'PATCH', json: { require_second_factor: true } };
    expect((await owner.call(`/v1/workspaces/${server.workspaceId}`, patch)).json.require_second_factor).toBe(true);
    for (const path of [
      '/v1/projects',
      '/v1/api-keys',
      '/v1/members',
      '/v1/users/me',
      '/v1/auth/verify',
      '/v1/workspaces',
    ]) {
      expect(refusal(await member.call(path)), path).toEqual([403, 'forbidden']);
    }
    expect((await member.call('/v1/account')).status).toBe(200);
    await enrolTotp(member, clock.nowMs);
    expect((await member.call('/v1/projects')).status).toBe(200);
    expect(refusal(await owner.call('/v1/projects'))).toEqual([403, 'forbidden']);
    const lift = { key: server.rootKey, method: 'PATCH', json: { require_second_factor: false } };
    expect((await server.call(`/v1/workspaces/${server.workspaceId}`, lift)).status).toBe(200);
    expect((await owner.call('/v1/projects')).status).toBe(200);
  });
});
