import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { databaseText, START_MS } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { mailCount, mailTo, newAddress, newBrowser, newPerson, PASSWORD, refusal, signIn } from './browser.ts';

const HOUR_MS = 3_600_000;
const DEAD: [number, string] = [400, 'invalid_request'];

describe.each(DATABASES)('signing up on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(2 * HOUR_MS));

  const ask = (email: string, more: object = {}) =>
    newBrowser(server).post('/v1/account/sign-up', { email, password: PASSWORD, ...more });

  test('makes an account with a workspace of its own, once the mail is answered', async () => {
    const email = newAddress();
    expect((await ask(email, { name: 'Ada Lovelace' })).json).toEqual({ sent: true });
    expect(refusal(await signIn(newBrowser(server), email))).toEqual([401, 'invalid_credentials']);
    const { token, link } = await mailTo(server, email, 'Confirm your account');
    expect(link).toBe(`${server.issuer}/sign-up/confirm?token=${token}`);
    const browser = newBrowser(server);
    const begun = await browser.post('/v1/account/sign-up/confirm', { token, password: PASSWORD });
    expect(begun.status, begun.text).toBe(201);
    expect((await browser.call('/v1/account')).json).toMatchObject({
      email,
      email_verified: true,
      name: 'Ada Lovelace',
    });
    const { json } = await browser.call('/v1/workspaces');
    expect(json.data).toMatchObject([{ id: begun.json.workspace_id, name: "Ada Lovelace's workspace" }]);
    expect(json.data[0].id).not.toBe(server.workspaceId);
    const who = await browser.call('/v1/auth/verify');
    expect(who.json).toMatchObject({ scopes: ['admin'], workspace_id: json.data[0].id });
    expect((await browser.call('/v1/members')).json.data).toMatchObject([{ email, role: 'owner' }]);
    expect((await signIn(newBrowser(server), email)).status).toBe(201);
  });

  test("a link needs the password that was chosen with it: a stranger's is not confirmed by a click", async () => {
    const email = newAddress();
    await ask(email, { password: 'the stranger chose 1' });
    const { token } = await mailTo(server, email);
    const wrong = await newBrowser(server).post('/v1/account/sign-up/confirm', { token, password: PASSWORD });
    expect(refusal(wrong)).toEqual([401, 'invalid_credentials']);
    // And the mailbox's own sign-up still works, and ends the stranger's.
    await ask(email);
    const own = await mailTo(server, email);
    expect(
      (await newBrowser(server).post('/v1/account/sign-up/confirm', { token: own.token, password: PASSWORD })).status,
    ).toBe(201);
    const late = await newBrowser(server).post('/v1/account/sign-up/confirm', {
      token,
      password: 'the stranger chose 1',
    });
    expect(refusal(late)).toEqual(DEAD);
  });

  test('of parallel answers one makes the account; the link ends after a day', async () => {
    const email = newAddress();
    await ask(email);
    const { token } = await mailTo(server, email);
    const answer = () => newBrowser(server).post('/v1/account/sign-up/confirm', { token, password: PASSWORD });
    const replies = await Promise.all(Array.from({ length: 6 }, answer));
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 400, 400, 400, 400, 400]);
    const late = newAddress();
    await ask(late);
    const mail = await mailTo(server, late);
    clock.advance(24 * HOUR_MS);
    const ended = await newBrowser(server).post('/v1/account/sign-up/confirm', {
      token: mail.token,
      password: PASSWORD,
    });
    expect(refusal(ended)).toEqual(DEAD);
  });

  test('answers the same when the address has an account; that person is told by mail', async () => {
    const { email } = await newPerson(server);
    const unknown = newAddress();
    const [known, other] = [await ask(email.toUpperCase(), { password: 'another good one 5' }), await ask(unknown)];
    expect([known.status, known.text]).toEqual([other.status, other.text]);
    const mail = await mailTo(server, email);
    expect([mail.subject, mail.token]).toEqual(['You have an account already', '']);
    expect((await signIn(newBrowser(server), email)).status).toBe(201);
  });

  test('takes no field that is not its own', async () => {
    for (const more of [
      { role: 'owner' },
      { email_verified: true },
      { workspace_id: server.workspaceId },
      { id: 'usr_1' },
    ]) {
      const reply = await ask(newAddress(), more);
      expect([reply.status, reply.json.fields[0].path]).toEqual([422, Object.keys(more)[0]]);
    }
  });

  test('stops at so many from one network, before a password is hashed', async () => {
    const replies = await Promise.all(
      Array.from({ length: 70 }, () => newBrowser(server).post('/v1/account/recovery', { email: newAddress() })),
    );
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(60);
    expect(replies.filter(({ status }) => status === 429)).toHaveLength(10);
  });

  test('no password stands in the database in the clear', async () => {
    const email = newAddress();
    await ask(email, { password: 'violet harbor 93 tin' });
    expect(await mailCount(server, email)).toBe(1);
    expect(await databaseText(server)).not.toContain('violet harbor');
    expect(server.logLines.join('\n')).not.toContain('violet harbor');
  });
});

describe('sign-up that is not open', () => {
  afterAll(stopServers);

  test.each(['invitation', 'closed'])('%s refuses a direct call, and mails nobody', async (policy) => {
    const server = await startServer({ env: { LATCHKEY_SIGN_UP: policy } });
    const email = newAddress();
    const reply = await newBrowser(server).post('/v1/account/sign-up', { email, password: PASSWORD });
    expect(refusal(reply)).toEqual([403, 'forbidden']);
    expect(await mailCount(server, email)).toBe(0);
    expect(refusal(await (await newPerson(server)).post('/v1/workspaces', { name: 'Mine' }))).toEqual([
      403,
      'forbidden',
    ]);
  });

  test('a mail from before it was closed makes no account', async () => {
    const open = await startServer();
    const email = newAddress();
    expect((await newBrowser(open).post('/v1/account/sign-up', { email, password: PASSWORD })).status).toBe(200);
    const { token } = await mailTo(open, email);
    const { dataDir } = open;
    await open.stop();
    const server = await startServer({ dataDir, env: { LATCHKEY_SIGN_UP: 'closed' } });
    const confirmed = await newBrowser(server).post('/v1/account/sign-up/confirm', { token, password: PASSWORD });
    expect(refusal(confirmed)).toEqual([403, 'forbidden']);
    expect(refusal(await signIn(newBrowser(server), email))).toEqual([401, 'invalid_credentials']);
  });

  test('nobody signs up with a text that is one address to us and another to a mail server', async () => {
    const server = await startServer();
    const { email } = await newPerson(server);
    for (const odd of [
      `${email}/.evil.example`,
      `${email}?x`,
      `${email}#x`,
      `${email}\\x`,
      `${email.replace('.', '\n.')}`,
    ]) {
      const reply = await newBrowser(server).post('/v1/account/sign-up', { email: odd, password: PASSWORD });
      expect(refusal(reply), JSON.stringify(odd)).toEqual([422, 'validation_failed']);
    }
  });

  test('it is open here unless it says otherwise, and mails are kept for this machine alone', async () => {
    const { config, call } = await startServer();
    expect(config.signUp).toBe('open');
    // Only from this machine, and only under its own name.
    const rebound = await call('/dev/mail', { key: null, headers: { 'x-forwarded-for': '203.0.113.9' } });
    expect(rebound.status).toBe(401);
  });
});
