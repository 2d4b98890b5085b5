import { afterEach, describe, expect, test } from 'vitest';
import { twoServers, until } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { memberId, setRole } from '../login/logins.ts';
import { consented, newClient, refusal, type TestClient, token } from '../oauth/clients.ts';
import { newPerson, type Person } from '../people/browser.ts';
import { claimsOf } from '../tokens/issuing.ts';
import { claimsFor, register, SECRET, signJwt, verdictOf } from './issuing.ts';

afterEach(stopServers);

/** A JWT that an application signs itself, about somebody. */
const signed = (server: TestServer, { id, secret }: TestClient, sub: string, changes: object = {}) =>
  signJwt(secret ?? '', { alg: 'HS256' }, claimsFor(server, { iss: id, sub, ...changes }), 'HS256');

const newApp = (server: TestServer, fields: object = {}) => newClient(server, { self_signed_jwt: true, ...fields });

/** Somebody who lets an application read, and its JWT about that person. */
async function linked(server: TestServer) {
  const app = await newApp(server);
  const person = await newPerson(server);
  await consented(server, person, app, { scope: 'read' });
  return { app, person, jwt: signed(server, app, person.userId) };
}

async function grantOf(server: TestServer, { userId }: Person): Promise<{ id: string }> {
  const { json } = await server.call(`/v1/grants?user_id=${userId}`, { key: server.rootKey });
  return json.data[0];
}

const asRoot = (server: TestServer, path: string, method: string, json?: object) =>
  server.call(path, { key: server.rootKey, method, ...(json ? { json } : {}) });

const removeMember = async (server: TestServer, person: Person) =>
  asRoot(server, `/v1/members/${await memberId(server, person)}?workspace_id=${person.workspaceId}`, 'DELETE');

type End = (server: TestServer, person: Person) => Promise<{ status: number }>;

const ENDS: [string, End][] = [
  ['the grant withdrawn', async (at, person) => asRoot(at, `/v1/grants/${(await grantOf(at, person)).id}`, 'DELETE')],
  ['the user disabled', (at, { userId }) => asRoot(at, `/v1/users/${userId}`, 'PATCH', { state: 'disabled' })],
  ['the user deleted', (at, { userId }) => asRoot(at, `/v1/users/${userId}`, 'DELETE')],
  ['the user taken out of the workspace', removeMember],
  ['the workspace suspended', (at) => asRoot(at, `/v1/workspaces/${at.workspaceId}`, 'PATCH', { state: 'suspended' })],
];

describe.each(DATABASES)('a JWT of an application about a user of ours, on %s', (database) => {
  test('is one when that user has allowed the application something, and gets no more than that', async () => {
    const server = await startServer({ database, clock: manualClock() });
    const app = await newApp(server);
    const person = await newPerson(server);
    const jwt = signed(server, app, person.userId, { scope: 'read write delete' });
    expect(await verdictOf(server, jwt)).toBe('401 invalid_token');
    await consented(server, person, app, { scope: 'read' });
    const { json } = await server.call('/v1/auth/verify', { key: jwt });
    expect(json).toMatchObject({
      method: 'jwt',
      user_id: null,
      subject: person.userId,
      subject_issuer: app.id,
      client_id: app.id,
      scopes: ['read'],
    });
    // It speaks of the person, and is nobody's account.
    expect((await server.call('/v1/users/me', { key: jwt })).status).toBe(404);
    const other = await newApp(server);
    expect(await verdictOf(server, signed(server, other, person.userId))).toBe('401 invalid_token');
    const stranger = await newPerson(server);
    expect(await verdictOf(server, signed(server, app, stranger.userId))).toBe('401 invalid_token');
    const posing = person.userId.replace('usr_', 'USR_');
    expect(await verdictOf(server, signed(server, app, posing))).toBe('401 invalid_token');
    await register(server, { secret: SECRET });
    const theirs = signJwt(SECRET, { alg: 'HS256' }, claimsFor(server, { sub: person.userId }), 'HS256');
    expect(await verdictOf(server, theirs)).toBe('401 invalid_token');
  });

  test('is one for the resource of the grant alone', async () => {
    const server = await startServer({ database, clock: manualClock() });
    const audience = 'https://billing.example';
    await server.call('/v1/resources', { key: server.rootKey, json: { name: 'Billing', audience } });
    const app = await newApp(server, { resources: [`${server.issuer}/v1`, audience] });
    const person = await newPerson(server);
    await consented(server, person, app, { scope: 'read' });
    const elsewhere = signed(server, app, person.userId, { aud: audience, scope: 'openid' });
    expect(await verdictOf(server, elsewhere)).toBe('401 invalid_token');
    await consented(server, person, app, { scope: 'openid', resource: audience });
    expect(await verdictOf(server, elsewhere)).toBe('valid');
  });

  test.each(ENDS)('is refused at the next call: %s', async (_what, end) => {
    const server = await startServer({ database, clock: manualClock() });
    const { person, jwt } = await linked(server);
    expect([await verdictOf(server, jwt), await verdictOf(server, jwt)]).toEqual(['valid', 'valid']);
    expect((await end(server, person)).status).toBeLessThan(300);
    expect(await verdictOf(server, jwt)).toBe('401 invalid_token');
  });

  test('follows the role of the user, at the next call', async () => {
    const server = await startServer({ database, clock: manualClock() });
    const app = await newApp(server);
    const person = await newPerson(server);
    await consented(server, person, app, { scope: 'read write' });
    const jwt = signed(server, app, person.userId, { scope: 'read write' });
    const scopes = async () => (await server.call('/v1/auth/verify', { key: jwt })).json.scopes;
    expect(await scopes()).toEqual(['read', 'write']);
    await setRole(server, person, 'viewer');
    expect(await scopes()).toEqual(['read']);
  });

  test('as an assertion gives a token that ends with the grant, and resolves to no account', async () => {
    const server = await startServer({ database, clock: manualClock() });
    const grant_types = ['authorization_code', 'urn:ietf:params:oauth:grant-type:jwt-bearer'];
    const app = await newApp(server, { grant_types });
    const person = await newPerson(server);
    let count = 0;
    const give = () => {
      count += 1;
      const { iat } = claimsFor(server) as { iat: number };
      const about = { aud: server.issuer, exp: iat + 60, jti: `j${count}`, scope: 'read write' };
      const assertion = signed(server, app, person.userId, about);
      return token(server, app, { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion });
    };
    expect(refusal(await give())).toEqual([400, 'invalid_grant']);
    await consented(server, person, app, { scope: 'read' });
    const reply = await give();
    expect([reply.status, reply.json.scope]).toEqual([200, 'read']);
    const { access_token: text } = reply.json;
    const { id } = await grantOf(server, person);
    expect(claimsOf(text)).toMatchObject({ sub: person.userId, subject_issuer: app.id, grant_id: id });
    const { json } = await server.call('/v1/auth/verify', { key: text });
    expect(json).toMatchObject({ method: 'jwt', user_id: null, subject: person.userId, subject_issuer: app.id });
    await asRoot(server, `/v1/grants/${id}`, 'DELETE');
    expect(await verdictOf(server, text)).toBe('401 token_revoked');
    expect(refusal(await give())).toEqual([400, 'invalid_grant']);
    await consented(server, person, app, { scope: 'read' });
    const { access_token: second } = (await give()).json;
    expect(await verdictOf(server, second)).toBe('valid');
    await asRoot(server, `/v1/users/${person.userId}`, 'PATCH', { state: 'disabled' });
    expect(await verdictOf(server, second)).toBe('401 token_revoked');
  });
});

test.each(ENDS)('another process refuses it within a second: %s', async (_what, end) => {
  const [here, there] = await twoServers();
  const { person, jwt } = await linked(here);
  for (const server of [here, there]) expect(await verdictOf(server, jwt)).toBe('valid');
  await end(here, person);
  await until(async () => (await verdictOf(there, jwt)) === '401 invalid_token');
});
