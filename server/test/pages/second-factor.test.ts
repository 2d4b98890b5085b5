import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { enrolTotp, newAddress, newPerson, otpAt, PASSWORD } from '../people/browser.ts';
import { pageClient, plainText, signInByForm } from './client.ts';

const clock = manualClock();
let server: TestServer;
beforeAll(async () => {
  server = await startServer({ clock });
});
afterAll(stopServers);
beforeEach(() => clock.advance(2 * 3_600_000));

async function protectedPerson() {
  const person = await newPerson(server);
  return { ...person, ...(await enrolTotp(person, clock.nowMs)) };
}

/** A client that gave the right password, and is asked for more. */
async function halfIn(email: string) {
  const client = pageClient(server);
  const reply = await signInByForm(client, email, PASSWORD);
  expect([reply.status, reply.headers.get('location')]).toEqual([303, '/sign-in/second-factor']);
  await client.get('/sign-in/second-factor');
  return client;
}

test('the password alone gives no session, and the challenge stands in no URL', async () => {
  const { email, secret } = await protectedPerson();
  const client = await halfIn(email);
  expect([...client.cookies.keys()].sort()).toEqual(['latchkey_challenge', 'latchkey_visitor']);
  expect((await client.get('/account')).headers.get('location')).toBe('/sign-in?return_to=%2Faccount');
  clock.advance(60_000);
  const reply = await client.post('/sign-in/second-factor', { otp: await otpAt(secret, clock.nowMs()) });
  expect([reply.status, reply.headers.get('location')]).toEqual([303, '/account']);
  expect(client.cookies.has('latchkey_challenge')).toBe(false);
  expect(plainText(await client.get('/account'))).toContain(email);
});

test('a wrong code is told at its field; after five the sign-in begins again', async () => {
  const { email } = await protectedPerson();
  const client = await halfIn(email);
  for (let guess = 0; guess < 5; guess += 1) {
    const wrong = await client.post('/sign-in/second-factor', { otp: '000000' });
    expect(wrong.status).toBe(422);
    expect(wrong.text).toContain('id="otp-problem">This code is wrong, or was used already.<');
  }
  const over = await client.post('/sign-in/second-factor', { otp: '000000' });
  expect([over.status, over.headers.get('location')]).toEqual([303, '/sign-in?done=over']);
});

test('a backup code lets in once', async () => {
  const { email, backupCodes } = await protectedPerson();
  const client = await halfIn(email);
  expect(plainText(await client.get('/sign-in/second-factor?by=backup_code'))).toContain('Backup code');
  const otp = backupCodes[0] ?? '';
  expect(plainText(await client.submit('/sign-in/second-factor', { otp, by: 'backup_code' }))).toContain(
    '9 of 10 left.',
  );
  const again = await halfIn(email);
  expect((await again.post('/sign-in/second-factor', { otp, by: 'backup_code' })).status).toBe(422);
});

test('without a challenge the way is to sign in', async () => {
  const reply = await pageClient(server).get('/sign-in/second-factor?return_to=/account/sessions');
  expect([reply.status, reply.headers.get('location')]).toEqual([303, '/sign-in?return_to=%2Faccount%2Fsessions']);
});

test.each(['', 'x', '{}', '[]', 'null', `"${'a'.repeat(40_000)}"`])(
  '%.20j is no passkey, on any page',
  async (credential) => {
    const { email, cookies } = await protectedPerson();
    const client = await halfIn(email);
    expect((await client.post('/sign-in/second-factor/passkey', { credential })).status).toBe(422);
    expect((await client.post('/sign-in/passkey', { credential })).status).toBe(422);
    const person = pageClient(server, new Map(cookies));
    await person.get('/account');
    for (const path of ['/account/passkeys/new', '/account/proof/passkey']) {
      const reply = await person.post(path, { credential });
      expect([path, reply.status, plainText(reply)]).toEqual([
        path,
        422,
        expect.stringContaining('The passkey was not used.'),
      ]);
    }
  },
);

test('a proof tells which of the two was wrong', async () => {
  const { cookies, secret } = await protectedPerson();
  const client = pageClient(server, new Map(cookies));
  clock.advance(16 * 60_000);
  expect(plainText(await client.visit('/account/authenticator/remove'))).toContain('Is it still you?');
  const problem = async (fields: Record<string, string>) => {
    const reply = await client.post('/account/proof', fields);
    expect(reply.status).toBe(422);
    return /class="field-problem" id="([^"]+)"/.exec(reply.text)?.[1];
  };
  expect(await problem({ password: 'not it', otp: '000000' })).toBe('password-problem');
  expect(await problem({ password: PASSWORD, otp: '000000' })).toBe('otp-problem');
  expect(await problem({ otp: '000000' })).toBe('password-problem');
  const otp = await otpAt(secret, clock.nowMs());
  const way = { password: PASSWORD, otp, return_to: '/account/authenticator/remove' };
  expect(plainText(await client.submit('/account/proof', way))).toContain('Remove the authenticator app?');
  expect(plainText(await client.submit('/account/authenticator/remove'))).toContain(
    'The authenticator app is removed.',
  );
});

test('too many guesses are 429, with the time to wait', async () => {
  const { email } = await newPerson(server);
  const client = pageClient(server);
  for (let guess = 0; guess < 10; guess += 1) expect((await signInByForm(client, email, 'wrong')).status).toBe(422);
  const reply = await signInByForm(client, email, PASSWORD);
  expect([reply.status, Number(reply.headers.get('retry-after')) > 0]).toEqual([429, true]);
  expect(plainText(reply)).toMatch(/Too many attempts\. Try again in \d+ minutes\./);
});

test.each(['invitation', 'closed'])(
  'where sign-up is %s, the page says so, and a direct post makes nothing',
  async (policy) => {
    const closed = await startServer({ env: { LATCHKEY_SIGN_UP: policy } });
    const client = pageClient(closed);
    const page = await client.get('/sign-up');
    expect([page.status, plainText(page)]).toEqual([403, expect.stringContaining('Accounts are not open')]);
    expect(page.text).not.toContain('name="password"');
    expect(plainText(await client.get('/sign-in'))).not.toContain('Create an account');
    const posted = await client.post('/sign-up', { email: newAddress(), password: PASSWORD });
    expect(posted.status).toBe(403);
  },
);
