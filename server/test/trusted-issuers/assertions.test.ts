import { afterEach, describe, expect, test } from 'vitest';
import type { AssertionRequest, VerifiedAssertion } from '../../src/trusted-issuers/index.ts';
import {
  DATABASES,
  type DatabaseName,
  freshPostgres,
  type ManualClock,
  manualClock,
  startServer as startAny,
  stopServers,
  type TestServer,
} from '../harness.ts';
import { mint } from '../tokens/issuing.ts';
import { claimsFor, Idp, ISSUER, register, SECRET, signJwt } from './issuing.ts';

const idps: Idp[] = [];
afterEach(async () => {
  for (const idp of idps.splice(0)) idp.stop();
  await stopServers();
});

interface Setting {
  server: TestServer & { clock: ManualClock };
  client: { client_id: string; client_secret: string };
  idp: Idp;
  request: AssertionRequest;
  /** Signed by the application, or by the issuer, for our issuer, for a minute. */
  own(changes?: object, header?: object): string;
  theirs(changes?: object, header?: object): string;
  /** `verified`, or why it was refused. */
  outcome(text: string, changes?: Partial<AssertionRequest>): Promise<string>;
  verified(text: string): Promise<VerifiedAssertion>;
}

async function setUp(database: DatabaseName = 'sqlite', env: Record<string, string> = {}): Promise<Setting> {
  const clock = manualClock();
  const server = Object.assign(await startAny({ database, clock, env }), { clock });
  const json = { name: 'robot', type: 'service', scopes: ['read', 'write'], self_signed_jwt: true };
  const client = (await server.call('/v1/applications', { key: server.rootKey, json })).json;
  const idp = (await new Idp().start()).addKey('k1');
  idps.push(idp);
  await register(server, { jwks_uri: idp.uri, scopes: ['read'] });
  const application = { id: client.client_id, workspaceId: server.workspaceId, environment: 'test' } as const;
  const request = { application, audience: null };
  const claims = (changes: object) => {
    const { scope: _, ...rest } = claimsFor(server, { aud: server.issuer, exp: clock.nowMs() / 1000 + 60 });
    return { ...rest, jti: 'one', ...changes };
  };
  const { trustedIssuers } = server.latchkey;
  const verify = (text: string, changes: Partial<AssertionRequest> = {}) =>
    trustedIssuers.verifyAssertion(text, { ...request, ...changes });
  return {
    server,
    client,
    idp,
    request,
    own: (changes = {}, header = {}) => {
      const { client_id: iss, client_secret: secret } = client;
      return signJwt(secret, { alg: 'HS256', ...header }, claims({ iss, sub: iss, ...changes }), 'HS256');
    },
    theirs: (changes = {}, header = {}) => idp.sign('k1', claims(changes), header),
    outcome: async (text, changes) => {
      const result = await verify(text, changes);
      return result.outcome === 'verified' ? 'verified' : result.reason;
    },
    verified: async (text) => {
      const result = await verify(text);
      if (result.outcome === 'refused') throw new Error(result.reason);
      return result.assertion;
    },
  };
}

test('an assertion of the application or of a trusted issuer says who, for which resource, with which scopes', async () => {
  const { server, client, own, theirs, verified } = await setUp();
  expect(await verified(own())).toMatchObject({
    kind: 'self_issued',
    issuerId: client.client_id,
    subject: client.client_id,
    userId: null,
    workspaceId: server.workspaceId,
    environment: 'test',
    audience: null,
    scopes: ['read', 'write'],
  });
  expect(await verified(theirs())).toMatchObject({
    kind: 'trusted',
    issuer: ISSUER,
    subject: 'robot-7',
    audience: `${server.issuer}/v1`,
    scopes: ['read'],
  });
  expect((await verified(own({ scope: 'read admin' }))).scopes).toEqual(['read', 'write']);
  expect((await verified(theirs({ scopes: ['read:projects', 'write'] }))).scopes).toEqual(['read:projects']);
});

test('C5, C7: it is for our issuer alone, lives shortly, and is nobody else’s', async () => {
  const { server, client, own, theirs, outcome, request } = await setUp();
  const now = server.clock.nowMs() / 1000;
  for (const make of [own, theirs]) {
    expect(await outcome(make())).toBe('verified');
    expect(await outcome(make({ aud: [server.issuer] }))).toBe('verified');
    const others = [
      `${server.issuer}/`,
      `${server.issuer}/oauth/token`,
      `${server.issuer}/v1`,
      'x',
      undefined,
      [],
      null,
    ];
    for (const aud of [...others, [server.issuer, 'x'], [server.issuer, server.issuer]]) {
      expect([aud, await outcome(make({ aud }))]).toEqual([aud, expect.stringContaining('aud')]);
    }
    expect(await outcome(make({ exp: undefined }))).toContain('exp');
    expect(await outcome(make({ iat: now - 100, exp: now - 31 }))).toContain('expired');
    expect(await outcome(make({ nbf: now + 31 }))).toContain('future');
    expect(await outcome(make({ jti: 7 }))).toContain('jti');
    expect(await outcome(make({ sub: undefined }))).toContain('sub');
    // Whether that user has allowed the application something is asked when it is exchanged (linked-subjects.test.ts).
    const user = { sub: `usr_${'0'.repeat(24)}` };
    expect(await outcome(make(user))).toContain(make === own ? 'verified' : 'sub');
    expect(await outcome(make({ cnf: {} }))).toContain('cnf');
    expect(await outcome(make({}, { crit: ['x'] }))).toContain('extension');
    expect(await outcome(make({ x: 'x'.repeat(20_000) }))).toContain('compact form');
    expect(await outcome(`${make()}A`)).not.toBe('verified');
  }
  expect(await outcome(own({ exp: now + 300 }))).toBe('verified');
  expect(await outcome(own({ exp: now + 301 }))).toContain('300 seconds');
  expect(await outcome(own({ iat: undefined, exp: now + 331 }))).toContain('300 seconds');
  expect(await outcome(theirs({ exp: now + 3600 }))).toBe('verified');
  expect(await outcome(theirs({ exp: now + 3601 }))).toContain('3600 seconds');
  const stranger = { ...request.application, id: `app_${'0'.repeat(24)}` };
  expect(await outcome(own(), { application: stranger })).toContain('not registered');
  expect(await outcome(theirs(), { application: { ...stranger, workspaceId: `ws_${'0'.repeat(24)}` } })).toContain(
    'not registered',
  );
  expect(await outcome(theirs(), { application: { ...stranger, environment: 'live' } })).toContain('not registered');
  expect(await outcome(theirs(), { audience: 'https://elsewhere.example' })).toContain('not registered');
  expect(await outcome(theirs(), { audience: `${server.issuer}/v1` })).toBe('verified');
  const disabled = { method: 'DELETE', key: server.rootKey };
  await server.call(`/v1/applications/${client.client_id}`, disabled);
  expect(await outcome(own())).toContain('unknown or disabled');
});

test('kinds never mix: no access token is an assertion, and no assertion a credential', async () => {
  const { server, own, theirs, outcome } = await setUp();
  expect(await outcome(mint(server))).toContain('typ');
  for (const make of [own, theirs]) {
    for (const typ of ['at+jwt', 'application/at+jwt', 'logout+jwt', 'dpop+jwt', 'client-authentication+jwt', '']) {
      expect([typ, await outcome(make({}, { typ }))]).toEqual([typ, expect.stringContaining('typ')]);
    }
    expect(await outcome(make({}, { typ: 'authorization-grant+jwt' }))).toBe('verified');
    const asKey = await server.call('/v1/auth/verify', { key: make() });
    expect([asKey.status, asKey.json.error]).toEqual([401, 'invalid_token']);
  }
  for (const text of ['', 'x', 'a.b.c', 'a'.repeat(100_000), 'null.null.null', '..', SECRET]) {
    expect(await outcome(text)).toContain('no JWT');
  }
});

describe.each(DATABASES)('C6, on %s', (database) => {
  test('it is used once, by one of many at once and of two processes, and kept past its validity', async () => {
    const env: Record<string, string> = database === 'postgres' ? { LATCHKEY_DATABASE_URL: await freshPostgres() } : {};
    const { server, own, theirs, verified } = await setUp(database, env);
    const servers = [server];
    if (database === 'postgres') {
      const keys = server.config.encryptionKeys
        .map(({ id, bytes }) => `${id}:${Buffer.from(bytes).toString('base64')}`)
        .join(',');
      const more = {
        LATCHKEY_ENCRYPTION_KEYS: keys,
        LATCHKEY_ROOT_KEY: server.rootKey,
        LATCHKEY_ISSUER: server.issuer,
      };
      const clock = server.clock;
      servers.push(Object.assign(await startAny({ database, clock, env: { ...env, ...more } }), { clock }));
    }
    const use = (assertion: VerifiedAssertion, at = 0) => {
      const { database: rows, trustedIssuers } = (servers[at % servers.length] as TestServer).latchkey;
      return rows.write((tx) => trustedIssuers.useAssertion(tx, assertion));
    };
    const one = await verified(own());
    const won = await Promise.all(Array.from({ length: 20 }, (_, at) => use(one, at)));
    expect(won.filter(Boolean)).toHaveLength(1);
    // The same jti again, under another signature; another's jti is another; without one the very content counts.
    expect(await use(await verified(own({ scope: 'read' })))).toBe(false);
    expect(await use(await verified(theirs()))).toBe(true);
    expect(await use(await verified(theirs({ jti: undefined })))).toBe(true);
    expect(await use(await verified(theirs({ jti: undefined })))).toBe(false);
    expect(await use(await verified(theirs({ jti: undefined, nonce: 1 })))).toBe(true);
    // What an application signs for itself is kept with what proves it; the rest here.
    const kept = async () =>
      (await server.latchkey.database.read.selectFrom('used_assertions').selectAll().execute()).length;
    expect(await kept()).toBe(3);
    server.clock.advance(60_000 + 30_000 + 5 * 60_000);
    await server.latchkey.trustedIssuers.prune();
    expect(await kept()).toBe(3);
    server.clock.advance(1);
    await server.latchkey.trustedIssuers.prune();
    expect(await kept()).toBe(0);
  });
});

test('keys that cannot be read are no refusal', async () => {
  const { server, idp, theirs } = await setUp();
  idp.status = 500;
  const application = { id: 'x', workspaceId: server.workspaceId, environment: 'test' } as const;
  const verifying = server.latchkey.trustedIssuers.verifyAssertion(theirs(), { application, audience: null });
  await expect(verifying).rejects.toMatchObject({ code: 'unavailable' });
});
