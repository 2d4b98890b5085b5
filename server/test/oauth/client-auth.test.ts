import { createHmac, generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTHeaderParameters, type KeyObject, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { pruneAssertions, WRONG_PROOFS_PER_HOUR } from '../../src/applications/index.ts';
import { startBeside } from '../domains/installation.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { applicationAt, type MadeApplication, makeApplication } from './applying.ts';
import { type AuthServer, authServer, basic } from './client-auth.ts';
import { closeForms } from './form-server.ts';

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const HOUR_MS = 3_600_000;
const METHODS = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none'] as const;
type Method = (typeof METHODS)[number];

type SigningKey = KeyObject | CryptoKey | Uint8Array;

describe.each(DATABASES)('client authentication on %s', (database) => {
  const clock = manualClock();
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwks = { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'mine' }] };
  let server: TestServer;
  let auth: AuthServer;
  /** One application for each registered method; `any` says nothing. */
  const clients = {} as Record<Method | 'any', MadeApplication>;

  beforeAll(async () => {
    server = await startServer({ database, clock });
    auth = await authServer(server);
    for (const method of METHODS) {
      const type = method === 'none' ? 'native' : 'web';
      const keys = method === 'private_key_jwt' ? { jwks } : {};
      clients[method] = await makeApplication(server, { type, token_endpoint_auth_method: method, ...keys });
    }
    clients.any = await makeApplication(server);
  });
  afterAll(async () => {
    await closeForms();
    await stopServers();
  });

  // What is wrong is counted by the hour.
  beforeEach(() => clock.advance(HOUR_MS));

  const nowSeconds = () => Math.floor(clock.nowMs() / 1000);
  let lastJti = 0;

  const claimsFor = (client: string, changes: object = {}): Record<string, unknown> => {
    lastJti += 1;
    const now = nowSeconds();
    return { iss: client, sub: client, aud: server.issuer, jti: `j${lastJti}`, iat: now, exp: now + 60, ...changes };
  };
  const sign = (claims: object, key: SigningKey, header: JWTHeaderParameters): Promise<string> =>
    new SignJWT(claims as never).setProtectedHeader(header).sign(key);
  const secretKey = ({ client_secret }: MadeApplication) => new TextEncoder().encode(client_secret);

  const assertion = (client: MadeApplication, changes: object = {}, header: object = {}) =>
    client === clients.client_secret_jwt
      ? sign(claimsFor(client.id, changes), secretKey(client), { alg: 'HS256', ...header })
      : sign(claimsFor(client.id, changes), pair.privateKey, { alg: 'ES256', kid: 'mine', ...header });
  const postAssertion = (text: string, more: object = {}) =>
    auth.post({ client_assertion: text, client_assertion_type: JWT_BEARER, ...more });

  const refused = async (reply: Promise<{ status: number; json: { error: string } }>) => {
    const { status, json } = await reply;
    return [status, json.error];
  };
  const INVALID_CLIENT = [401, 'invalid_client'];

  /** Each way to prove a client, done right. */
  const PROOFS: Record<
    Method,
    (client: MadeApplication) => Promise<{ status: number; json: Record<string, unknown> }>
  > = {
    client_secret_basic: ({ id, client_secret }) => auth.post({}, basic(id, client_secret ?? '')),
    client_secret_post: ({ id, client_secret }) => auth.post({ client_id: id, client_secret: client_secret ?? 'none' }),
    client_secret_jwt: async (client) =>
      postAssertion(
        await sign(claimsFor(client.id), secretKey({ ...client, client_secret: client.client_secret ?? 'none' }), {
          alg: 'HS256',
        }),
      ),
    private_key_jwt: async (client) =>
      postAssertion(await sign(claimsFor(client.id), pair.privateKey, { alg: 'ES256', kid: 'mine' })),
    none: ({ id }) => auth.post({ client_id: id }),
  };

  test.each(METHODS)('%s: the registered method proves a client, and no other does (C3, C4)', async (registered) => {
    const client = clients[registered];
    for (const method of METHODS) {
      const { status, json } = await PROOFS[method](client);
      if (method === registered)
        expect([method, status, json]).toMatchObject([method, 200, { client_id: client.id, method }]);
      else expect([method, status, json.error]).toEqual([method, ...INVALID_CLIENT]);
    }
  });

  test('where none is registered, Basic and post are good, and nothing else', async () => {
    for (const method of METHODS) {
      const expected = method === 'client_secret_basic' || method === 'client_secret_post' ? 200 : 401;
      expect([method, (await PROOFS[method](clients.any)).status]).toEqual([method, expected]);
    }
  });

  describe('a request', () => {
    test('that proves a client in two ways is refused, also when both are right (C2)', async () => {
      const { id, client_secret: secret } = clients.any;
      const jwt = await assertion(clients.private_key_jwt);
      const both = { client_assertion: jwt, client_assertion_type: JWT_BEARER };
      for (const reply of [
        auth.post({ client_id: id, client_secret: secret }, basic(id, secret)),
        auth.post({ client_secret: secret }, basic(id, secret)),
        auth.post(both, basic(id, secret)),
        auth.post({ ...both, client_id: id, client_secret: secret }),
      ]) {
        expect(await refused(reply)).toEqual([400, 'invalid_request']);
      }
    });

    test('that names two clients is refused (C2)', async () => {
      const { id, client_secret: secret } = clients.any;
      expect((await auth.post({ client_id: id }, basic(id, secret))).status).toBe(200);
      expect(await refused(auth.post({ client_id: clients.none.id }, basic(id, secret)))).toEqual([
        400,
        'invalid_request',
      ]);
      const jwt = await assertion(clients.private_key_jwt);
      expect(await refused(postAssertion(jwt, { client_id: id }))).toEqual(INVALID_CLIENT);
      expect(
        (await postAssertion(await assertion(clients.private_key_jwt), { client_id: clients.private_key_jwt.id }))
          .status,
      ).toBe(200);
    });

    test('that names none, or nobody whom we know, is refused with a challenge', async () => {
      const unknown = `app_${'0'.repeat(24)}`;
      const { id, client_secret: secret } = clients.any;
      const replies = [
        await auth.post({}),
        await auth.post({ client_id: unknown }),
        await auth.post({ client_id: 'https://client.example/meta' }),
        await auth.post({ client_id: unknown, client_secret: secret }),
        await auth.post({}, basic(unknown, secret)),
        await auth.post({}, basic(id, clients.client_secret_post.client_secret)),
        await auth.post({}, basic(id, '')),
        await auth.post({}, basic(id, `${secret.slice(0, -1)}${secret.endsWith('0') ? '1' : '0'}`)),
        await auth.post({}, 'Basic'),
        await auth.post({}, 'Basic !!!'),
        await auth.post({}, `Basic ${Buffer.from('no colon').toString('base64')}`),
        await auth.post({}, `Basic ${Buffer.from([0xff, 0x3a, 0xff]).toString('base64')}`),
        await auth.post({}, `Basic ${Buffer.from('%zz:%zz').toString('base64')}`),
        await auth.post({}, `Bearer ${secret}`),
      ];
      for (const { status, headers, json } of replies) {
        expect([status, json.error]).toEqual(INVALID_CLIENT);
        expect(headers.get('www-authenticate')).toBe('Basic realm="latchkey", charset="UTF-8"');
      }
      // An unknown client and a wrong secret look alike.
      expect(new Set(replies.map(({ json }) => json.error_description)).size).toBe(1);
      expect(JSON.stringify(replies)).not.toContain(secret);
    });

    test('may encode id and secret as a form does (RFC 6749 §2.3.1)', async () => {
      const { id, client_secret: secret } = clients.any;
      const escaped = (text: string) => text.replace(/[_a]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
      expect((await auth.post({}, basic(escaped(id), escaped(secret)))).status).toBe(200);
      expect((await auth.post({}, basic(id, secret).replace('Basic', 'bASIC'))).status).toBe(200);
    });
  });

  describe('an assertion', () => {
    const jwtClients = () => [clients.private_key_jwt, clients.client_secret_jwt];

    test.each([
      ['the issuer in a list of one', () => ({ aud: [server.issuer] })],
      ['no iat', () => ({ iat: undefined })],
      ['an nbf that has come', () => ({ nbf: nowSeconds() })],
      ['clocks that differ by half a minute', () => ({ iat: nowSeconds() + 29, exp: nowSeconds() + 320 })],
      ['an end 29 seconds ago', () => ({ iat: nowSeconds() - 100, exp: nowSeconds() - 29 })],
    ])('with %s is good', async (_what, changes) => {
      for (const client of jwtClients()) {
        expect((await postAssertion(await assertion(client, changes()))).status).toBe(200);
      }
    });

    test.each([
      ['the token endpoint as aud', () => ({ aud: `${server.issuer}/oauth/token` })],
      ['another issuer as aud', () => ({ aud: 'https://other.example' })],
      ['a slash too much in aud', () => ({ aud: `${server.issuer}/` })],
      ['the issuer among others', () => ({ aud: [server.issuer, 'https://other.example'] })],
      ['the issuer twice', () => ({ aud: [server.issuer, server.issuer] })],
      ['an empty aud', () => ({ aud: [] })],
      ['no aud', () => ({ aud: undefined })],
    ])('with %s is refused (C5)', async (_what, changes) => {
      for (const client of jwtClients()) {
        expect(await refused(postAssertion(await assertion(client, changes())))).toEqual(INVALID_CLIENT);
      }
    });

    test.each([
      ['no exp', () => ({ exp: undefined })],
      ['an exp that is text', () => ({ exp: String(nowSeconds() + 60) })],
      ['an exp that is null', () => ({ exp: null })],
      ['an exp long ago', () => ({ iat: nowSeconds() - 100, exp: nowSeconds() - 31 })],
      ['over five minutes to live', () => ({ exp: nowSeconds() + 301 })],
      ['over five minutes to live, without iat', () => ({ iat: undefined, exp: nowSeconds() + 301 })],
      ['an iat long ago', () => ({ iat: nowSeconds() - 300, exp: nowSeconds() + 60 })],
      ['an iat in the future', () => ({ iat: nowSeconds() + 31 })],
      ['an nbf in the future', () => ({ nbf: nowSeconds() + 31 })],
      ['an nbf that is text', () => ({ nbf: 'now' })],
      ['no jti', () => ({ jti: undefined })],
      ['an empty jti', () => ({ jti: '' })],
      ['a jti that is a number', () => ({ jti: 7 })],
      ['a jti of 201 letters', () => ({ jti: 'j'.repeat(201) })],
      ['another iss', () => ({ iss: clients.any.id })],
      ['another sub', () => ({ sub: clients.any.id })],
      ['no sub', () => ({ sub: undefined })],
      ['an unknown client', () => ({ iss: `app_${'0'.repeat(24)}`, sub: `app_${'0'.repeat(24)}` })],
    ])('with %s is refused (C7)', async (_what, changes) => {
      for (const client of jwtClients()) {
        expect(await refused(postAssertion(await assertion(client, changes())))).toEqual(INVALID_CLIENT);
      }
    });

    test('that is refused for its own text is told what is wrong, whoever the client is', async () => {
      const now = nowSeconds();
      const cases: [object, string, RegExp][] = [
        [{ jti: undefined }, 'jti', /needs a jti/],
        [{ iat: now - 100, exp: now - 31 }, 'expired', /in the past/],
        [{ exp: now + 3600 }, 'exp_too_far', /300 seconds after iat/],
        [{ exp: undefined }, 'exp', /needs exp/],
        [{ iat: now + 60 }, 'not_yet', /in the future/],
        [{ aud: 'https://other.example' }, 'aud', new RegExp(`aud must be ${server.issuer} `)],
      ];
      const nobody = { ...clients.private_key_jwt, id: `app_${'0'.repeat(24)}` };
      for (const [changes, reason, words] of cases) {
        const told = [];
        for (const client of [...jwtClients(), nobody]) {
          const { status, json } = await postAssertion(await assertion(client, changes));
          expect([status, json.error]).toEqual(INVALID_CLIENT);
          expect(auth.refused.at(-1)).toEqual({ reason, client_id: null });
          told.push(json.error_description);
        }
        expect(new Set(told).size).toBe(1);
        expect(told[0]).toMatch(words);
      }
    });

    test('that its client did not sign, or signed before, is explained to the log alone', async () => {
      const client = clients.private_key_jwt;
      const { id } = client;
      const other = await generateKeyPair('ES256');
      const used = await assertion(client);
      expect((await postAssertion(used)).status).toBe(200);
      const cases: [Promise<string> | string, string, string | null][] = [
        [used, 'replayed', id],
        [assertion(client, {}, { kid: 'another' }), 'unknown_key', id],
        [sign(claimsFor(id), other.privateKey, { alg: 'ES256', kid: 'mine' }), 'signature', id],
        [sign(claimsFor(id), secretKey(clients.client_secret_jwt), { alg: 'HS256' }), 'alg', id],
        [assertion({ ...client, id: clients.any.id }), 'method', clients.any.id],
        [assertion({ ...client, id: `app_${'0'.repeat(24)}` }), 'unknown_client', null],
      ];
      const told = [];
      for (const [text, reason, client_id] of cases) {
        const { status, json } = await postAssertion(await text);
        expect([status, json.error]).toEqual(INVALID_CLIENT);
        expect(auth.refused.at(-1)).toEqual({ reason, client_id });
        told.push(json.error_description);
      }
      expect([...new Set(told)]).toEqual([expect.stringMatching(/^The client is unknown or did not prove itself/)]);
    });

    test.each([
      ['typ at+jwt', { typ: 'at+jwt' }],
      ['typ dpop+jwt', { typ: 'dpop+jwt' }],
    ])('with the header %s is refused', async (_what, header) => {
      for (const client of jwtClients()) {
        expect(await refused(postAssertion(await assertion(client, {}, header)))).toEqual(INVALID_CLIENT);
      }
    });

    test.each(['JWT', 'client-authentication+jwt'])('with typ %s is good', async (typ) => {
      for (const client of jwtClients())
        expect((await postAssertion(await assertion(client, {}, { typ }))).status).toBe(200);
    });

    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const hmac = (key: string | Buffer, claims: object, header: object = { alg: 'HS256' }) => {
      const input = `${encode(header)}.${encode(claims)}`;
      return `${input}.${createHmac('sha256', key).update(input).digest('base64url')}`;
    };

    test('under an algorithm that is not the method’s is refused (C8)', async () => {
      const { id } = clients.private_key_jwt;
      const pem = pair.publicKey.export({ format: 'pem', type: 'spki' });
      const der = pair.publicKey.export({ format: 'der', type: 'spki' });
      const claims = () => claimsFor(id);
      const unsigned = (alg: string) => `${encode({ alg })}.${encode(claims())}.`;
      const other = await generateKeyPair('ES256');
      const rsa = await generateKeyPair('RS256');
      const crit = { alg: 'ES256', kid: 'mine', crit: ['x'], x: 1 };
      const input = `${encode(crit)}.${encode(claims())}`;
      const texts = [
        unsigned('none'),
        unsigned('nOnE'),
        `${unsigned('none')}AAAA`,
        `${unsigned('ES256')}AAAA`,
        hmac(pem, claims()),
        hmac(` ${pem}`, claims()),
        hmac(der, claims()),
        hmac(JSON.stringify(jwks.keys[0]), claims()),
        hmac('', claims()),
        hmac(pem, claims(), { alg: 'ES256', kid: 'mine' }),
        await sign(claims(), other.privateKey, { alg: 'ES256', kid: 'mine' }),
        await sign(claims(), other.privateKey, { alg: 'ES256', jwk: await exportJWK(other.publicKey) }),
        await sign(claims(), rsa.privateKey, { alg: 'RS256', kid: 'mine' }),
        await sign(claims(), pair.privateKey, { alg: 'ES256', kid: 'other' }),
        `${input}.${Buffer.alloc(64).toString('base64url')}`,
        `${input}.AAAA`,
        'x.y.z',
        'x'.repeat(20_000),
      ];
      for (const text of texts) {
        expect(await refused(postAssertion(text))).toEqual(INVALID_CLIENT);
      }
      expect((await postAssertion(await sign(claims(), pair.privateKey, { alg: 'ES256' }))).status).toBe(200);
    });

    test.each(['ES384', 'ES512', 'RS256', 'RS512', 'PS256', 'EdDSA'])(
      'under %s is good where the key is one for it',
      async (alg) => {
        const own = await generateKeyPair(alg, { extractable: true });
        const keys = { keys: [{ ...(await exportJWK(own.publicKey)), kid: 'own' }] };
        const client = await makeApplication(server, { token_endpoint_auth_method: 'private_key_jwt', jwks: keys });
        const stranger = await generateKeyPair(alg);
        const by = async (key: SigningKey) => postAssertion(await sign(claimsFor(client.id), key, { alg, kid: 'own' }));
        expect((await by(own.privateKey)).status).toBe(200);
        expect(await refused(by(stranger.privateKey))).toEqual(INVALID_CLIENT);
      },
    );

    test('is signed with a living secret of the client’s own, under HS256 alone (C8)', async () => {
      const { id, client_secret: secret } = clients.client_secret_jwt;
      const others = clients.client_secret_post.client_secret;
      for (const text of [
        hmac(others, claimsFor(id)),
        hmac('', claimsFor(id)),
        hmac(secret.slice(0, -1), claimsFor(id)),
        hmac(secret, claimsFor(id), { alg: 'HS512' }),
        hmac(secret, claimsFor(id), { alg: 'none' }),
        await sign(claimsFor(id), pair.privateKey, { alg: 'ES256', kid: 'mine' }),
      ]) {
        expect(await refused(postAssertion(text))).toEqual(INVALID_CLIENT);
      }
      expect((await postAssertion(hmac(secret, claimsFor(id)))).json).toMatchObject({ method: 'client_secret_jwt' });
    });

    test.each([
      ['no type', { client_assertion_type: '' }],
      ['another type', { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' }],
      ['no assertion', { client_assertion: '' }],
    ])('with %s is invalid_request', async (_what, form) => {
      const text = await assertion(clients.private_key_jwt);
      expect(await refused(postAssertion(text, form))).toEqual([400, 'invalid_request']);
    });

    test('proves its client once, also when many present it at once (C6)', async () => {
      for (const client of jwtClients()) {
        const text = await assertion(client);
        const replies = await Promise.all(Array.from({ length: 20 }, () => postAssertion(text)));
        expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
        expect(replies.filter(({ status }) => status !== 200).every(({ json }) => json.error !== undefined)).toBe(true);
        const again = await assertion(client, { jti: 'the same', exp: nowSeconds() + 300 });
        expect((await postAssertion(again)).status).toBe(200);
        const signedAnew = await assertion(client, { jti: 'the same', exp: nowSeconds() + 200 });
        clock.advance(100_000);
        expect(await refused(postAssertion(again))).toEqual(INVALID_CLIENT);
        expect(await refused(postAssertion(signedAnew))).toEqual(INVALID_CLIENT);
      }
      // Its jti is its own: another client may have used it.
      const mine = await assertion(clients.private_key_jwt, { jti: 'of both' });
      const theirs = await assertion(clients.client_secret_jwt, { jti: 'of both' });
      expect([(await postAssertion(mine)).status, (await postAssertion(theirs)).status]).toEqual([200, 200]);
    });

    test('is remembered past its end, and then forgotten (O13)', async () => {
      const { database: db } = server.latchkey;
      const count = async () => (await db.read.selectFrom('client_assertions').select('jti_hash').execute()).length;
      await postAssertion(await assertion(clients.private_key_jwt));
      clock.advance(60_000 + 30_000 + 299_000);
      await pruneAssertions({ database: db, clock });
      expect(await count()).toBeGreaterThan(0);
      clock.advance(HOUR_MS);
      await pruneAssertions({ database: db, clock });
      expect(await count()).toBe(0);
    });
  });

  describe('keys at an address', () => {
    let web: Server;
    let uri: string;
    let published: object = jwks;
    beforeAll(async () => {
      web = createServer((_request, response) => response.end(JSON.stringify(published)));
      await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
      uri = `http://127.0.0.1:${(web.address() as AddressInfo).port}/jwks.json`;
    });
    afterAll(() => web.close());

    test('are read, and read again when the client has new ones', async () => {
      const client = await makeApplication(server, { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: uri });
      expect((await postAssertion(await assertion(client))).json).toMatchObject({ client_id: client.id });
      const next = await generateKeyPair('RS256');
      published = { keys: [{ ...(await exportJWK(next.publicKey)), kid: 'next' }] };
      clock.advance(31_000);
      const text = await sign(claimsFor(client.id), next.privateKey, { alg: 'RS256', kid: 'next' });
      expect((await postAssertion(text)).status).toBe(200);
      expect(await refused(postAssertion(await assertion(client)))).toEqual(INVALID_CLIENT);
    });
  });

  test('both of two secrets are good, and after the overlap only the new one (C22)', async () => {
    const client = await makeApplication(server);
    const by = async (secret: string) => (await auth.post({}, basic(client.id, secret))).status;
    clock.advance(5);
    const second = await applicationAt(server, `${client.id}/secrets`, { json: { overlap: '1h' } });
    const { client_secret: next, id } = second.json;
    expect([await by(client.client_secret), await by(next)]).toEqual([200, 200]);
    clock.advance(HOUR_MS - 1);
    expect([await by(client.client_secret), await by(next)]).toEqual([200, 200]);
    clock.advance(1);
    expect([await by(client.client_secret), await by(next)]).toEqual([401, 200]);
    await applicationAt(server, `${client.id}/secrets/${id}`, { method: 'DELETE' });
    expect(await by(next)).toBe(401);
  });

  test('when a secret was used last is written down', async () => {
    const client = await makeApplication(server);
    await auth.post({}, basic(client.id, client.client_secret));
    const usedAt = new Date(clock.nowMs()).toISOString();
    await auth.usage.flush();
    expect((await applicationAt(server, client.id)).json.secrets[0].last_used_at).toBe(usedAt);
  });

  test('who is disabled, suspended or gone proves nothing, at once', async () => {
    const client = await makeApplication(server);
    const by = () => auth.post({}, basic(client.id, client.client_secret));
    const suspend = (state: string) =>
      server.call(`/v1/workspaces/${server.workspaceId}`, { key: server.rootKey, method: 'PATCH', json: { state } });
    expect((await by()).status).toBe(200);
    await applicationAt(server, client.id, { method: 'PATCH', json: { state: 'disabled' } });
    expect(await refused(by())).toEqual(INVALID_CLIENT);
    await applicationAt(server, client.id, { method: 'PATCH', json: { state: 'active' } });
    expect((await by()).status).toBe(200);
    await suspend('suspended');
    expect(await refused(by())).toEqual(INVALID_CLIENT);
    await suspend('active');
    expect((await by()).status).toBe(200);
    await applicationAt(server, client.id, { method: 'DELETE' });
    expect(await refused(by())).toEqual(INVALID_CLIENT);
  });

  test('a flood of wrong secrets is told to wait; the real client goes on, from there and elsewhere (C10)', async () => {
    const client = await makeApplication(server);
    const other = await makeApplication(server);
    const wrong = other.client_secret;
    const params = new Map([
      ['client_id', client.id],
      ['client_secret', wrong],
    ]);
    const guess = (address: string) =>
      auth
        .authenticate({ authorization: undefined, params, address })
        .catch((error: { error?: string; code: string }) => error.error ?? error.code);
    const guesses = await Promise.all(Array.from({ length: WRONG_PROOFS_PER_HOUR + 5 }, () => guess('192.0.2.1')));
    expect(guesses.filter((code) => code === 'invalid_client')).toHaveLength(WRONG_PROOFS_PER_HOUR);
    expect(guesses.filter((code) => code === 'rate_limit_exceeded')).toHaveLength(5);
    const right = new Map([...params, ['client_secret', client.client_secret]]);
    for (const address of ['192.0.2.1', '198.51.100.1']) {
      await expect(auth.authenticate({ authorization: undefined, params: right, address })).resolves.toBeDefined();
    }
    expect(await guess('198.51.100.1')).toBe('invalid_client');
    expect(await guess('2001:db8::1')).toBe('invalid_client');
    clock.advance(HOUR_MS);
    expect(await guess('192.0.2.1')).toBe('invalid_client');
  });

  test('over HTTP the flood is 429 with Retry-After', async () => {
    const client = await makeApplication(server);
    const wrong = () => auth.post({ client_id: client.id, client_secret: 'wrong' });
    for (let turn = 0; turn < WRONG_PROOFS_PER_HOUR; turn += 1) expect((await wrong()).status).toBe(401);
    const { status, headers } = await wrong();
    expect([status, Number(headers.get('retry-after'))]).toEqual([429, 3600]);
  });
});

describe('two processes on one PostgreSQL', () => {
  afterAll(async () => {
    await closeForms();
    await stopServers();
  });

  test('take an assertion once between them (C6), and a retired secret no more within a second (C22)', async () => {
    const issuer = 'http://localhost:4000';
    const env = { LATCHKEY_ISSUER: issuer };
    const one = await startServer({ database: 'postgres', env });
    const two = await startBeside(one, env);
    const auths = await Promise.all([one, two].map(authServer));
    const client = await makeApplication(one, { token_endpoint_auth_method: 'client_secret_jwt' });
    const now = Math.floor(Date.now() / 1000);
    for (let round = 0; round < 10; round += 1) {
      const claims = { iss: client.id, sub: client.id, aud: issuer, jti: `r${round}`, iat: now, exp: now + 300 };
      const key = new TextEncoder().encode(client.client_secret);
      const text = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(key);
      const form = { client_assertion: text, client_assertion_type: JWT_BEARER };
      const turns = Array.from({ length: 6 }, (_, index) => auths[index % 2]?.post(form));
      const statuses = (await Promise.all(turns)).map((reply) => reply?.status);
      expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    }
    const plain = await makeApplication(one);
    const statuses = () =>
      Promise.all(auths.map(async (auth) => (await auth.post({}, basic(plain.id, plain.client_secret))).status));
    expect(await statuses()).toEqual([200, 200]);
    await applicationAt(one, `${plain.id}/secrets`, { json: { overlap: '0s' } });
    expect((await statuses())[0]).toBe(401);
    await vi.waitFor(async () => expect(await statuses()).toEqual([401, 401]), { timeout: 10_000 });
  });
});
