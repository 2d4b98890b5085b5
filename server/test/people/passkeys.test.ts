import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { eventsAbout, START_MS } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { androidKeyStatement } from './attestation.ts';
import { Authenticator, type Lies } from './authenticator.ts';
import { type Browser, mailTo, newBrowser, newPerson, type Person, refusal, signIn } from './browser.ts';

const HOUR_MS = 3_600_000;
const WRONG: [number, string] = [401, 'invalid_credentials'];

describe.each(DATABASES)('passkeys on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(2 * HOUR_MS));

  const OFFER = '/v1/account/factors/passkeys/options';
  const KEEP = '/v1/account/factors/passkeys';
  const ASK = '/v1/account/sign-in/passkey/options';
  const PASS = '/v1/account/sign-in/passkey';

  async function enrol(person: Person, lies: Lies = {}) {
    const device = new Authenticator(server.issuer);
    const options = (await person.post(OFFER)).json;
    const reply = await person.post(KEEP, { response: device.create(options, lies), name: 'Phone' });
    return { device, reply, id: reply.json.passkey?.id as string };
  }
  async function withPasskey() {
    const person = await newPerson(server);
    const made = await enrol(person);
    expect(made.reply.status, made.reply.text).toBe(201);
    return { person, ...made };
  }
  async function signInBy(device: Authenticator, lies: Lies = {}, browser: Browser = newBrowser(server)) {
    const options = (await browser.post(ASK)).json;
    return browser.post(PASS, { response: device.get(options, lies) });
  }

  test('are made for the issuer alone, by who has just proved who they are', async () => {
    const person = await newPerson(server);
    const { json } = await person.post(OFFER);
    expect(json.rp.id).toBe('localhost');
    expect(json.authenticatorSelection).toMatchObject({ residentKey: 'required', userVerification: 'required' });
    expect(json.attestation).toBe('none');
    const { reply } = await enrol(person);
    expect(reply.json.passkey).toMatchObject({ name: 'Phone', flagged: false, last_used_at: null });
    expect(reply.json.backup_codes).toHaveLength(10);
    expect((await mailTo(server, person.email)).text).toContain('the passkey "Phone"');
    expect((await person.post(OFFER)).json.excludeCredentials).toHaveLength(1);
    clock.advance(16 * 60_000);
    expect((await person.post(OFFER)).json.proof_needed).toBe(true);
  });

  test('are taken without what they say of their maker: nothing that it names is fetched', async () => {
    const asked: string[] = [];
    const elsewhere = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end();
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void elsewhere.close());
    const { port } = elsewhere.address() as AddressInfo;
    const attestation: Lies['attestation'] = (publicKey, clientData) => ({
      fmt: 'android-key',
      attStmt: androidKeyStatement(publicKey, clientData, `http://127.0.0.1:${port}/latest/meta-data`),
    });
    const person = await newPerson(server);
    const { device, reply } = await enrol(person, { attestation });
    expect(asked).toEqual([]);
    expect(reply.status, reply.text).toBe(201);
    expect((await signInBy(device)).status).toBe(201);
    for (const fmt of ['packed', 'tpm', 'apple', 'fido-u2f', 'android-safetynet', 'unheard-of']) {
      const odd: Lies['attestation'] = () => ({ fmt, attStmt: new Map([['x5c', [Buffer.from('no certificate')]]]) });
      expect((await enrol(await newPerson(server), { attestation: odd })).reply.status, fmt).toBe(201);
    }
  });

  test('sign in without password and second factor; the session is a new one', async () => {
    const { person, device } = await withPasskey();
    const browser = newBrowser(server);
    const reply = await signInBy(device, {}, browser);
    expect(reply.status, reply.text).toBe(201);
    expect(reply.json.methods).toEqual(['passkey']);
    expect((await browser.call('/v1/account')).json.email).toBe(person.email);
    expect(browser.cookies.has('latchkey_passkey')).toBe(false);
    const [passkey] = (await person.call('/v1/account/factors')).json.passkeys;
    expect(passkey.last_used_at).not.toBeNull();
  });

  test('are a second factor after the password', async () => {
    const { person, device } = await withPasskey();
    const asked = await signIn(newBrowser(server), person.email);
    expect(asked.json).toMatchObject({ error: 'mfa_required', methods: ['passkey', 'backup_code'] });
    const { challenge } = asked.json;
    const browser = newBrowser(server);
    const options = (await browser.post('/v1/account/sign-in/second-factor/passkey/options', { challenge })).json;
    expect(options.allowCredentials).toMatchObject([{ id: device.id }]);
    const body = { challenge, response: device.get(options, { without: 4 }) };
    const passed = await browser.post('/v1/account/sign-in/second-factor/passkey', body);
    expect(passed.status, passed.text).toBe(201);
    expect(passed.json.methods).toEqual(['password', 'passkey']);
    expect(refusal(await browser.post('/v1/account/sign-in/second-factor/passkey', body))).toEqual(WRONG);
  });

  test.each<[string, Lies]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['the same host on another port', { origin: 'http://localhost:1' }],
    ['another party', { rpId: 'evil.example' }],
    ['the answer to a creation', { type: 'webauthn.create' }],
    ['no presence', { without: 1 }],
    ['no verification', { without: 4 }],
    ['another signature', { signature: Buffer.from('3006020101020101', 'hex') }],
    ['another person', { userHandle: Buffer.from('usr_somebody').toString('base64url') }],
    ['a challenge that was never asked', { challenge: Buffer.alloc(32, 1).toString('base64url') }],
    ['no challenge', { challenge: '' }],
  ])('with %s sign nobody in', async (_what, lies) => {
    const { device } = await withPasskey();
    const reply = await signInBy(device, lies);
    expect(refusal(reply)).toEqual(WRONG);
    expect(reply.headers.getSetCookie().join()).not.toContain('latchkey_session');
    expect((await signInBy(device)).status).toBe(201);
  });

  test.each<[string, Lies]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['another party', { rpId: 'evil.example' }],
    ['the answer to a sign-in', { type: 'webauthn.get' }],
    ['no presence', { without: 1 }],
    ['no verification', { without: 4 }],
    ['an algorithm that was not offered', { algorithm: -36 }],
    ['a challenge that was never asked', { challenge: Buffer.alloc(32, 1).toString('base64url') }],
  ])('with %s are not kept', async (_what, lies) => {
    const person = await newPerson(server);
    const { reply } = await enrol(person, lies);
    expect(refusal(reply)).toEqual(WRONG);
    expect((await person.call('/v1/account/factors')).json.passkeys).toEqual([]);
  });

  test('a challenge is answered once, in time, from where it was asked, for its purpose', async () => {
    const { person, device } = await withPasskey();
    const browser = newBrowser(server);
    const options = (await browser.post(ASK)).json;
    const response = device.get(options);
    const binding = browser.cookies.get('latchkey_passkey') ?? '';
    // Another browser, and one without the cookie.
    const thief = newBrowser(server);
    expect(refusal(await thief.post(PASS, { response }))).toEqual(WRONG);
    await thief.post(ASK);
    expect(refusal(await thief.post(PASS, { response }))).toEqual(WRONG);
    // That attempt has used it up: consumed first.
    expect(refusal(await browser.post(PASS, { response }))).toEqual(WRONG);
    // Once, also in parallel.
    const next = (await browser.post(ASK)).json;
    const answer = device.get(next);
    const replies = await Promise.all(Array.from({ length: 5 }, () => browser.post(PASS, { response: answer })));
    expect(replies.map(({ status }) => status).sort()).toEqual([201, 401, 401, 401, 401]);
    expect(browser.cookies.get('latchkey_passkey')).not.toBe(binding);
    // In time.
    const late = newBrowser(server);
    const old = (await late.post(ASK)).json;
    clock.advance(5 * 60_000);
    expect(refusal(await late.post(PASS, { response: device.get(old) }))).toEqual(WRONG);
    // A registration's challenge is no sign-in's, nor the other way round.
    await signIn(person, person.email);
    const signedIn = newBrowser(server);
    expect((await signInBy(device, {}, signedIn)).status).toBe(201);
    const made = (await signedIn.post(OFFER)).json;
    await signedIn.post(ASK);
    const swapped = device.get({ challenge: made.challenge, rpId: 'localhost' });
    expect(refusal(await signedIn.post(PASS, { response: swapped }))).toEqual(WRONG);
    const asked = (await signedIn.post(ASK)).json;
    const fresh = new Authenticator(server.issuer);
    const wrongWay = fresh.create({ ...made, challenge: asked.challenge });
    expect(refusal(await signedIn.post(KEEP, { response: wrongWay }))).toEqual(WRONG);
  });

  test("another session's offer is not taken up", async () => {
    const [a, b] = [await newPerson(server), await newPerson(server)];
    const options = (await a.post(OFFER)).json;
    const device = new Authenticator(server.issuer);
    expect(refusal(await b.post(KEEP, { response: device.create(options) }))).toEqual(WRONG);
    expect((await b.call('/v1/account/factors')).json.passkeys).toEqual([]);
  });

  test("one person's passkey is none of another's", async () => {
    const [a, b] = [await withPasskey(), await withPasskey()];
    const path = `${KEEP}/${a.id}`;
    expect(refusal(await b.person.call(path, { method: 'DELETE' }))).toEqual([404, 'not_found']);
    expect(refusal(await b.person.call(path, { method: 'PATCH', json: { name: 'Mine' } }))).toEqual([404, 'not_found']);
    // b's password and a's device do not make a sign-in.
    const { challenge } = (await signIn(newBrowser(server), b.person.email)).json;
    const browser = newBrowser(server);
    const options = (await browser.post('/v1/account/sign-in/second-factor/passkey/options', { challenge })).json;
    const body = { challenge, response: a.device.get(options) };
    expect(refusal(await browser.post('/v1/account/sign-in/second-factor/passkey', body))).toEqual(WRONG);
    // The same credential is not kept twice.
    const again = (await b.person.post(OFFER)).json;
    const kept = await b.person.post(KEEP, { response: a.device.create(again) });
    expect(refusal(kept)).toEqual([409, 'conflict']);
  });

  test('a counter that goes back is refused and flagged', async () => {
    const { person, device } = await withPasskey();
    expect((await signInBy(device, { counter: 40 })).status).toBe(201);
    for (const counter of [40, 39, 0]) expect(refusal(await signInBy(device, { counter }))).toEqual(WRONG);
    const [passkey] = (await person.call('/v1/account/factors')).json.passkeys;
    expect(passkey.flagged).toBe(true);
    const actions = (await eventsAbout(server, person.userId)).map(({ action }) => action);
    expect(actions).toContain('user.passkey_flagged');
  });

  test('that never count are taken as they are', async () => {
    const person = await newPerson(server);
    const { device } = await enrol(person, { counter: 0 });
    for (let round = 0; round < 3; round += 1) expect((await signInBy(device, { counter: 0 })).status).toBe(201);
  });

  test('prove who one is, and are removed only after that, with a mail', async () => {
    const { person, device, id } = await withPasskey();
    clock.advance(16 * 60_000);
    const path = `${KEEP}/${id}`;
    expect((await person.call(path, { method: 'DELETE' })).json.proof_needed).toBe(true);
    const options = (await person.post('/v1/account/session/proof/passkey/options')).json;
    const response = device.get(options);
    expect((await person.post('/v1/account/session/proof/passkey', { response })).status).toBe(204);
    expect((await person.call(path, { method: 'PATCH', json: { name: 'Old phone' } })).json.name).toBe('Old phone');
    expect((await person.call(path, { method: 'DELETE' })).status).toBe(204);
    expect((await mailTo(server, person.email)).text).toContain('the passkey "Old phone"');
    expect(refusal(await signInBy(device))).toEqual(WRONG);
    expect((await signIn(newBrowser(server), person.email)).status).toBe(201);
  });

  test('of a disabled person open nothing', async () => {
    const { person, device } = await withPasskey();
    const json = { state: 'disabled' };
    await server.call(`/v1/users/${person.userId}`, { key: server.rootKey, method: 'PATCH', json });
    expect(refusal(await signInBy(device))).toEqual(WRONG);
  });
});
