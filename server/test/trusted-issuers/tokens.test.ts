import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  DATABASES,
  freshPostgres,
  type ManualClock,
  manualClock,
  startServer as startAny,
  stopServers,
  type TestServer,
  type TestServerOptions,
} from '../harness.ts';
import { claimsFor, Idp, ISSUER, register, SECRET, signJwt, verdictOf } from './issuing.ts';

type ClockedServer = TestServer & { clock: ManualClock };

const idps: Idp[] = [];
afterEach(async () => {
  for (const idp of idps.splice(0)) idp.stop();
  await stopServers();
});

async function startServer(options: TestServerOptions = {}): Promise<ClockedServer> {
  const clock = manualClock();
  return Object.assign(await startAny({ ...options, clock }), { clock });
}

async function newIdp(): Promise<Idp> {
  const idp = await new Idp().start();
  idps.push(idp);
  return idp;
}

const hs256 = (claims: object, header: object = {}) => signJwt(SECRET, { alg: 'HS256', ...header }, claims, 'HS256');

describe.each(DATABASES)('on %s', (database) => {
  test('a token of a registered issuer is a caller: found by its key set, with what its scopes allow', async () => {
    const server = await startServer({ database });
    const idp = (await newIdp()).addKey('k1').addKey('k2', 'RS256');
    const { id } = await register(server, { jwks_uri: idp.uri });
    const token = idp.sign('k1', claimsFor(server));
    const { status, json } = await server.call('/v1/auth/verify', { key: token });
    expect([status, json]).toEqual([
      200,
      {
        authenticated: true,
        user_id: null,
        subject: 'robot-7',
        subject_issuer: ISSUER,
        scopes: ['read'],
        expires_at: new Date((claimsFor(server).exp as number) * 1000).toISOString(),
        method: 'jwt',
        environment: 'test',
        workspace_id: server.workspaceId,
        client_id: null,
        credential_id: id,
      },
    ]);
    expect((await server.call('/v1/projects', { key: token })).status).toBe(200);
    const writing = await server.call('/v1/projects', { key: token, json: { name: 'x' } });
    expect([writing.status, writing.json.error]).toEqual([403, 'insufficient_scope']);
    expect(await verdictOf(server, idp.sign('k2', claimsFor(server)))).toBe('valid');
    expect(idp.asked).toHaveLength(1);
    await server.call(`/v1/trusted-issuers/${id}`, { method: 'DELETE', key: server.rootKey });
    expect(await verdictOf(server, token)).toBe('401 invalid_token');
  });

  test('an HS256 secret works without aud, and another process of the installation knows all of it', async () => {
    const env: Record<string, string> = database === 'postgres' ? { LATCHKEY_DATABASE_URL: await freshPostgres() } : {};
    const server = await startServer({ database, env });
    const { id, ...made } = await register(server, { secret: SECRET, audience: null });
    expect(made).toMatchObject({ has_secret: true, audience: null, algorithms: ['HS256'], jwks: null, jwks_uri: null });
    expect(JSON.stringify(made)).not.toContain(SECRET);
    const { aud: _, ...claims } = claimsFor(server);
    const token = hs256(claims);
    expect(await verdictOf(server, token)).toBe('valid');
    expect(await verdictOf(server, hs256(claimsFor(server)))).toBe('401 invalid_token');
    if (database === 'sqlite') return;
    const keys = { LATCHKEY_ENCRYPTION_KEYS: keysOf(server), LATCHKEY_ROOT_KEY: server.rootKey };
    const second = await startServer({ database, env: { ...env, ...keys, LATCHKEY_ISSUER: server.issuer } });
    expect(await verdictOf(second, token)).toBe('valid');
    await server.call(`/v1/trusted-issuers/${id}`, { method: 'DELETE', key: server.rootKey });
    await vi.waitFor(async () => expect(await verdictOf(second, token)).toBe('401 invalid_token'), { timeout: 10_000 });
  });
});

const keysOf = (server: TestServer) =>
  server.config.encryptionKeys.map(({ id, bytes }) => `${id}:${Buffer.from(bytes).toString('base64')}`).join(',');

describe('what a token is worth', () => {
  test('scopes: as a text, as a list, or in a claim of their own; unknown ones are passed over, wide ones cut', async () => {
    const server = await startServer();
    const { id } = await register(server, { secret: SECRET, scopes: ['read', 'write:projects'] });
    const scopesOf = async (claims: object) =>
      (await server.call('/v1/auth/verify', { key: hs256(claimsFor(server, { scope: undefined, ...claims })) })).json
        .scopes;
    expect(await scopesOf({})).toEqual([]);
    expect(await scopesOf({ scope: 'read' })).toEqual(['read']);
    expect(await scopesOf({ scopes: ['read', 7, null, 'write:projects'] })).toEqual(['read', 'write:projects']);
    expect(await scopesOf({ scope: 'read', scopes: ['write:projects'] })).toEqual(['read', 'write:projects']);
    expect(await scopesOf({ scope: 'read:projects nonsense  read:projects' })).toEqual(['read:projects']);
    expect(await scopesOf({ scope: 'admin' })).toEqual(['read', 'write:projects']);
    expect(await scopesOf({ scope: 'delete api_keys:write' })).toEqual([]);
    expect(await scopesOf({ scope: 'write' })).toEqual(['write:projects']);
    for (const scope of [7, null, {}, ['read'], true]) {
      expect(await scopesOf({ scope })).toEqual(Array.isArray(scope) ? ['read'] : []);
    }
    const patch = { method: 'PATCH', key: server.rootKey, json: { scope_claim: 'permissions' } };
    await server.call(`/v1/trusted-issuers/${id}`, patch);
    expect(await scopesOf({ scope: 'read', permissions: ['write:projects'] })).toEqual(['write:projects']);
    expect(await scopesOf({ scope: 'read', permissions: 'read' })).toEqual(['read']);
  });

  test('its subject is nobody here: not a user, not the owner of what others made, and no id of ours', async () => {
    const server = await startServer();
    await register(server, { secret: SECRET, scopes: ['read:own', 'write:own', 'read', 'write'] });
    await register(server, { issuer: 'other', secret: SECRET, scopes: ['read:own', 'write:own'] });
    const own = { scope: 'read:own write:own' };
    const token = hs256(claimsFor(server, own));
    expect((await server.call('/v1/projects', { key: token, json: { name: 'mine' } })).status).toBe(201);
    const seen = async (key: string) => (await server.call('/v1/projects', { key })).json.data.map(nameOf);
    expect(await seen(token)).toEqual(['mine']);
    expect(await seen(hs256(claimsFor(server, { ...own, jti: 'another' })))).toEqual(['mine']);
    expect(await seen(hs256(claimsFor(server, { ...own, iss: 'other' })))).toEqual([]);
    const { json: key } = await server.call('/v1/api-keys', {
      key: server.rootKey,
      json: { name: 'k', scopes: ['read:own', 'write:own'] },
    });
    await server.call('/v1/projects', { key: key.key, json: { name: 'of the key' } });
    expect(await seen(key.key)).toEqual(['of the key']);
    expect(await seen(hs256(claimsFor(server, { ...own, sub: key.id })))).toEqual([]);
    for (const sub of [`usr_${'0'.repeat(24)}`, 'usr_x', 'USR_x', `app_${'0'.repeat(24)}`]) {
      expect(await verdictOf(server, hs256(claimsFor(server, { sub })))).toBe('401 invalid_token');
    }
    for (const sub of [undefined, '', 7, null, 'a\u0000b', 'x'.repeat(256), ['robot'], {}]) {
      expect([sub, await verdictOf(server, hs256(claimsFor(server, { sub })))]).toEqual([sub, '401 invalid_token']);
    }
  });

  test('F14: clocks may differ by thirty seconds, both ways; a token that was remembered ends like any other', async () => {
    const server = await startServer();
    await register(server, { secret: SECRET });
    const now = server.clock.nowMs() / 1000;
    const at = (changes: object) => verdictOf(server, hs256(claimsFor(server, changes)));
    expect(await at({ iat: now + 30 })).toBe('valid');
    expect(await at({ iat: now + 31 })).toBe('401 invalid_token');
    expect(await at({ nbf: now + 30 })).toBe('valid');
    expect(await at({ nbf: now + 31 })).toBe('401 invalid_token');
    expect(await at({ iat: now - 600, exp: now - 29 })).toBe('valid');
    expect(await at({ iat: now - 600, exp: now - 30 })).toBe('401 token_expired');
    expect(await at({ iat: now - 600.5, exp: now + 0.5 })).toBe('valid');
    const token = hs256(claimsFor(server));
    expect(await verdictOf(server, token)).toBe('valid');
    server.clock.advance(629_999);
    expect(await verdictOf(server, token)).toBe('valid');
    server.clock.advance(1);
    expect(await verdictOf(server, token)).toBe('401 token_expired');
  });

  test('its resource: the one with its audience, one that accepts it, one that was named; a token is for that alone', async () => {
    const server = await startServer();
    const resource = async (json: object) =>
      (await server.call('/v1/resources', { key: server.rootKey, json: { name: 'r', ...json } })).json;
    const billing = await resource({ audience: 'https://billing.example', accepted_audiences: ['billing-legacy'] });
    await register(server, { secret: SECRET, audience: 'https://billing.example' });
    const gate = (token: string, name: string) =>
      server.call(`/v1/gate?resource=${encodeURIComponent(name)}`, { key: token });
    for (const aud of [
      'https://billing.example',
      'billing-legacy',
      ['x', 'https://billing.example'],
      ['billing-legacy'],
    ]) {
      const token = hs256(claimsFor(server, { aud }));
      expect([aud, (await gate(token, 'https://billing.example')).status]).toEqual([aud, 200]);
      expect([aud, (await gate(token, `${server.issuer}/v1`)).status]).toEqual([aud, 401]);
      expect([aud, await verdictOf(server, token)]).toEqual([aud, 'valid']);
      expect([aud, await verdictOf(server, token, '/v1/projects')]).toEqual([aud, '401 invalid_token']);
    }
    for (const aud of [
      'https://billing.example/',
      'HTTPS://billing.example',
      'billing',
      '',
      [],
      [7],
      null,
      { a: 1 },
      undefined,
    ]) {
      const token = hs256(claimsFor(server, { aud }));
      expect([aud, await verdictOf(server, token)]).toEqual([aud, '401 invalid_token']);
    }
    const named = await register(server, {
      issuer: 'named',
      secret: SECRET,
      audience: 'elsewhere',
      resource: billing.id,
    });
    expect(named.resource).toBe('https://billing.example');
    const token = hs256(claimsFor(server, { iss: 'named', aud: 'elsewhere' }));
    expect((await gate(token, 'https://billing.example')).status).toBe(200);
    await server.call(`/v1/resources/${billing.id}`, { method: 'DELETE', key: server.rootKey });
    expect(await verdictOf(server, token)).toBe('401 invalid_token');
  });

  test('limits: each subject by itself, all of an issuer together; the headers tell of them', async () => {
    const server = await startServer({ limits: 'real' });
    const plan = { jwt: { per_hour: 2, per_second: null } };
    await server.call('/v1/plans/standard', { method: 'PATCH', key: server.rootKey, json: plan });
    await register(server, { secret: SECRET });
    const use = async (sub: string, jti: number) =>
      server.call('/v1/projects', { key: hs256(claimsFor(server, { sub, jti: String(jti) })) });
    const first = await use('a', 1);
    expect([first.status, first.headers.get('x-ratelimit-limit')]).toEqual([200, '2']);
    expect(first.headers.get('x-ratelimit-remaining')).toBe('1');
    expect([(await use('a', 2)).status, (await use('a', 3)).status, (await use('b', 1)).status]).toEqual([
      200, 429, 200,
    ]);
    // Ten subjects' worth for all together: 20, of which 3 are spent.
    const answers = await Promise.all(Array.from({ length: 30 }, (_, at) => use(`s${at}`, at)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(17);
    const refused = answers.find(({ status }) => status === 429);
    expect([refused?.headers.get('x-ratelimit-limit'), refused?.json.error]).toEqual(['20', 'rate_limit_exceeded']);
    server.clock.advance(3_600_000);
    expect((await use('s29', 0)).status).toBe(200);
  });

  test('a live issuer makes live callers; a suspended workspace has none', async () => {
    const server = await startServer();
    await register(server, { secret: SECRET, environment: 'live' });
    const token = hs256(claimsFor(server));
    const { json } = await server.call('/v1/auth/verify', { key: token });
    expect(json.environment).toBe('live');
    expect((await server.call('/v1/gate?environment=test', { key: token })).status).toBe(403);
    const suspend = { method: 'PATCH', key: server.rootKey, json: { state: 'suspended' } };
    await server.call(`/v1/workspaces/${server.workspaceId}`, suspend);
    expect(await verdictOf(server, token)).toBe('401 invalid_token');
  });
});

describe('keys over time', () => {
  test('a new key is found, a dropped one refused within minutes, an outage outlived; a flood of kids asks once', async () => {
    // Memory answers although the clock leaps: what is remembered is the matter here.
    const server = await startServer({ env: { LATCHKEY_MAX_STALE: '1h' } });
    const idp = (await newIdp()).addKey('old');
    await register(server, { jwks_uri: idp.uri });
    const long = { exp: server.clock.nowMs() / 1000 + 36_000 };
    const old = idp.sign('old', claimsFor(server, long));
    expect(await verdictOf(server, old)).toBe('valid');
    const forged = Array.from({ length: 60 }, (_, at) =>
      signJwt(SECRET, { alg: 'ES256', kid: `x${at}` }, claimsFor(server), 'HS256'),
    );
    const verdicts = await Promise.all(forged.map((text) => verdictOf(server, text)));
    expect([new Set(verdicts), idp.asked.length]).toEqual([new Set(['401 invalid_token']), 1]);

    idp.keys.delete('old');
    idp.addKey('new');
    server.clock.advance(30_000);
    expect(await verdictOf(server, idp.sign('new', claimsFor(server)))).toBe('valid');
    expect(idp.asked).toHaveLength(2);
    // Believed for five minutes from when it was verified, and not a moment longer.
    server.clock.advance(5 * 60_000 - 30_001);
    expect(await verdictOf(server, old)).toBe('valid');
    server.clock.advance(1);
    expect(await verdictOf(server, old)).toBe('401 invalid_token');

    idp.status = 503;
    server.clock.advance(3_600_000);
    expect(await verdictOf(server, idp.sign('new', claimsFor(server, { jti: 'later' })))).toBe('valid');
    expect(server.logLines.some((line) => line.includes('cannot be read'))).toBe(true);
  });

  test('keys that never could be read are 503, which blames nobody', async () => {
    const server = await startServer();
    const idp = (await newIdp()).addKey('k');
    idp.status = 500;
    await register(server, { jwks_uri: idp.uri });
    const token = idp.sign('k', claimsFor(server));
    const reply = await server.call('/v1/auth/verify', { key: token });
    expect([reply.status, reply.json.error, reply.headers.get('retry-after')]).toEqual([503, 'unavailable', '30']);
    await server.call('/v1/auth/verify', { key: token });
    expect(idp.asked).toHaveLength(1);
  });

  test('other keys, algorithms or a secret for the same issuer count from the next call on', async () => {
    const server = await startServer();
    const idp = (await newIdp()).addKey('k').addKey('p', 'PS256').addKey('e', 'EdDSA').addKey('l', 'ES384');
    const { id } = await register(server, { secret: SECRET });
    const token = hs256(claimsFor(server));
    expect(await verdictOf(server, token)).toBe('valid');
    const change = (json: object) =>
      server.call(`/v1/trusted-issuers/${id}`, { method: 'PATCH', key: server.rootKey, json });
    expect((await change({ secret: `${SECRET}!` })).json).toMatchObject({ has_secret: true, algorithms: ['HS256'] });
    expect(await verdictOf(server, token)).toBe('401 invalid_token');
    const swapped = await change({ jwks_uri: idp.uri });
    expect(swapped.json).toMatchObject({ has_secret: false, jwks_uri: idp.uri, algorithms: ['ES256', 'RS256'] });
    expect(await verdictOf(server, idp.sign('k', claimsFor(server)))).toBe('valid');
    for (const kid of ['p', 'e', 'l']) {
      expect(await verdictOf(server, idp.sign(kid, claimsFor(server)))).toBe('401 invalid_token');
    }
    await change({ algorithms: ['PS256', 'EdDSA', 'ES384'] });
    for (const kid of ['p', 'e', 'l'])
      expect([kid, await verdictOf(server, idp.sign(kid, claimsFor(server)))]).toEqual([kid, 'valid']);
    expect(await verdictOf(server, idp.sign('k', claimsFor(server)))).toBe('401 invalid_token');
  });
});

const nameOf = ({ name }: { name: string }) => name;
