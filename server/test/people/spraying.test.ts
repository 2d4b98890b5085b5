import { afterAll, describe, expect, test } from 'vitest';
import { GUESSES_PER_HOUR } from '../../src/accounts/guessing/guesses.ts';
import { START_MS } from '../domains/installation.ts';
import { manualClock, startServer, stopServers } from '../harness.ts';
import { type Browser, enrolTotp, newAddress, newBrowser, newPerson, otpAt, refusal, signIn } from './browser.ts';

const WRONG: [number, string] = [401, 'invalid_credentials'];
const LIMITED: [number, string] = [429, 'rate_limit_exceeded'];

describe('guessing over many accounts and addresses', () => {
  afterAll(stopServers);
  const from = (address: string) => ({ 'x-forwarded-for': address });
  const start = () => startServer({ clock: manualClock(START_MS), env: { LATCHKEY_TRUST_PROXY: '1' } });

  test('stops for a network after so many, whichever accounts; an IPv6 /64 is one network', async () => {
    const server = await start();
    const guess = (address: string) => signIn(newBrowser(server, from(address)), newAddress('nobody'), 'wrong guess');
    const replies = [];
    for (let index = 0; index < GUESSES_PER_HOUR.network; index += 20) {
      const hosts = Array.from({ length: 20 }, (_, each) => `2001:db8:1:2::${(index + each + 1).toString(16)}`);
      replies.push(...(await Promise.all(hosts.map(guess))));
    }
    expect(replies.map(refusal)).toEqual(Array(GUESSES_PER_HOUR.network).fill(WRONG));
    expect(refusal(await guess('2001:db8:1:2:ffff::1'))).toEqual(LIMITED);
    expect(refusal(await guess('::ffff:198.51.100.7'))).toEqual(WRONG);
    expect(refusal(await guess('2001:db8:1:3::1'))).toEqual(WRONG);
    // Whoever is right behind that network on a device that they know gets in.
    const person = await newPerson(server);
    const home = newBrowser(server, from('2001:db8:1:2::5'));
    home.cookies.set('latchkey_device', person.cookies.get('latchkey_device') ?? '');
    expect((await signIn(home, person.email)).status).toBe(201);
    expect(refusal(await signIn(newBrowser(server, from('2001:db8:1:2::5')), person.email))).toEqual(LIMITED);
  });

  test('who once got in has no more guesses for all the devices that they made known', async () => {
    const server = await start();
    const person = await newPerson(server);
    const devices: string[] = [];
    for (let count = 0; count < 8; count += 1) {
      const browser = newBrowser(server);
      expect((await signIn(browser, person.email)).status).toBe(201);
      devices.push(browser.cookies.get('latchkey_device') ?? '');
    }
    expect(new Set(devices).size).toBe(8);
    const guess = (device: string) => {
      const browser = newBrowser(server);
      browser.cookies.set('latchkey_device', device);
      return signIn(browser, person.email, 'wrong guess');
    };
    const replies: [number, string | undefined][] = [];
    for (let round = 0; round < 10; round += 1) {
      replies.push(...(await Promise.all(devices.map(guess))).map(refusal));
    }
    const judged = replies.filter(([status]) => status === 401);
    expect(judged).toHaveLength(GUESSES_PER_HOUR.knownDevices);
  });

  test('guesses at codes elsewhere do not lock out who is at a device that they know', async () => {
    const clock = manualClock(START_MS);
    const server = await startServer({ clock });
    const person = await newPerson(server);
    const { secret } = await enrolTotp(person, clock.nowMs);
    const challenge = async (browser: Browser) => (await signIn(browser, person.email)).json.challenge as string;
    const guess = async () => {
      const thief = newBrowser(server);
      return thief.post('/v1/account/sign-in/second-factor', { challenge: await challenge(thief), otp: '000000' });
    };
    for (let count = 0; count < GUESSES_PER_HOUR.codes; count += 1) expect(refusal(await guess())).toEqual(WRONG);
    expect(refusal(await guess())).toEqual(LIMITED);
    const home = newBrowser(server);
    home.cookies.set('latchkey_device', person.cookies.get('latchkey_device') ?? '');
    clock.advance(30_000);
    const answer = { challenge: await challenge(home), otp: await otpAt(secret, clock.nowMs()) };
    expect((await home.post('/v1/account/sign-in/second-factor', answer)).status).toBe(201);
  });

  test('a flood of sign-ins is answered, and other calls are answered in between', async () => {
    const server = await start();
    const { email } = await newPerson(server);
    const flood = Array.from({ length: 150 }, (_, index) =>
      signIn(
        newBrowser(server, from(`198.51.100.${index}`)),
        index % 2 === 0 ? newAddress('nobody') : email,
        'wrong guess',
      ),
    );
    let answered = 0;
    const settled = Promise.all(flood).then((replies) => replies.map(({ status }) => status));
    let isOver = false;
    void settled.then(() => {
      isOver = true;
    });
    while (!isOver) {
      expect((await server.call('/v1/auth/verify')).status).toBe(200);
      if (!isOver) answered += 1;
    }
    const statuses = await settled;
    expect(answered).toBeGreaterThan(10);
    // Each was judged, or told when to come back; no more are hashed at once than the bound lets.
    expect(new Set(statuses).size).toBeGreaterThanOrEqual(2);
    for (const status of statuses) expect([401, 429, 503]).toContain(status);
    expect((await signIn(newBrowser(server, from('203.0.113.1')), newAddress('nobody'), 'wrong guess')).status).toBe(
      401,
    );
  });
});
