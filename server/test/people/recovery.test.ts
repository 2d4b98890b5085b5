import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { databaseText, eventsAbout, START_MS } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import {
  enrolTotp,
  mailCount,
  mailTo,
  newAddress,
  newBrowser,
  newPerson,
  otpAt,
  PASSWORD,
  refusal,
  signIn,
} from './browser.ts';

const HOUR_MS = 3_600_000;
const DEAD: [number, string] = [400, 'invalid_request'];
const NEW_PASSWORD = 'quarry lantern 77 moss';

describe.each(DATABASES)('recovery on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(3 * HOUR_MS));

  const ask = (email: string) => newBrowser(server).post('/v1/account/recovery', { email });
  const complete = (token: string, password = NEW_PASSWORD) =>
    newBrowser(server).post('/v1/account/recovery/complete', { token, password });
  async function recoveryToken(email: string): Promise<string> {
    expect((await ask(email)).status).toBe(200);
    return (await mailTo(server, email, 'Choose a new password')).token;
  }

  test('by mail sets a new password, once, and ends every session', async () => {
    const person = await newPerson(server);
    const elsewhere = newBrowser(server);
    await signIn(elsewhere, person.email);
    const token = await recoveryToken(person.email);
    const done = await complete(token);
    expect([done.status, done.json]).toEqual([200, { email: person.email }]);
    expect(done.headers.getSetCookie()).toEqual([]);
    for (const browser of [person, elsewhere]) expect((await browser.call('/v1/account')).status).toBe(401);
    expect(refusal(await signIn(newBrowser(server), person.email))).toEqual([401, 'invalid_credentials']);
    expect((await signIn(newBrowser(server), person.email, NEW_PASSWORD)).status).toBe(201);
    expect(refusal(await complete(token, 'another good one 5'))).toEqual(DEAD);
    expect((await mailTo(server, person.email)).subject).toBe('Your password was changed');
    const actions = (await eventsAbout(server, person.userId)).map(({ action }) => action);
    expect(actions).toEqual(expect.arrayContaining(['user.recovery_requested', 'user.password_changed']));
  });

  test('of parallel uses of one link one wins', async () => {
    const { email } = await newPerson(server);
    const token = await recoveryToken(email);
    const tries = Array.from({ length: 10 }, (_, index) => `${NEW_PASSWORD} ${index}`);
    const replies = await Promise.all(tries.map((password) => complete(token, password)));
    const won = replies.flatMap(({ status }, index) => (status === 200 ? [index] : []));
    expect(won).toHaveLength(1);
    expect((await signIn(newBrowser(server), email, tries[won[0]!]!)).status).toBe(201);
  });

  test('a newer link ends the older; each ends after an hour', async () => {
    const { email } = await newPerson(server);
    const older = await recoveryToken(email);
    clock.advance(1000);
    const newer = await recoveryToken(email);
    expect(newer).not.toBe(older);
    expect(refusal(await complete(older))).toEqual(DEAD);
    clock.advance(HOUR_MS);
    expect(refusal(await complete(newer))).toEqual(DEAD);
  });

  test('a link is for its own purpose alone', async () => {
    const person = await newPerson(server, { email_verified: false });
    const token = await recoveryToken(person.email);
    for (const path of ['/v1/account/email/verify', '/v1/account/email/confirm', '/v1/account/invitation']) {
      expect(refusal(await person.post(path, { token })), path).toEqual(DEAD);
    }
    const confirm = await person.post('/v1/account/sign-up/confirm', { token, password: PASSWORD });
    expect(refusal(confirm)).toEqual(DEAD);
    const challenge = { challenge: token, otp: '123456' };
    const factor = await newBrowser(server).post('/v1/account/sign-in/second-factor', challenge);
    expect(refusal(factor)).toEqual([401, 'invalid_credentials']);
    expect((await complete(token)).status).toBe(200);
  });

  test('a bad password leaves the link alive', async () => {
    const { email } = await newPerson(server);
    const token = await recoveryToken(email);
    const refused = await complete(token, 'password1');
    expect([refused.status, refused.json.fields[0].path]).toEqual([422, 'password']);
    expect((await complete(token)).status).toBe(200);
  });

  test('answers the same for an address without account, and mails nobody there', async () => {
    const { email } = await newPerson(server);
    const unknown = newAddress('nobody');
    const [known, other] = [await ask(email), await ask(unknown)];
    expect([known.status, known.text]).toEqual([other.status, other.text]);
    await mailTo(server, email);
    expect(await mailCount(server, unknown)).toBe(0);
  });

  test('fills nobody with mails', async () => {
    const { email } = await newPerson(server);
    for (let round = 0; round < 8; round += 1) expect((await ask(email)).status).toBe(200);
    expect(await mailCount(server, email)).toBe(5);
  });

  test('does not replace the second factor', async () => {
    const person = await newPerson(server);
    const { secret } = await enrolTotp(person, clock.nowMs);
    const token = await recoveryToken(person.email);
    expect((await complete(token)).status).toBe(200);
    const browser = newBrowser(server);
    const asked = await signIn(browser, person.email, NEW_PASSWORD);
    expect(refusal(asked)).toEqual([401, 'mfa_required']);
    expect(browser.cookies.size).toBe(0);
    clock.advance(60_000);
    const otp = await otpAt(secret, clock.nowMs());
    const { challenge } = asked.json;
    expect((await browser.post('/v1/account/sign-in/second-factor', { challenge, otp })).status).toBe(201);
  });

  test('confirms the address, because the mailbox was shown to be theirs', async () => {
    const person = await newPerson(server, { email_verified: false });
    await complete(await recoveryToken(person.email));
    const browser = newBrowser(server);
    await signIn(browser, person.email, NEW_PASSWORD);
    expect((await browser.call('/v1/account')).json.email_verified).toBe(true);
  });

  test('leads to the issuer, whatever Host is claimed', async () => {
    const { email } = await newPerson(server);
    const headers = { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' };
    await newBrowser(server, headers).post('/v1/account/recovery', { email });
    const { link } = await mailTo(server, email, 'Choose a new password');
    expect(link.startsWith(`${server.issuer}/recover/password?token=`)).toBe(true);
  });

  test('no token and no mail stands in the database in the clear, and none in the log', async () => {
    const { email } = await newPerson(server);
    const { database: store } = server.latchkey;
    await ask(email);
    // Before it is sent the mail waits in the outbox; the link in it works.
    const waiting = await store.read.selectFrom('mail_outbox').selectAll().where('recipient', '=', email).execute();
    const { token } = await mailTo(server, email);
    const text = await databaseText(server);
    expect(JSON.stringify(waiting)).not.toContain(token);
    expect(text).not.toContain(token);
    expect(server.logLines.join('\n')).not.toContain(token);
    const left = await store.read.selectFrom('mail_outbox').selectAll().where('recipient', '=', email).execute();
    expect(left).toEqual([]);
  });
});

describe.each(DATABASES)('the password on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(3 * HOUR_MS));

  test('is changed by who knows the old one; every session ends and a new one begins here', async () => {
    const person = await newPerson(server);
    const elsewhere = newBrowser(server);
    await signIn(elsewhere, person.email);
    const old = person.cookies.get('latchkey_session') ?? '';
    const body = { current_password: PASSWORD, new_password: NEW_PASSWORD };
    const changed = await person.post('/v1/account/password', body);
    expect(changed.status, changed.text).toBe(200);
    expect((await person.call('/v1/account')).status).toBe(200);
    expect((await elsewhere.call('/v1/account')).status).toBe(401);
    const thief = newBrowser(server);
    thief.cookies.set('latchkey_session', old);
    expect((await thief.call('/v1/account')).status).toBe(401);
    expect((await mailTo(server, person.email)).subject).toBe('Your password was changed');
  });

  test('is not changed without the old one, nor with a wrong one', async () => {
    const person = await newPerson(server);
    const missing = await person.post('/v1/account/password', { new_password: NEW_PASSWORD });
    expect([missing.status, missing.json.fields[0].path]).toEqual([422, 'current_password']);
    const wrong = { current_password: 'wrong guess', new_password: NEW_PASSWORD };
    expect(refusal(await person.post('/v1/account/password', wrong))).toEqual([401, 'invalid_credentials']);
    expect((await signIn(newBrowser(server), person.email)).status).toBe(201);
  });

  test.each([
    ['too short', 'abc12xy'],
    ['too long', `${'ab '.repeat(85)}ab`],
    ['common', 'Password123'],
    ['common', 'qwertyuiop'],
    ['common with signs behind', 'Football!1'],
    ['one letter', 'zzzzzzzzzzzz'],
    ['control characters', 'good enough\u0007 1'],
  ])('that is %s is refused with the field named', async (_why, password) => {
    const person = await newPerson(server);
    const body = { current_password: PASSWORD, new_password: password };
    const reply = await person.post('/v1/account/password', body);
    expect([reply.status, reply.json.fields?.[0]?.path]).toEqual([422, 'new_password']);
    expect(reply.text).not.toContain(JSON.stringify(password).slice(1, -1));
  });

  test('made of the address is refused', async () => {
    const person = await newPerson(server, { email: 'margaret.hamilton@example.com' });
    for (const password of ['margaret.hamilton@example.com', 'Margaret.Hamilton69']) {
      const body = { current_password: PASSWORD, new_password: password };
      expect((await person.post('/v1/account/password', body)).status, password).toBe(422);
    }
  });

  test('is never cut: 256 characters of any script count to the last', async () => {
    const person = await newPerson(server);
    const long = `${'пароль 密碼 🔑 '.repeat(20)}`.slice(0, 255);
    const body = { current_password: PASSWORD, new_password: `${long}a` };
    expect((await person.post('/v1/account/password', body)).status).toBe(200);
    expect((await signIn(newBrowser(server), person.email, `${long}a`)).status).toBe(201);
    expect(refusal(await signIn(newBrowser(server), person.email, `${long}b`))).toEqual([401, 'invalid_credentials']);
    expect(refusal(await signIn(newBrowser(server), person.email, long))).toEqual([401, 'invalid_credentials']);
  });

  test('is the same however its accents are typed', async () => {
    const person = await newPerson(server);
    const body = { current_password: PASSWORD, new_password: 'crème brûlée 12' };
    expect((await person.post('/v1/account/password', body)).status).toBe(200);
    expect((await signIn(newBrowser(server), person.email, 'crème brûlée 12'.normalize('NFD'))).status).toBe(201);
  });

  test.each([513, 30_000])('of %i letters is refused before it is hashed', async (length) => {
    const { email } = await newPerson(server);
    const reply = await signIn(newBrowser(server), email, 'x'.repeat(length));
    expect(refusal(reply)).toEqual([422, 'validation_failed']);
  });

  test('with NUL or half a letter is refused', async () => {
    const { email } = await newPerson(server);
    const body = (password: string) => `{"email":"${email}","password":"${password}"}`;
    for (const text of ['abcdefgh\\u0000', 'abcdefgh\\ud800']) {
      const headers = { 'content-type': 'application/json' };
      const reply = await server.call('/v1/account/sign-in', { key: null, method: 'POST', body: body(text), headers });
      expect(reply.status).toBe(422);
    }
  });
});

describe.each(DATABASES)('the address on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(3 * HOUR_MS));

  test('changes when the new one is confirmed; until then the old one counts; both are told', async () => {
    const person = await newPerson(server);
    const next = newAddress('grace');
    expect((await person.post('/v1/account/email', { email: next })).json).toEqual({ sent: true });
    expect((await mailTo(server, person.email)).text).toContain(next);
    expect((await person.call('/v1/account')).json).toMatchObject({ email: person.email, email_verified: true });
    expect(refusal(await signIn(newBrowser(server), next))).toEqual([401, 'invalid_credentials']);
    const { token } = await mailTo(server, next, 'Confirm your new address');
    const confirmed = await person.post('/v1/account/email/confirm', { token });
    expect([confirmed.status, confirmed.json]).toEqual([200, { email: next }]);
    expect((await person.call('/v1/account')).json).toMatchObject({ email: next, email_verified: true });
    for (const address of [person.email, next]) {
      expect((await mailTo(server, address)).subject).toBe('Your address was changed');
    }
    expect((await signIn(newBrowser(server), next)).status).toBe(201);
    expect(refusal(await signIn(newBrowser(server), person.email))).toEqual([401, 'invalid_credentials']);
    expect(refusal(await person.post('/v1/account/email/confirm', { token }))).toEqual(DEAD);
  });

  test('changes only in a session of that very account: who got the mail by mistake gets nothing by it', async () => {
    const [person, other] = [await newPerson(server), await newPerson(server)];
    const next = newAddress('typo');
    await person.post('/v1/account/email', { email: next });
    const { token } = await mailTo(server, next);
    const stranger = await newBrowser(server).post('/v1/account/email/confirm', { token });
    expect(refusal(stranger)).toEqual([401, 'missing_token']);
    const elsewhere = await other.post('/v1/account/email/confirm', { token });
    expect(refusal(elsewhere)).toEqual([403, 'forbidden']);
    expect(elsewhere.json.message).toContain('another account');
    expect((await other.call('/v1/account')).json.email).toBe(other.email);
    expect((await person.call('/v1/account')).json.email).toBe(person.email);
    // Neither used the link up: another session of the person opens it.
    const laptop = newBrowser(server);
    await signIn(laptop, person.email);
    expect((await laptop.post('/v1/account/email/confirm', { token })).json).toEqual({ email: next });
  });

  test('is not changed long after the last proof, until the password is given again', async () => {
    const person = await newPerson(server);
    clock.advance(16 * 60_000);
    const refused = await person.post('/v1/account/email', { email: newAddress() });
    expect([refused.status, refused.json.error, refused.json.proof_needed]).toEqual([403, 'forbidden', true]);
    const wrong = await person.post('/v1/account/session/proof', { password: 'wrong guess' });
    expect(refusal(wrong)).toEqual([401, 'invalid_credentials']);
    expect((await person.post('/v1/account/session/proof', { password: PASSWORD })).status).toBe(204);
    expect((await person.post('/v1/account/email', { email: newAddress() })).status).toBe(200);
  });

  test('of another account is not told, and not taken', async () => {
    const [person, other] = [await newPerson(server), await newPerson(server)];
    expect((await person.post('/v1/account/email', { email: other.email })).json).toEqual({ sent: true });
    expect(await mailCount(server, other.email)).toBe(0);
    // Taken between the mail and the click.
    const next = newAddress('late');
    await person.post('/v1/account/email', { email: next });
    const { token } = await mailTo(server, next);
    await newPerson(server, { email: next });
    expect(refusal(await person.post('/v1/account/email/confirm', { token }))).toEqual([409, 'conflict']);
    expect((await person.call('/v1/account')).json.email).toBe(person.email);
  });

  test('is confirmed by a link, once, and only while it is the same', async () => {
    const person = await newPerson(server, { email_verified: false });
    expect((await person.call('/v1/account')).json.email_verified).toBe(false);
    await person.post('/v1/account/email/verification');
    const { token } = await mailTo(server, person.email, 'Confirm your address');
    expect((await newBrowser(server).post('/v1/account/email/verify', { token })).status).toBe(200);
    expect((await person.call('/v1/account')).json.email_verified).toBe(true);
    expect(refusal(await person.post('/v1/account/email/verification'))).toEqual([409, 'conflict']);
    expect(refusal(await newBrowser(server).post('/v1/account/email/verify', { token }))).toEqual(DEAD);
  });

  test.each([
    '',
    'ada',
    'ada@',
    '@example.com',
    'ada@localhost',
    'a b@example.com',
    'ada@exa mple.com',
    'ada@example.com\r\nBcc: x@y.z',
    '"a"@example.com',
    `${'a'.repeat(65)}@example.com`,
    'ada@-example.com',
    'ada@example.1',
  ])('%j is none', async (email) => {
    const person = await newPerson(server);
    const reply = await person.post('/v1/account/email', { email });
    expect([reply.status, reply.json.fields?.[0]?.path]).toEqual([422, 'email']);
  });
});
