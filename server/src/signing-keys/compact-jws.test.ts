import { generateKeyPairSync, type KeyObject, sign as nodeSign, verify as nodeVerify } from 'node:crypto';
import fc from 'fast-check';
import { CompactSign, compactVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import { ALGORITHM_NAMES, ALGORITHMS, type AlgorithmName } from './algorithms.ts';
import { createCompactSigner, parseCompactJws, readJsonObject, verifyCompactJws } from './compact-jws.ts';
import { derOf, rawOf } from './ecdsa-der.ts';

const pairs = Object.fromEntries(
  await Promise.all(ALGORITHM_NAMES.map(async (name) => [name, await ALGORITHMS[name].generate()] as const)),
) as Record<AlgorithmName, { privateKey: KeyObject; publicKey: KeyObject }>;

const encode = (part: string | Uint8Array) => Buffer.from(part).toString('base64url');
const readSegment = (segment: string) => readJsonObject(Buffer.from(segment, 'base64url'));
const claims = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 6 });

function verifies(name: AlgorithmName, text: string, publicKey = pairs[name].publicKey): boolean {
  const jws = parseCompactJws(text);
  return jws !== null && verifyCompactJws(jws, ALGORITHMS[name], publicKey);
}

describe.each(ALGORITHM_NAMES)('%s', (name) => {
  const { privateKey, publicKey } = pairs[name];
  const sign = createCompactSigner(ALGORITHMS[name], 'kid-1', privateKey);
  const runs = name === 'RS256' ? 10 : 60;

  test('what we sign, jose verifies', async () => {
    await fc.assert(
      fc.asyncProperty(claims, async (payload) => {
        const verified = await compactVerify(sign('at+jwt', payload), publicKey, { algorithms: [name] });
        expect(verified.protectedHeader).toEqual({ alg: name, typ: 'at+jwt', kid: 'kid-1' });
        expect(JSON.parse(new TextDecoder().decode(verified.payload))).toEqual(JSON.parse(JSON.stringify(payload)));
      }),
      { numRuns: runs },
    );
  });

  test('what jose signs, we verify; one changed bit of it not', async () => {
    await fc.assert(
      fc.asyncProperty(claims, fc.nat(), async (payload, place) => {
        const signer = new CompactSign(Buffer.from(JSON.stringify(payload))).setProtectedHeader({
          alg: name,
          kid: 'k',
        });
        const text = await signer.sign(privateKey);
        expect(verifies(name, text)).toBe(true);
        const jws = parseCompactJws(text);
        expect(jws && readJsonObject(jws.payload)).toEqual(JSON.parse(JSON.stringify(payload)));
        const [header, body, signature = ''] = text.split('.');
        const bytes = Buffer.from(signature, 'base64url');
        const bit = place % (bytes.length * 8);
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(verifies(name, `${header}.${body}.${encode(bytes)}`)).toBe(false);
      }),
      { numRuns: runs },
    );
  });

  test('keys of other kinds neither sign nor verify', () => {
    const text = sign('at+jwt', {});
    const others = [
      ...ALGORITHM_NAMES.filter((each) => each !== name).map((each) => pairs[each]),
      generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
      generateKeyPairSync('rsa', { modulusLength: 1024 }),
      generateKeyPairSync('ed448'),
    ];
    for (const other of others) {
      expect(ALGORITHMS[name].fits(other.publicKey)).toBe(false);
      expect(verifies(name, text, other.publicKey)).toBe(false);
      expect(() => createCompactSigner(ALGORITHMS[name], 'kid', other.privateKey)).toThrow(/none for/);
    }
  });
});

describe('ECDSA signatures', () => {
  const { privateKey, publicKey } = pairs.ES256;

  test('are the same in both forms, whatever zeros they begin with', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
        const raw = rawOf(nodeSign('sha256', data, privateKey));
        expect(raw.length).toBe(64);
        expect(nodeVerify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw)).toBe(true);
        const der = derOf(raw);
        expect(der && nodeVerify('sha256', data, publicKey, der)).toBe(true);
        expect(der && rawOf(der)).toEqual(raw);
      }),
      { numRuns: 300 },
    );
  });

  test('go there and back for every two numbers but zero', () => {
    const half = fc
      .tuple(fc.integer({ min: 0, max: 31 }), fc.uint8Array({ minLength: 32, maxLength: 32 }))
      .map(([zeros, bytes]) => Buffer.concat([Buffer.alloc(zeros), Buffer.from(bytes)]).subarray(0, 32))
      .filter((bytes) => bytes.some((byte) => byte !== 0));
    fc.assert(
      fc.property(half, half, (r, s) => {
        const raw = Buffer.concat([r, s]);
        const der = derOf(raw);
        expect(der && rawOf(der)).toEqual(raw);
      }),
    );
  });

  test('of zeros, in DER, cut off or too long are none (CVE-2022-21449)', () => {
    const input = `${encode('{"alg":"ES256"}')}.${encode('{}')}`;
    const der = nodeSign('sha256', Buffer.from(input), privateKey);
    const raw = rawOf(der);
    expect(verifies('ES256', `${input}.${encode(raw)}`)).toBe(true);
    const zero = Buffer.alloc(32);
    const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');
    const odd = [
      Buffer.alloc(64),
      Buffer.concat([zero, raw.subarray(32)]),
      Buffer.concat([raw.subarray(0, 32), zero]),
      Buffer.concat([order, order]),
      der,
      raw.subarray(0, 63),
      Buffer.concat([raw, Buffer.from([0])]),
      Buffer.concat([raw, raw]),
    ];
    for (const signature of odd) expect(verifies('ES256', `${input}.${encode(signature)}`)).toBe(false);
  });
});

describe('reading a compact JWS', () => {
  const { privateKey } = pairs.EdDSA;
  const good = createCompactSigner(ALGORITHMS.EdDSA, 'kid-1', privateKey)('at+jwt', { a: 1 });

  test('never throws, and takes only what is written in the one canonical way', () => {
    const part = fc.oneof(fc.string(), fc.base64String(), fc.constantFrom('', 'e30', 'e31', 'e30=', 'bnVsbA', 'W10'));
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const text = parts.join('.');
        const jws = parseCompactJws(text);
        if (jws === null) return;
        expect(parts.join('.').split('.')).toHaveLength(3);
        for (const segment of text.split('.')) {
          expect(Buffer.from(segment, 'base64url').toString('base64url')).toBe(segment);
        }
        expect(jws.header).toBeTypeOf('object');
      }),
      { numRuns: 1000 },
    );
  });

  test('refuses other spellings of the same bytes', () => {
    const [header = '', payload = '', signature = ''] = good.split('.');
    expect(parseCompactJws(good)).not.toBeNull();
    const last = signature.at(-1) ?? '';
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const twin = alphabet[alphabet.indexOf(last) + 1] ?? '';
    expect(Buffer.from(signature.slice(0, -1) + twin, 'base64url')).toEqual(Buffer.from(signature, 'base64url'));
    const spellings = [
      `${header}.${payload}.${signature.slice(0, -1)}${twin}`,
      `${header}.${payload}.${signature}=`,
      `${header}.${payload}.${signature}==`,
      `${header}.${payload}.${signature} `,
      `\n${good}`,
      ` ${good}`,
      `${header}\n.${payload}.${signature}`,
      `${header}.${payload}.${signature}.`,
      `${header}..${payload}.${signature}`,
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `.${payload}.${signature}`,
      `${header}.${payload}.${signature.replaceAll('-', '+').replaceAll('_', '/')}+`,
      `${good}.AAAA.AAAA`,
    ];
    for (const text of spellings) expect([text, parseCompactJws(text)]).toEqual([text, null]);
  });

  test('refuses headers that are no object, no UTF-8, or name a member twice', () => {
    const rest = good.slice(good.indexOf('.'));
    const headers = [
      'null',
      '[]',
      '"x"',
      '1',
      'true',
      '',
      '{',
      '{}{}',
      '{"a":1,"a":2}',
      '{"a":{"b":1,"\\u0062":2}}',
      '\ufeff{}',
    ];
    for (const header of headers) expect([header, parseCompactJws(encode(header) + rest)]).toEqual([header, null]);
    expect(parseCompactJws(encode(new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])) + rest)).toBeNull();
    for (const header of ['{}', ' {"a" : "b:\\"c\\":"}', '{"a":[{"b":1},{"b":2}]}', '{"":{"":{}}}']) {
      expect([header, parseCompactJws(encode(header) + rest)?.header]).toEqual([header, JSON.parse(header)]);
    }
  });

  test('finds what is named twice, and only that, in any JSON', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 2), (value, indent) => {
        expect(readSegment(encode(JSON.stringify(value, null, indent)))).toEqual(JSON.parse(JSON.stringify(value)));
        const [name = 'a'] = Object.keys(value);
        const twice = `{${JSON.stringify(name)}:0,${JSON.stringify({ ...value, [name]: 1 }).slice(1)}`;
        expect(readSegment(encode(twice))).toBeNull();
      }),
    );
  });

  test('costs little however it is built, and is cut off at 16 KiB', () => {
    const header = encode('{"alg":"EdDSA"}');
    expect(parseCompactJws(`${header}.${'A'.repeat(16_384)}.AAAA`)).toBeNull();
    expect(parseCompactJws(`${header}.${'A'.repeat(100_000_000)}.AAAA`)).toBeNull();
    const deep = encode('['.repeat(5000) + ']'.repeat(5000));
    expect(readSegment(deep)).toBeNull();
    const nested = `${'{"a":'.repeat(1500)}1${'}'.repeat(1500)}`;
    expect(readSegment(encode(nested))).not.toBeNull();
    expect(readSegment(encode(`{"a":"${'\\"'.repeat(4000)}`))).toBeNull();
  });
});
