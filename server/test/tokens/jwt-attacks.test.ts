import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deflateRawSync } from 'node:zlib';
import { CompactEncrypt } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { manualClock, stopServers, type TestServer } from '../harness.ts';
import {
  claimsOf,
  type Forger,
  forgerOf,
  headerOf,
  mint,
  newUserId,
  startFamily,
  startServer,
  verdictOf,
} from './issuing.ts';

let server: TestServer;
let forger: Forger;
let good: string;
let claims: Record<string, unknown>;
let header: Record<string, unknown>;
let nowSeconds: number;

beforeAll(async () => {
  const clock = manualClock();
  nowSeconds = clock.nowMs() / 1000;
  server = await startServer({ clock });
  forger = await forgerOf(server);
  good = mint(server);
  claims = claimsOf(good);
  header = headerOf(good);
});
afterAll(stopServers);

const encode = (part: unknown) =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

/** All three parts of the good token, of which some are replaced. */
const splice = (parts: { header?: string; payload?: string; signature?: string }): string => {
  const [h, p, s] = good.split('.');
  return [parts.header ?? h, parts.payload ?? p, parts.signature ?? s].join('.');
};

async function refuseAll(texts: Record<string, string>, code = '401 invalid_token'): Promise<void> {
  for (const [name, text] of Object.entries(texts)) {
    expect([name, await verdictOf(server, text)]).toEqual([name, code]);
  }
}

const hmac = (secret: string | Buffer | KeyObject, input: string, hash = 'sha256') =>
  createHmac(hash, secret).update(input).digest('base64url');

test('the forger signs as the server does: what follows is refused for what is wrong with it alone', async () => {
  expect(await verdictOf(server, good)).toBe('valid');
  expect(await verdictOf(server, forger.sign(header, claims))).toBe('valid');
  expect(await verdictOf(server, forger.signClaims(claims))).toBe('valid');
});

describe('F1: no algorithm', () => {
  test('none in any spelling, and signatures that are none, are refused', async () => {
    const spellings = ['none', 'None', 'nOnE', 'NONE', 'none ', ''];
    const texts: Record<string, string> = {};
    for (const alg of spellings) {
      for (const signature of ['', 'AA', good.split('.')[2] ?? '']) {
        texts[`${alg}/${signature.length}`] = splice({ header: encode({ ...header, alg }), signature });
      }
    }
    await refuseAll({ ...texts, empty: splice({ signature: '' }), unsigned: good.slice(0, good.lastIndexOf('.')) });
  });
});

describe('F2: a public key is never an HMAC secret', () => {
  test('HS256 under PEM, DER, JWK and what the JWKS says, with and without white space, is refused', async () => {
    const keys = (await server.call('/.well-known/jwks.json', { key: null })).json;
    const { data } = (await server.call('/v1/signing-keys', { key: server.rootKey })).json;
    const { pem, jwk } = data.find(({ state }: { state: string }) => state === 'active');
    const der = Buffer.from(pem.replace(/-----[^-]+-----|\n/g, ''), 'base64');
    const secrets = {
      pem,
      padded: `\n ${pem}`,
      trimmed: pem.trim(),
      der,
      jwk: JSON.stringify(jwk),
      jwks: JSON.stringify(keys),
      x: jwk.x,
      empty: '',
    };
    for (const alg of ['HS256', 'HS384', 'HS512', 'ES256']) {
      const texts = Object.entries(secrets).map(([name, secret]) => {
        const input = `${encode({ ...header, alg })}.${encode(claims)}`;
        return [`${alg} ${name}`, `${input}.${hmac(secret, input)}`];
      });
      await refuseAll(Object.fromEntries(texts));
    }
  });
});

describe('F3: the algorithm is the key’s own', () => {
  test('a header that names another one is refused, even over the right signature', async () => {
    const texts: Record<string, string> = {};
    for (const alg of ['ES384', 'ES512', 'RS256', 'PS256', 'EdDSA', 'Ed25519', 'es256', 'ES256 ', 'HS256']) {
      texts[alg] = forger.sign({ ...header, alg }, claims);
    }
    for (const alg of [null, 256, ['ES256'], { name: 'ES256' }])
      texts[String(alg)] = forger.sign({ ...header, alg }, claims);
    const { alg: _, ...without } = header;
    await refuseAll({ ...texts, missing: forger.sign(without, claims) });
  });
});

describe('F4: keys and addresses in headers', () => {
  test('are refused, and nobody is asked', async () => {
    const asked: string[] = [];
    const trap = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.end('{"keys":[]}');
    });
    await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(trap.address() as AddressInfo).port}/keys`;
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const jwk = publicKey.export({ format: 'jwk' });
    const extras = {
      jwk,
      jku: url,
      x5u: url,
      x5c: ['MIIB'],
      x5t: 'AAAA',
      'x5t#S256': 'AAAA',
      cty: 'JWT',
      epk: jwk,
      zip: 'DEF',
    };
    for (const [name, value] of Object.entries(extras)) {
      const odd = { ...header, [name]: value };
      const input = `${encode(odd)}.${encode(claims)}`;
      const own = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      await refuseAll({
        [`${name}, their key`]: `${input}.${own.toString('base64url')}`,
        [`${name}, our key`]: forger.sign(odd, claims),
      });
    }
    await new Promise((resolve) => trap.close(resolve));
    expect(asked).toEqual([]);
  });
});

describe('F5, F6: key ids', () => {
  test('that are unknown, missing or odd are refused, however many, and no key is tried in their place', async () => {
    const { kid: _, ...without } = header;
    const kids = ['other', '', '../../../etc/passwd', "' OR 1=1--", '\0', 'a'.repeat(5000), '__proto__', 'constructor'];
    const texts = Object.fromEntries(kids.map((kid) => [kid.slice(0, 20), forger.sign({ ...header, kid }, claims)]));
    for (const kid of [null, 0, true, [header.kid], { kid: header.kid }]) {
      texts[JSON.stringify(kid)] = forger.sign({ ...header, kid }, claims);
    }
    await refuseAll({ ...texts, missing: forger.sign(without, claims) });
    // The next key has not signed anything yet.
    const [, next] = (await server.call('/.well-known/jwks.json', { key: null })).json.keys;
    await refuseAll({ next: forger.sign({ ...header, kid: next.kid }, claims) });
    const before = server.logLines.length;
    const flood = Array.from({ length: 300 }, (_, index) => forger.sign({ ...header, kid: `random-${index}` }, claims));
    const verdicts = await Promise.all(flood.map((text) => verdictOf(server, text)));
    expect(new Set(verdicts)).toEqual(new Set(['401 invalid_token']));
    expect(server.logLines.slice(before).filter((line) => /"level":[56]0/.test(line))).toEqual([]);
  });
});

describe('F9: what is remembered of tokens', () => {
  test('is known by all of the token: same parts, another signature or claim, is another token', async () => {
    const other = mint(server, { scopes: ['read'] });
    for (let round = 0; round < 3; round += 1) {
      expect([await verdictOf(server, good), await verdictOf(server, other)]).toEqual(['valid', 'valid']);
      await refuseAll({
        'signature of another': splice({ signature: other.split('.')[2] ?? '' }),
        'payload of another': splice({ payload: other.split('.')[1] ?? '' }),
        'one letter': `${good.slice(0, 60)}${good[60] === 'A' ? 'B' : 'A'}${good.slice(61)}`,
        'one letter at the end': `${good.slice(0, -5)}${good.at(-5) === 'A' ? 'B' : 'A'}${good.slice(-4)}`,
        more: `${good}A`,
        prefix: good.slice(0, -4),
      });
    }
  });
});

describe('F10: critical headers', () => {
  test('crit of any kind, and b64, are refused', async () => {
    const odd: Record<string, unknown>[] = [
      { crit: ['exp'], exp: 1 },
      { crit: ['b64'], b64: false },
      { crit: [] },
      { crit: 'exp' },
      { crit: null },
      { b64: false },
      { b64: true },
    ];
    await refuseAll(
      Object.fromEntries(odd.map((more) => [JSON.stringify(more), forger.sign({ ...header, ...more }, claims)])),
    );
  });
});

describe('F11, F12: issuer and audience', () => {
  test('are compared byte for byte', async () => {
    const iss = String(claims.iss);
    const issuers = [
      `${iss}/`,
      iss.toUpperCase(),
      iss.slice(0, -1),
      ` ${iss}`,
      `${iss}\0`,
      `${iss}.evil.example`,
      [iss],
      { iss },
      null,
      '',
      1,
    ];
    const texts = Object.fromEntries(
      issuers.map((other) => [`iss ${JSON.stringify(other)}`, forger.signClaims({ ...claims, iss: other })]),
    );
    const aud = String(claims.aud);
    const audiences = [
      `${aud}/`,
      iss,
      `${iss}/v2`,
      '',
      null,
      [],
      [aud],
      [aud, 'https://evil.example'],
      { 0: aud },
      '*',
      aud.toUpperCase(),
    ];
    for (const other of audiences) texts[`aud ${JSON.stringify(other)}`] = forger.signClaims({ ...claims, aud: other });
    for (const name of [
      'iss',
      'aud',
      'sub',
      'client_id',
      'exp',
      'iat',
      'jti',
      'scope',
      'workspace_id',
      'environment',
      'epoch',
    ]) {
      texts[`without ${name}`] = forger.signClaims({ ...claims, [name]: undefined });
    }
    await refuseAll(texts);
  });
});

describe('F13, F14: times', () => {
  test('that are no whole numbers from 0 on are refused', async () => {
    const odd = [
      '1e3',
      'null',
      '""',
      '"4000000000"',
      '-1',
      '1.5',
      '[4000000000]',
      '{}',
      'true',
      '1e400',
      '9007199254740993',
      '-0.5',
    ];
    const texts: Record<string, string> = {};
    for (const name of ['exp', 'iat', 'nbf', 'epoch']) {
      for (const value of odd) {
        if (name === 'epoch' && value === '1e3') continue;
        const json = JSON.stringify({ ...claims, [name]: '@' }).replace('"@"', value);
        texts[`${name} ${value}`] = forger.sign(header, json);
      }
    }
    delete texts['nbf 1e3'];
    delete texts['iat 1e3'];
    delete texts['exp 1e3'];
    await refuseAll(texts);
  });

  test('may be off by thirty seconds', async () => {
    const at = (changes: object) => verdictOf(server, forger.signClaims({ ...claims, ...changes }));
    for (const [offset, verdict] of [
      [10, 'valid'],
      [30, 'valid'],
      [31, '401 invalid_token'],
      [61, '401 invalid_token'],
    ] as const) {
      expect(await at({ iat: nowSeconds + offset, exp: nowSeconds + 900 })).toBe(verdict);
      expect(await at({ nbf: nowSeconds + offset })).toBe(verdict);
    }
    for (const [age, verdict] of [
      [29, 'valid'],
      [30, '401 token_expired'],
      [61, '401 token_expired'],
    ] as const) {
      expect(await at({ iat: nowSeconds - 900, exp: nowSeconds - age })).toBe(verdict);
    }
    expect(await at({ exp: nowSeconds, iat: nowSeconds })).toBe('401 invalid_token');
  });
});

describe('F15: odd ECDSA signatures', () => {
  test('zeros, DER, another curve and cut ones are refused', async () => {
    const input = good.slice(0, good.lastIndexOf('.'));
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey;
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const raw = { dsaEncoding: 'ieee-p1363' } as const;
    const signatures = {
      zeros: Buffer.alloc(64),
      ones: Buffer.alloc(64, 0xff),
      der: sign('sha256', Buffer.from(input), forger.privateKey),
      'P-384': sign('sha384', Buffer.from(input), { key: p384, ...raw }),
      'P-384, SHA-256': sign('sha256', Buffer.from(input), { key: p384, ...raw }),
      'another key': sign('sha256', Buffer.from(input), { key: other, ...raw }),
      'another hash': sign('sha512', Buffer.from(input), { key: forger.privateKey, ...raw }),
      short: Buffer.from(good.split('.')[2] ?? '', 'base64url').subarray(0, 63),
    };
    await refuseAll(
      Object.fromEntries(
        Object.entries(signatures).map(([name, bytes]) => [name, `${input}.${bytes.toString('base64url')}`]),
      ),
    );
  });
});

describe('F17: parts that are no objects', () => {
  test('are 401, never 500', async () => {
    const odd = ['null', '[]', '"text"', '1', 'true', '{', '', '[{}]', 'undefined', '\u0000', '{"a":1,"a":2}'];
    const texts: Record<string, string> = {};
    for (const part of odd) {
      if (part !== '') texts[`payload ${part}`] = forger.sign(header, part);
      texts[`header ${part}`] = splice({ header: encode(part) });
    }
    const twice = `${JSON.stringify(claims).slice(0, -1)},"sub":"usr_other"}`;
    const twiceInHeader = `${JSON.stringify(header).slice(0, -1)},"alg":"none"}`;
    await refuseAll({
      ...texts,
      'a claim twice': forger.sign(header, twice),
      'a header member twice': forger.sign(twiceInHeader, claims),
      'invalid UTF-8': forger.sign(header, Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1')),
    });
    for (const [name, value] of Object.entries({
      sub: {},
      client_id: [],
      jti: 'x',
      scope: ['read'],
      workspace_id: 1,
      environment: 'prod',
      grant_id: 1,
      sid: {},
      family_id: null,
    })) {
      await refuseAll({ [name]: forger.signClaims({ ...claims, [name]: value }) });
    }
    await refuseAll({
      'a scope with two spaces': forger.signClaims({ ...claims, scope: 'read  write' }),
      'a scope with a quote': forger.signClaims({ ...claims, scope: 'read "write"' }),
      'a bound token': forger.signClaims({ ...claims, cnf: { jkt: 'x' } }),
    });
  });
});

describe('F18, F19: size and encryption', () => {
  test('what is over 16 KB is refused before it is decoded', async () => {
    const large = `${encode(header)}.${'A'.repeat(15_000)}.${'A'.repeat(86)}`;
    const refused = await server.call('/v1/auth/verify', { key: large });
    expect([refused.status, refused.json.error]).toEqual([401, 'invalid_token']);
    const huge = await server.call('/v1/auth/verify', { key: `${encode(header)}.${'A'.repeat(40_000)}.AAAA` });
    expect(huge.status).toBe(413);
  });

  test('encrypted tokens, bombs and nested ones are refused', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const jwe = await new CompactEncrypt(Buffer.from(good))
      .setProtectedHeader({ alg: 'RSA-OAEP', enc: 'A256GCM', cty: 'JWT' })
      .encrypt(publicKey);
    const password = encode({ alg: 'PBES2-HS512+A256KW', enc: 'A256GCM', p2c: 1e9, p2s: 'AAAA' });
    const bomb = deflateRawSync(Buffer.alloc(1_000_000)).toString('base64url');
    let nested = good;
    for (let depth = 0; depth < 6; depth += 1) nested = forger.sign({ ...header, cty: 'JWT' }, nested);
    await refuseAll({
      jwe,
      p2c: `${password}.AAAA.AAAA.AAAA.AAAA`,
      bomb: `${encode({ alg: 'dir', enc: 'A256GCM', zip: 'DEF' })}..AAAA.${bomb}.AAAA`,
      nested,
      'a token in a token': forger.sign(header, good),
    });
  });
});

describe('kinds never mix', () => {
  test('other types of token under the same key are refused, and so is a refresh token', async () => {
    const types = [
      'JWT',
      'jwt',
      'AT+JWT',
      'at+JWT',
      'application/at+jwt',
      'logout+jwt',
      'dpop+jwt',
      'client-authentication+jwt',
      'id+jwt',
      '',
      null,
      ['at+jwt'],
    ];
    const { typ: _, ...without } = header;
    const texts = Object.fromEntries(
      types.map((typ) => [JSON.stringify(typ), forger.sign({ ...header, typ }, claims)]),
    );
    await refuseAll({ ...texts, missing: forger.sign(without, claims) });
    const { refreshToken } = await startFamily(server);
    const reply = await server.call('/v1/auth/verify', { key: refreshToken.text });
    expect([reply.status, reply.json.error]).toEqual([401, 'invalid_token']);
    expect(reply.json.message).toContain('exchange it for an access token');
  });
});

describe('what a refusal tells', () => {
  test('is the same for every forgery, and more only to who holds what we signed', async () => {
    const messages = new Set<string>();
    const odd = [
      splice({ signature: 'A'.repeat(86) }),
      forger.sign({ ...header, kid: 'x' }, claims),
      forger.sign({ ...header, typ: 'JWT' }, claims),
      forger.signClaims({ ...claims, iss: 'x' }),
    ];
    for (const text of odd) messages.add((await server.call('/v1/auth/verify', { key: text })).json.message);
    expect(messages.size).toBe(1);
    const expired = { ...claims, iat: nowSeconds - 5000, exp: nowSeconds - 4000 };
    expect(await verdictOf(server, forger.signClaims(expired))).toBe('401 token_expired');
    await refuseAll({ 'expired and forged': `${forger.signClaims(expired).slice(0, -6)}AAAAAA` });
    const reply = await server.call('/v1/auth/verify', { key: forger.signClaims(expired) });
    expect(reply.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect(reply.text).not.toContain(String(claims.sub));
  });

  test('is in no log line: no token, no part of one', async () => {
    const token = mint(server, { subject: newUserId() });
    await server.call('/v1/auth/verify', { key: token });
    await server.call(`/v1/nothing?token=${token}`, { key: token });
    await server.call('/v1/auth/verify', { key: `${token.slice(0, -6)}AAAAAA` });
    const [, payload = '', signature = ''] = token.split('.');
    const lines = server.logLines.join('\n');
    expect(lines).not.toContain(payload);
    expect(lines).not.toContain(signature);
  });
});
