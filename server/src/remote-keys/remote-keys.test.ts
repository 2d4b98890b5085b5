import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type ManualClock, manualClock } from '../../test/harness.ts';
import { createOutbound } from '../outbound/index.ts';
import { FOREIGN_ALGORITHM_NAMES } from './algorithms.ts';
import { problemOfJwks } from './jwk.ts';
import { createRemoteKeys, type RemoteKeys } from './remote-keys.ts';

type Jwk = Record<string, unknown>;

const ec = (namedCurve = 'P-256') => generateKeyPairSync('ec', { namedCurve });
const rsa = (modulusLength = 2048) => generateKeyPairSync('rsa', { modulusLength });
const jwkOf = (key: KeyObject, more: Jwk = {}): Jwk => ({ ...key.export({ format: 'jwk' }), ...more });

/** A key set server over real sockets, which does as it is told. */
class KeyServer {
  keys: Jwk[] = [];
  asked = 0;
  status = 200;
  headers: Record<string, string> = {};
  body: string | null = null;
  /** Answers wait for it. */
  gate: Promise<void> = Promise.resolve();
  readonly #server: Server = createServer(async (_request, response) => {
    this.asked += 1;
    await this.gate;
    response.writeHead(this.status, this.headers).end(this.body ?? JSON.stringify({ keys: this.keys }));
  });

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get uri(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const started: KeyServer[] = [];
afterEach(() => {
  for (const server of started.splice(0)) server.stop();
});

async function setUp(): Promise<{ server: KeyServer; keys: RemoteKeys; clock: ManualClock; told: object[] }> {
  const server = await new KeyServer().start();
  started.push(server);
  const clock = manualClock();
  const told: object[] = [];
  const outbound = createOutbound({ allow: ['127.0.0.0/8'] });
  return { server, clock, told, keys: createRemoteKeys({ clock, outbound, onError: (_error, of) => told.push(of) }) };
}

const same = (found: KeyObject | null, key: KeyObject) => found?.equals(key) ?? false;

describe('keys at an address', () => {
  test('are read once for all who wait, and again only when their time is over', async () => {
    const { server, keys, clock } = await setUp();
    const one = ec();
    server.keys = [jwkOf(one.publicKey, { kid: 'a' })];
    const find = () => keys.keyFor({ uri: server.uri }, { kid: 'a', alg: 'ES256' });
    const found = await Promise.all(Array.from({ length: 50 }, find));
    expect([found.every((key) => same(key, one.publicKey)), server.asked]).toEqual([true, 1]);
    clock.advance(10 * 60_000 - 1);
    await find();
    expect(server.asked).toBe(1);
    clock.advance(1);
    await Promise.all([find(), find()]);
    expect(server.asked).toBe(2);
  });

  test('are good for as long as their server says, within bounds', async () => {
    for (const [told, ms] of [
      ['max-age=60', 60_000],
      ['public, max-age=0', 30_000],
      ['max-age=86400', 600_000],
      ['no-store', 600_000],
    ] as const) {
      const { server, keys, clock } = await setUp();
      server.headers = { 'cache-control': told };
      server.keys = [jwkOf(ec().publicKey, { kid: 'a' })];
      const find = () => keys.keyFor({ uri: server.uri }, { kid: 'a', alg: 'ES256' });
      await find();
      clock.advance(ms - 1);
      await find();
      expect([told, server.asked]).toEqual([told, 1]);
      clock.advance(1);
      await find();
      expect([told, server.asked]).toEqual([told, 2]);
    }
  });

  test('F6: a flood of unknown kids costs one request in thirty seconds', async () => {
    const { server, keys, clock } = await setUp();
    server.keys = [jwkOf(ec().publicKey, { kid: 'a' })];
    const flood = () =>
      Promise.all(
        Array.from({ length: 200 }, (_, at) => keys.keyFor({ uri: server.uri }, { kid: `x${at}`, alg: 'ES256' })),
      );
    expect((await flood()).every((key) => key === null)).toBe(true);
    expect(server.asked).toBe(1);
    clock.advance(29_999);
    await flood();
    expect(server.asked).toBe(1);
    clock.advance(1);
    await flood();
    await flood();
    expect(server.asked).toBe(2);
  });

  test('a new key is found by its kid; F7: what was dropped is gone', async () => {
    const { server, keys, clock } = await setUp();
    const [before, after] = [ec(), ec()];
    server.keys = [jwkOf(before.publicKey, { kid: 'old' })];
    await keys.keyFor({ uri: server.uri }, { kid: 'old', alg: 'ES256' });
    server.keys = [jwkOf(after.publicKey, { kid: 'new' })];
    clock.advance(30_000);
    expect(same(await keys.keyFor({ uri: server.uri }, { kid: 'new', alg: 'ES256' }), after.publicKey)).toBe(true);
    expect(await keys.keyFor({ uri: server.uri }, { kid: 'old', alg: 'ES256' })).toBeNull();
    server.keys = [];
    clock.advance(600_000);
    expect(await keys.keyFor({ uri: server.uri }, { kid: 'new', alg: 'ES256' })).toBeNull();
  });

  test('while the server is down or talks nonsense the last good set stays, for a day', async () => {
    const { server, keys, clock, told } = await setUp();
    const key = ec();
    server.keys = [jwkOf(key.publicKey, { kid: 'a' })];
    const find = (kid = 'a') => keys.keyFor({ uri: server.uri }, { kid, alg: 'ES256' });
    await find();
    const answers: [number, string][] = [
      ...([
        [500, '{"keys":[]}'],
        [302, '{"keys":[]}'],
        [204, '{"keys":[]}'],
      ] as [number, string][]),
      ...['no json', 'null', '[]', '{}', '{"keys":{}}', `{"keys":[${'{},'.repeat(100)}{}]}`].map(
        (body) => [200, body] as [number, string],
      ),
      [200, `{"keys":[],"x":"${'x'.repeat(300_000)}"}`],
    ];
    for (const [status, body] of answers) {
      Object.assign(server, { status, body });
      clock.advance(600_000);
      expect([status, same(await find(), key.publicKey)]).toEqual([status, true]);
      expect(await find('unknown')).toBeNull();
    }
    expect(told).toHaveLength(answers.length);
    expect(told[0]).toEqual({ host: new URL(server.uri).host });
    clock.advance(24 * 3_600_000);
    await expect(find()).rejects.toMatchObject({ code: 'unavailable' });
    Object.assign(server, { status: 200, body: null });
    clock.advance(30_000);
    expect(same(await find(), key.publicKey)).toBe(true);
  });

  test('an address that never answered is unavailable, and is asked once in thirty seconds', async () => {
    const { server, keys, clock } = await setUp();
    server.status = 500;
    const find = () => keys.keyFor({ uri: server.uri }, { kid: 'a', alg: 'ES256' });
    for (let each = 0; each < 20; each += 1) await expect(find()).rejects.toMatchObject({ code: 'unavailable' });
    expect(server.asked).toBe(1);
    clock.advance(30_000);
    await expect(find()).rejects.toMatchObject({ code: 'unavailable' });
    expect(server.asked).toBe(2);
  });

  test('H7: many sets of many keys take bounded memory: those that nobody asked for longest are read again', async () => {
    const { server, keys } = await setUp();
    const one = ec();
    server.keys = Array.from({ length: 100 }, (_, index) => jwkOf(one.publicKey, { kid: `k${index}` }));
    const find = (index: number) => keys.keyFor({ uri: `${server.uri}?${index}` }, { kid: 'k7', alg: 'ES256' });
    for (let index = 0; index < 250; index += 1) expect(same(await find(index), one.publicKey)).toBe(true);
    expect(server.asked).toBe(250);
    await find(249);
    expect(server.asked).toBe(250);
    await find(0);
    expect(server.asked).toBe(251);
  });

  test('who pays for a reading pays before it, and only for one; what paying throws is thrown', async () => {
    const { server, keys, clock } = await setUp();
    server.keys = [jwkOf(ec().publicKey, { kid: 'a' })];
    let [paid, isPoor] = [0, true];
    const pay = async () => {
      if (isPoor) throw new Error('no money');
      paid += 1;
    };
    const find = (kid = 'a') => keys.keyFor({ uri: server.uri }, { kid, alg: 'ES256' }, pay);
    await expect(find()).rejects.toThrow('no money');
    expect(server.asked).toBe(0);
    isPoor = false;
    await find();
    await find();
    await find('unknown');
    expect([paid, server.asked]).toEqual([1, 1]);
    clock.advance(30_000);
    await find('unknown');
    expect([paid, server.asked]).toEqual([2, 2]);
  });

  test('F8: a kid is looked for at its own address alone', async () => {
    const { server, keys } = await setUp();
    const other = await new KeyServer().start();
    started.push(other);
    const key = ec();
    server.keys = [jwkOf(key.publicKey, { kid: 'a' })];
    other.keys = [jwkOf(ec().publicKey, { kid: 'b' })];
    expect(same(await keys.keyFor({ uri: server.uri }, { kid: 'a', alg: 'ES256' }), key.publicKey)).toBe(true);
    expect(await keys.keyFor({ uri: other.uri }, { kid: 'a', alg: 'ES256' })).toBeNull();
    expect(await keys.keyFor({ uri: other.uri }, { kid: `${server.uri}a`, alg: 'ES256' })).toBeNull();
  });
});

describe('which key', () => {
  const pairs = {
    EC: ec(),
    'P-384': ec('P-384'),
    'P-521': ec('P-521'),
    RSA: rsa(),
    ed: generateKeyPairSync('ed25519'),
  };
  const { keys } = {
    keys: createRemoteKeys({ clock: manualClock(), outbound: createOutbound({ allow: [] }), onError: () => {} }),
  };
  const find = (jwk: Jwk[], alg: string, kid?: unknown) => keys.keyFor({ jwks: { keys: jwk } }, { kid, alg });

  test.each([
    ['EC', ['ES256']],
    ['P-384', ['ES384']],
    ['P-521', ['ES512']],
    ['RSA', ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']],
    ['ed', ['EdDSA']],
  ] as const)('F3: a key of %s without alg is for %s alone', async (name, algorithms) => {
    const jwk = jwkOf(pairs[name].publicKey, { kid: 'a' });
    for (const alg of [...FOREIGN_ALGORITHM_NAMES, 'HS256', 'none', 'toString', '__proto__', '']) {
      const found = await find([jwk], alg, 'a');
      expect([alg, same(found, pairs[name].publicKey)]).toEqual([alg, (algorithms as readonly string[]).includes(alg)]);
    }
    for (const alg of algorithms) {
      const own = await find([{ ...jwk, alg: algorithms[0] }], alg, 'a');
      expect([alg, own !== null]).toEqual([alg, alg === algorithms[0]]);
    }
  });

  test('F5: an unknown kid, one of another type, or none among several is no key', async () => {
    const [a, b] = [jwkOf(pairs.EC.publicKey, { kid: 'a' }), jwkOf(ec().publicKey, { kid: 'b' })];
    for (const kid of ['c', 'A', '', 'a ', 0, null, true, {}, ['a']]) {
      expect(await find([a, b], 'ES256', kid)).toBeNull();
      expect(await find([a], 'ES256', kid)).toBeNull();
    }
    expect(await find([a, b], 'ES256')).toBeNull();
    expect(await find([a, { ...b, kid: 'a' }], 'ES256', 'a')).toBeNull();
    // One key that fits needs no name, and a kid may stand for keys of two types (RFC 7517 §4.5).
    expect(same(await find([a], 'ES256'), pairs.EC.publicKey)).toBe(true);
    const named = jwkOf(pairs.RSA.publicKey, { kid: 'a' });
    expect(same(await find([a, named], 'ES256', 'a'), pairs.EC.publicKey)).toBe(true);
  });

  test('F16, H3: what is weak, private, symmetric or for another use is passed over, and refused when registered', async () => {
    const good = jwkOf(pairs.EC.publicKey, { kid: 'a' });
    const weak = jwkOf(rsa(1024).publicKey, { kid: 'a' });
    const bad: [Jwk, string, RegExp][] = [
      [weak, 'RS256', /too weak/],
      [jwkOf(pairs.EC.privateKey, { kid: 'a' }), 'ES256', /private/],
      [jwkOf(pairs.RSA.privateKey, { kid: 'a' }), 'RS256', /private/],
      [{ ...good, k: 'AAAA' }, 'ES256', /private/],
      [{ kty: 'oct', k: 'A'.repeat(43), kid: 'a' }, 'ES256', /symmetric/],
      [{ ...good, use: 'enc' }, 'ES256', /use/],
      [{ ...good, key_ops: ['sign'] }, 'ES256', /key_ops/],
      [{ ...good, key_ops: 'verify' }, 'ES256', /key_ops/],
      [{ ...good, alg: 'HS256' }, 'ES256', /alg/],
      [{ ...good, alg: 'RS256' }, 'ES256', /curve/],
      [{ ...good, kid: 7 }, 'ES256', /kid/],
      [{ ...good, x: good.y }, 'ES256', /no public key/],
      [{ ...good, crv: 'P-192' }, 'ES256', /no public key/],
      [{ kty: 'EC' }, 'ES256', /no public key/],
      [{ kty: 'toString' }, 'ES256', /no public key/],
    ];
    for (const [jwk, alg, problem] of bad) {
      expect([jwk, await find([jwk], alg, 'a')]).toEqual([jwk, null]);
      expect(problemOfJwks({ keys: [jwkOf(pairs.RSA.publicKey), jwk] })).toMatch(/number 2/);
      expect(problemOfJwks({ keys: [jwk] })).toMatch(problem);
    }
    for (const set of [
      null,
      [],
      {},
      { keys: [] },
      { keys: {} },
      'x',
      { keys: Array(101).fill(good) },
      { keys: [null] },
    ]) {
      expect(problemOfJwks(set)).not.toBeNull();
    }
    expect(problemOfJwks({ keys: [good, { ...good }] })).toMatch(/twice/);
    expect(
      problemOfJwks({ keys: [good, jwkOf(pairs.RSA.publicKey, { kid: 'b', use: 'sig', alg: 'PS256' })] }),
    ).toBeNull();
  });

  test('certificates and addresses in a key are not looked at', async () => {
    const other = ec();
    const jwk = jwkOf(pairs.EC.publicKey, {
      kid: 'a',
      x5u: 'http://127.0.0.1:1/',
      x5c: [other.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')],
    });
    expect(same(await find([jwk], 'ES256', 'a'), pairs.EC.publicKey)).toBe(true);
  });
});
