import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';
import { afterEach, expect, test } from 'vitest';
import { MOST_STRANGERS_KEYS_AT_ONCE, STRANGERS_KEYS } from '../../src/applications/authentication/client-keys.ts';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { claimsFor, register as registerIssuer, signJwt, verdictOf } from '../trusted-issuers/issuing.ts';
import { newClient, post } from './clients.ts';
import { REDIRECT, register } from './registering.ts';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const MOST = STRANGERS_KEYS.perHour ?? 0;
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwks = { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'a' }] };
const closing: (() => void)[] = [];
afterEach(async () => {
  await stopServers();
  for (const close of closing.splice(0)) close();
});

type Answer = (response: ServerResponse) => void;
const withKeys: Answer = (response) => void response.end(JSON.stringify(jwks));
const broken: Answer = (response) => void response.writeHead(500).end();

/** Strangers' web server: which paths it was asked for, and how it answers. */
async function web() {
  const site = { asked: [] as string[], answer: withKeys, base: '' };
  const server = createServer((request, response) => {
    site.asked.push(request.url ?? '');
    site.answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  site.base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return site;
}

const clock = manualClock();
const start = () => startServer({ clock, env: { LATCHKEY_TRUST_PROXY: '1' } });
const from = (address: string) => ({ 'x-forwarded-for': address });

let registrations = 0;
/** One that registered itself, with keys at an address of its own. */
async function stranger(server: TestServer, base: string): Promise<string> {
  registrations += 1;
  const json = {
    redirect_uris: [REDIRECT],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: `${base}/${registrations}`,
  };
  const made = await register(server, json, { headers: from(`198.51.${registrations >> 8}.${registrations & 255}`) });
  expect(made.status, made.text).toBe(201);
  return made.json.client_id as string;
}

function assertionOf(server: TestServer, clientId: string, kid = 'a', key: KeyObject = pair.privateKey) {
  const now = Math.floor(clock.nowMs() / 1000);
  return new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: 'ES256', kid })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(server.issuer)
    .setIssuedAt(now)
    .setExpirationTime(now + 60)
    .sign(key);
}

/** What the token endpoint says to a client that proves itself and has no code: `invalid_grant` to who is believed. */
async function proves(server: TestServer, clientId: string, address: string, kid = 'a') {
  const form = {
    grant_type: 'authorization_code',
    code: 'none',
    redirect_uri: REDIRECT,
    client_assertion_type: ASSERTION_TYPE,
    client_assertion: await assertionOf(server, clientId, kid),
  };
  const { status, json, headers } = await post(server, '/oauth/token', form, { headers: from(address) });
  return { answer: `${status} ${json.error}`, retryAfter: headers.get('retry-after') };
}

const BELIEVED = '400 invalid_grant';

test('H7: one network has so many key sets of strangers read an hour; what is in memory costs nothing', async () => {
  const server = await start();
  const site = await web();
  const ids: string[] = [];
  for (let index = 0; index <= MOST; index += 1) ids.push(await stranger(server, site.base));
  const [first = '', last = ''] = [ids[0], ids.at(-1)];
  for (const id of ids.slice(0, MOST)) expect((await proves(server, id, '192.0.2.1')).answer).toBe(BELIEVED);
  expect(site.asked).toHaveLength(MOST);
  const refused = await proves(server, last, '192.0.2.1');
  expect(refused.answer).toMatch(/^429 /);
  expect(Number(refused.retryAfter)).toBeGreaterThan(0);
  expect(site.asked).toHaveLength(MOST);
  // What is known is used; the same client from elsewhere, and an operator's from there, go on.
  expect((await proves(server, first, '192.0.2.1')).answer).toBe(BELIEVED);
  expect((await proves(server, last, '203.0.113.9')).answer).toBe(BELIEVED);
  const fields = { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: `${site.base}/operators` };
  const operators = await newClient(server, fields);
  expect((await proves(server, operators.id, '192.0.2.1')).answer).toBe(BELIEVED);
  expect(site.asked.at(-1)).toBe('/operators');
});

test('H7: so many at once, for everybody', async () => {
  const server = await start();
  const site = await web();
  const waiting: ServerResponse[] = [];
  site.answer = (response) => void waiting.push(response);
  const ids: string[] = [];
  for (let index = 0; index <= MOST_STRANGERS_KEYS_AT_ONCE; index += 1) ids.push(await stranger(server, site.base));
  const under = ids.slice(0, -1).map((id, index) => proves(server, id, `203.0.113.${index}`));
  await expect.poll(() => waiting.length, { timeout: 10_000 }).toBe(MOST_STRANGERS_KEYS_AT_ONCE);
  const late = await proves(server, ids.at(-1) ?? '', '203.0.113.99');
  expect(late).toEqual({ answer: '503 temporarily_unavailable', retryAfter: '1' });
  site.answer = withKeys;
  for (const response of waiting) withKeys(response);
  expect((await Promise.all(under)).map(({ answer }) => answer)).toEqual(under.map(() => BELIEVED));
  expect((await proves(server, ids.at(-1) ?? '', '203.0.113.99')).answer).toBe(BELIEVED);
});

test('H7: keys that cannot be read count as a wrong proof: a flood ends in 429, and who can prove it goes on', async () => {
  const server = await start();
  const site = await web();
  site.answer = broken;
  const id = await stranger(server, site.base);
  const answers: string[] = [];
  for (let index = 0; index < 31; index += 1) answers.push((await proves(server, id, '192.0.2.1')).answer);
  expect(answers.slice(0, 30)).toEqual(Array.from({ length: 30 }, () => '503 temporarily_unavailable'));
  expect(answers[30]).toMatch(/^429 /);
  expect(site.asked).toHaveLength(1);
  site.answer = withKeys;
  clock.advance(30_000);
  expect((await proves(server, id, '192.0.2.1')).answer).toBe(BELIEVED);
});

test('H7: a JWT that names a stranger as its issuer has nothing read at the door', async () => {
  const server = await start();
  const site = await web();
  const id = await stranger(server, site.base);
  const key = await assertionOf(server, id);
  expect((await server.call('/v1/auth/verify', { key })).status).toBe(401);
  expect(site.asked).toEqual([]);
});

test('H7: keys of trusted issuers, of applications and of strangers are remembered apart, at the same address too', async () => {
  const server = await start();
  const site = await web();
  const id = await stranger(server, site.base);
  const uri = `${site.base}/${registrations}`;
  await registerIssuer(server, { jwks_uri: uri });
  const { id: own } = await newClient(server, { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: uri });
  const token = signJwt(pair.privateKey, { alg: 'ES256', kid: 'a' }, claimsFor(server));
  for (let round = 0; round < 2; round += 1) {
    expect(await verdictOf(server, token)).toBe('valid');
    for (const each of [id, own]) expect((await proves(server, each, '192.0.2.1')).answer).toBe(BELIEVED);
    expect(site.asked).toHaveLength(3);
  }
});
