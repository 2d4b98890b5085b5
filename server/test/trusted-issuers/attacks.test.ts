import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CompactEncrypt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ManualClock, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { claimsFor, encode, Idp, ISSUER, register, SECRET, signJwt, verdictOf } from './issuing.ts';

type Claims = Record<string, unknown>;

/** Somebody whose tokens are accepted, and who signs whatever a test says. */
interface Signer {
  name: string;
  alg: string;
  key: KeyObject | string;
  /** What an honest header and payload of it say. */
  header: Claims;
  claims(changes?: object): Claims;
}

let server: TestServer & { clock: ManualClock };
let idp: Idp;
let signers: Signer[];

async function makeApplication(json: object): Promise<{ client_id: string; client_secret: string }> {
  const body = { name: 'robot', type: 'service', scopes: ['read'], self_signed_jwt: true, ...json };
  const reply = await server.call('/v1/applications', { key: server.rootKey, json: body });
  if (reply.status !== 201) throw new Error(reply.text);
  return reply.json;
}

beforeAll(async () => {
  const clock = manualClock();
  server = Object.assign(await startServer({ clock }), { clock });
  idp = (await new Idp().start()).addKey('k1').addKey('k2', 'RS256').addKey('k3', 'EdDSA');
  await register(server, { jwks_uri: idp.uri, algorithms: ['ES256', 'RS256', 'EdDSA'] });
  await register(server, { issuer: 'by-secret', secret: SECRET });
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kid: 'own' };
  const byKey = await makeApplication({ token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } });
  const bySecret = await makeApplication({});
  const of = (iss: string, sub: string) => (changes?: object) => claimsFor(server, { iss, sub, ...changes });
  const keyOf = (kid: string) => idp.keys.get(kid)?.privateKey as KeyObject;
  const { client_id: byKeyId } = byKey;
  const { client_id: bySecretId } = bySecret;
  signers = [
    { name: 'ES256', alg: 'ES256', key: keyOf('k1'), header: { alg: 'ES256', kid: 'k1' }, claims: of(ISSUER, 'r') },
    { name: 'RS256', alg: 'RS256', key: keyOf('k2'), header: { alg: 'RS256', kid: 'k2' }, claims: of(ISSUER, 'r') },
    { name: 'EdDSA', alg: 'EdDSA', key: keyOf('k3'), header: { alg: 'EdDSA', kid: 'k3' }, claims: of(ISSUER, 'r') },
    { name: 'HS256', alg: 'HS256', key: SECRET, header: { alg: 'HS256' }, claims: of('by-secret', 'r') },
    {
      name: 'an application by key',
      alg: 'ES256',
      key: pair.privateKey,
      header: { alg: 'ES256', kid: 'own' },
      claims: of(byKeyId, byKeyId),
    },
    {
      name: 'an application by secret',
      alg: 'HS256',
      key: bySecret.client_secret,
      header: { alg: 'HS256', typ: 'JWT' },
      claims: of(bySecretId, bySecretId),
    },
  ];
});
afterAll(async () => {
  idp.stop();
  await stopServers();
});

const good = ({ key, header, claims, alg }: Signer, changes: object = {}, more: object = {}) =>
  signJwt(key, { ...header, ...more }, claims(changes), alg);

async function refuseAll(texts: Record<string, string>, code = '401 invalid_token'): Promise<void> {
  for (const [name, text] of Object.entries(texts)) {
    expect([name, await verdictOf(server, text)]).toEqual([name, code]);
  }
}

/** All three parts of a token, of which some are replaced. */
function splice(text: string, parts: { header?: string; payload?: string; signature?: string }): string {
  const [h, p, s] = text.split('.');
  return [parts.header ?? h, parts.payload ?? p, parts.signature ?? s].join('.');
}

const eachSigner = (run: (signer: Signer) => Promise<void>) => async () => {
  for (const signer of signers) await run(signer);
};

test(
  'what the signers sign honestly is accepted: the rest is refused for what is wrong with it alone',
  eachSigner(async (signer) => {
    for (const typ of [undefined, 'JWT', 'jwt', 'application/jwt', 'at+jwt']) {
      expect([signer.name, typ, await verdictOf(server, good(signer, {}, { typ }))]).toEqual([
        signer.name,
        typ,
        'valid',
      ]);
    }
  }),
);

test(
  'F1: no algorithm, in any spelling, and signatures that are none, are refused',
  eachSigner(async (signer) => {
    const text = good(signer);
    const texts: Record<string, string> = {};
    for (const alg of ['none', 'None', 'nOnE', 'NONE', '', null, 7, ['ES256'], undefined]) {
      for (const signature of ['', 'AA', text.split('.')[2] ?? '']) {
        texts[`${alg}/${signature.length}`] = splice(text, { header: encode({ ...signer.header, alg }), signature });
      }
    }
    await refuseAll({
      ...texts,
      empty: splice(text, { signature: '' }),
      unsigned: text.slice(0, text.lastIndexOf('.')),
    });
  }),
);

test('F2: a public key is never an HMAC secret, whatever its spelling', async () => {
  for (const signer of signers.filter(({ alg }) => alg !== 'HS256')) {
    const kid = String(signer.header.kid);
    const publicKey = idp.keys.get(kid)?.publicKey;
    const jwk = publicKey?.export({ format: 'jwk' });
    const pem = publicKey?.export({ format: 'pem', type: 'spki' }) as string | undefined;
    const der = publicKey?.export({ format: 'der', type: 'spki' });
    const secrets = [
      pem,
      ` ${pem}`,
      `\n${pem}`,
      pem?.trim(),
      der,
      JSON.stringify(jwk),
      JSON.stringify({ keys: [jwk] }),
      '',
    ];
    const input = `${encode({ alg: 'HS256', kid })}.${encode(signer.claims())}`;
    const texts = secrets.map(
      (secret) =>
        `${input}.${createHmac('sha256', secret ?? '')
          .update(input)
          .digest('base64url')}`,
    );
    await refuseAll(Object.fromEntries(texts.map((text, at) => [`${signer.name} ${at}`, text])));
  }
});

test('F3, F5: another algorithm than the key is for, a kid that nobody published, and one of another issuer', async () => {
  const [es, rs] = signers as [Signer, Signer, Signer];
  await refuseAll({
    'RS512 with the RSA key': signJwt(rs.key, { alg: 'RS512', kid: 'k2' }, rs.claims(), 'RS512'),
    'PS256 with the RSA key': signJwt(rs.key, { alg: 'PS256', kid: 'k2' }, rs.claims(), 'PS256'),
    'RS256 named by the EC key': signJwt(rs.key, { alg: 'RS256', kid: 'k1' }, rs.claims(), 'RS256'),
    'unknown kid': good(es, {}, { kid: 'nobody' }),
    'kid of an application': good(es, {}, { kid: 'own' }),
    'kid is a path': good(es, {}, { kid: '../../k1' }),
    'kid is a list': good(es, {}, { kid: ['k1'] }),
    'kid is empty': good(es, {}, { kid: '' }),
  });
});

test('F4: keys and addresses in the header are not looked at, and nothing is asked of them', async () => {
  const asked: string[] = [];
  const trap = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end('{"keys":[]}');
  });
  await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(trap.address() as AddressInfo).port}/`;
  const forger = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = forger.publicKey.export({ format: 'jwk' });
  for (const signer of signers) {
    const header = { ...signer.header, jwk, jku: `${url}jku`, x5u: `${url}x5u`, x5c: ['AAAA'] };
    const forged = signJwt(forger.privateKey, { ...header, alg: 'ES256' }, signer.claims(), 'ES256');
    expect([signer.name, await verdictOf(server, forged)]).toEqual([signer.name, '401 invalid_token']);
    expect([signer.name, await verdictOf(server, good(signer, {}, { jku: url, x5u: url, x5t: 'AA' }))]).toEqual([
      signer.name,
      'valid',
    ]);
  }
  trap.close();
  expect(asked).toEqual([]);
});

test('F8, F11: iss is compared byte for byte, and before anything is fetched', async () => {
  const before = idp.asked.length;
  const [es] = signers as [Signer];
  const names = [
    'https://idp.example',
    'https://IDP.example/',
    'https://idp.example//',
    ' https://idp.example/',
    'idp.example',
  ];
  const strange = [
    undefined,
    null,
    7,
    {},
    [ISSUER],
    '',
    `${ISSUER}\u0000`,
    'x'.repeat(2000),
    '__proto__',
    'constructor',
  ];
  for (const iss of [...names, ...strange]) {
    expect([iss, await verdictOf(server, good(es, { iss }))]).toEqual([iss, '401 invalid_token']);
  }
  // One's key for another's name, and our own name with somebody's key.
  const [, , , hs, byKey, bySecret] = signers as Signer[];
  await refuseAll({
    'the issuer by its own key as the other': good(es, { iss: 'by-secret' }),
    'the other by its secret as the issuer': good(hs as Signer, { iss: ISSUER }),
    'an application as another': good(byKey as Signer, { iss: bySecret?.claims().iss, sub: bySecret?.claims().iss }),
    'an application as an issuer': good(byKey as Signer, { iss: ISSUER }),
    'an issuer as us': good(es, { iss: server.issuer }),
    'an application that is not there': good(es, { iss: `app_${'0'.repeat(24)}` }),
  });
  expect(idp.asked.length).toBe(before);
});

test(
  'F9: a token that was remembered is that very text',
  eachSigner(async (signer) => {
    const text = good(signer);
    expect(await verdictOf(server, text)).toBe('valid');
    const [h = '', , s = ''] = text.split('.');
    await refuseAll({
      'the payload of another': splice(text, { payload: encode(signer.claims({ sub: 'somebody else' })) }),
      'the signature of another': splice(good(signer, { jti: 'x' }), { signature: s }),
      'the header of another': splice(text, { header: encode({ ...signer.header, typ: 'jwt' }) }),
      more: `${text}A`,
      'a part more': `${text}.${h}`,
    });
  }),
);

test(
  'F10, F19: crit, b64, zip and encryption are refused',
  eachSigner(async (signer) => {
    const jwe = await new CompactEncrypt(Buffer.from(JSON.stringify(signer.claims())))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .encrypt(Buffer.alloc(32, 7));
    await refuseAll({
      crit: good(signer, {}, { crit: ['exp'], exp: 1 }),
      'empty crit': good(signer, {}, { crit: [] }),
      'b64 false': good(signer, {}, { b64: false, crit: ['b64'] }),
      'b64 true': good(signer, {}, { b64: true }),
      zip: good(signer, {}, { zip: 'DEF' }),
      jwe,
      'a JWT in a JWT': signJwt(signer.key, { ...signer.header, cty: 'JWT' }, good(signer), signer.alg),
    });
  }),
);

test(
  'F12: a token without aud, or for others alone, is refused',
  eachSigner(async (signer) => {
    const own = String(signer.claims().aud);
    const isApplication = signer.name.startsWith('an application');
    for (const aud of [
      undefined,
      null,
      '',
      [],
      7,
      {},
      [7],
      `${own}/`,
      own.toUpperCase(),
      server.issuer,
      'x',
      ['x', 'y'],
    ]) {
      expect([signer.name, aud, await verdictOf(server, good(signer, { aud }))]).toEqual([
        signer.name,
        aud,
        '401 invalid_token',
      ]);
    }
    // Others' services name several; what an application signs itself is for one.
    const several = await verdictOf(server, good(signer, { aud: ['x', own] }));
    expect([signer.name, several]).toEqual([signer.name, isApplication ? '401 invalid_token' : 'valid']);
    expect([signer.name, await verdictOf(server, good(signer, { aud: [own] }))]).toEqual([signer.name, 'valid']);
  }),
);

test(
  'F13: times that are none are refused',
  eachSigner(async (signer) => {
    const now = server.clock.nowMs() / 1000;
    for (const name of ['exp', 'nbf', 'iat']) {
      for (const value of ['1900000000', String(now), null, -1, [now], {}, true, 253_402_300_800]) {
        const verdict = await verdictOf(server, good(signer, { [name]: value }));
        expect([signer.name, name, value, verdict]).toEqual([signer.name, name, value, '401 invalid_token']);
      }
      const payload = JSON.stringify(signer.claims({ [name]: 'BIG' })).replace('"BIG"', '1e400');
      expect([name, await verdictOf(server, signJwt(signer.key, signer.header, payload, signer.alg))]).toEqual([
        name,
        '401 invalid_token',
      ]);
    }
    await refuseAll({
      'no exp': good(signer, { exp: undefined }),
      'exp before iat': good(signer, { iat: now + 10, exp: now + 5 }),
    });
  }),
);

test('F15: ECDSA signatures of zeros, in DER, and of the wrong curve', async () => {
  const [es] = signers as [Signer];
  const text = good(es);
  const [h, p] = text.split('.');
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
  await refuseAll({
    zeros: splice(text, { signature: Buffer.alloc(64).toString('base64url') }),
    der: splice(text, {
      signature: sign('sha256', Buffer.from(`${h}.${p}`), es.key as KeyObject).toString('base64url'),
    }),
    short: splice(text, { signature: Buffer.alloc(63, 1).toString('base64url') }),
    'P-384': signJwt(p384, es.header, es.claims(), 'ES384'),
  });
});

test(
  'F17: what is no object, repeats a member, or is spelt another way',
  eachSigner(async (signer) => {
    const raw = (header: string, payload: string) => signJwt(signer.key, header, payload, signer.alg);
    const [header, payload] = [JSON.stringify(signer.header), JSON.stringify(signer.claims())];
    const texts: Record<string, string> = {};
    for (const odd of ['null', '[]', '"x"', '7', 'true', '{', '', '{}', '\ufeff{}']) {
      texts[`header ${odd}`] = raw(odd, payload);
      texts[`payload ${odd}`] = raw(header, odd);
    }
    await refuseAll({
      ...texts,
      'iss twice': raw(header, payload.replace('{', `{"iss":"x",`)),
      'alg twice': raw(header.replace('{', '{"alg":"none",'), payload),
      padding: `${raw(header, payload)}=`,
      'not UTF-8': raw(header, payload).replace(
        /\.[^.]+\./,
        `.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.`,
      ),
    });
  }),
);

test(
  'kinds never mix: logout, DPoP, ID and assertion types, bound tokens, and our own tokens',
  eachSigner(async (signer) => {
    const types = [
      'logout+jwt',
      'dpop+jwt',
      'id_token',
      'secevent+jwt',
      'client-authentication+jwt',
      'JOSE',
      '',
      7,
      null,
    ];
    for (const typ of types) {
      expect([signer.name, typ, await verdictOf(server, good(signer, {}, { typ }))]).toEqual([
        signer.name,
        typ,
        '401 invalid_token',
      ]);
    }
    await refuseAll({
      bound: good(signer, { cnf: { jkt: 'x' } }),
      logout: good(signer, { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }),
      'an assertion': good(signer, { aud: server.issuer, exp: server.clock.nowMs() / 1000 + 60 }),
    });
  }),
);

describe('what an application signs by itself', () => {
  const own = () => signers.slice(4);

  test('lives an hour at most, says when it was made, and speaks for no user', async () => {
    const now = server.clock.nowMs() / 1000;
    for (const signer of own()) {
      expect(await verdictOf(server, good(signer, { exp: now + 3600 }))).toBe('valid');
      await refuseAll({
        'an hour and a second': good(signer, { exp: now + 3601 }),
        'no iat': good(signer, { iat: undefined }),
        'a user': good(signer, { sub: `usr_${'0'.repeat(24)}` }),
      });
      const { json } = await server.call('/v1/auth/verify', {
        key: good(signer, { sub: 'somebody', scope: 'read write' }),
      });
      expect(json).toMatchObject({
        method: 'jwt',
        subject: 'somebody',
        user_id: null,
        scopes: ['read'],
        client_id: signer.claims().iss,
        subject_issuer: signer.claims().iss,
      });
    }
  });

  test('is refused once the application is disabled or deleted, its secret ended, or self_signed_jwt is off', async () => {
    const made = await makeApplication({});
    const token = signJwt(made.client_secret, { alg: 'HS256' }, claimsFor(server, { iss: made.client_id }), 'HS256');
    expect(await verdictOf(server, token)).toBe('valid');
    const path = `/v1/applications/${made.client_id}`;
    const change = (json: object) => server.call(path, { method: 'PATCH', key: server.rootKey, json });
    expect((await change({ self_signed_jwt: false })).status).toBe(200);
    expect(await verdictOf(server, token)).toBe('401 invalid_token');
    const off = await makeApplication({ self_signed_jwt: false });
    const never = signJwt(off.client_secret, { alg: 'HS256' }, claimsFor(server, { iss: off.client_id }), 'HS256');
    expect(await verdictOf(server, never)).toBe('401 invalid_token');
    const gone = await makeApplication({});
    const orphan = signJwt(gone.client_secret, { alg: 'HS256' }, claimsFor(server, { iss: gone.client_id }), 'HS256');
    expect(await verdictOf(server, orphan)).toBe('valid');
    await server.call(`/v1/applications/${gone.client_id}`, { method: 'DELETE', key: server.rootKey });
    expect(await verdictOf(server, orphan)).toBe('401 invalid_token');
  });

  test('reaches those resources alone that the application may have tokens for', async () => {
    const audience = 'https://billing.example/';
    const root = { key: server.rootKey };
    const made = await server.call('/v1/resources', { ...root, json: { name: 'Billing', audience } });
    const scope = { name: 'bills:read', description: 'See the bills.', resource: made.json.id };
    expect((await server.call('/v1/scopes', { ...root, json: scope })).status).toBe(201);
    const at = async (client: { client_id: string; client_secret: string }) => {
      const claims = claimsFor(server, { iss: client.client_id, aud: audience, scope: 'read bills:read' });
      const key = signJwt(client.client_secret, { alg: 'HS256' }, claims, 'HS256');
      const reply = await server.call(`/v1/gate?resource=${encodeURIComponent(audience)}`, { key });
      return reply.status === 200 ? reply.headers.get('x-latchkey-scopes') : reply.status;
    };
    expect(await at(await makeApplication({}))).toBe(401);
    expect(await at(await makeApplication({ scopes: ['read', 'bills:read'] }))).toBe('bills:read');
    expect(await at(await makeApplication({ resources: [`${server.issuer}/v1`] }))).toBe(401);
  });
});
