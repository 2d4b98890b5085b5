import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createLocalJWKSet, createRemoteJWKSet, type JSONWebKeySet, jwtVerify } from 'jose';
import jsonwebtoken from 'jsonwebtoken';
import { JwksClient } from 'jwks-rsa';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { AlgorithmName } from '../../src/signing-keys/index.ts';
import { readDocument } from '../docs/documents.ts';
import { type ManualClock, manualClock, stopServers, type TestServer } from '../harness.ts';
import { findBinary } from '../services/find-binary.ts';
import { audienceOf, claimsOf, headerOf, mint, startServer } from './issuing.ts';

afterEach(stopServers);

const DAY_MS = 24 * 3_600_000;
const ALL: AlgorithmName[] = ['ES256', 'RS256', 'EdDSA'];

const hasPyJwt = (path: string) => spawnSync(path, ['-c', 'import jwt, cryptography']).status === 0;

const jwksUrl = (server: TestServer) => `${server.url}/.well-known/jwks.json`;

async function jwksOf(server: TestServer): Promise<JSONWebKeySet> {
  return (await server.call('/.well-known/jwks.json', { key: null })).json;
}

/** `jti` of each token that verifies, or why it does not: by the address of the JWKS, and by a copy that was kept. */
interface Verdict {
  by_address: string;
  by_copy: string;
}

type Verifier = (server: TestServer, jwks: JSONWebKeySet, tokens: string[]) => Promise<Verdict[]>;

const reasonOf = (error: unknown) => (error instanceof Error ? error.constructor.name : String(error));

const withJose: Verifier = async (server, jwks, tokens) => {
  const options = {
    issuer: server.issuer,
    audience: audienceOf(server),
    algorithms: ALL,
    typ: 'at+jwt',
    currentDate: new Date(server.clock.nowMs()),
    requiredClaims: ['sub', 'jti', 'client_id'],
  };
  const [remote, local] = [createRemoteJWKSet(new URL(jwksUrl(server))), createLocalJWKSet(jwks)];
  const verdict = (token: string, keys: typeof remote | typeof local) =>
    jwtVerify(token, keys, options).then(({ payload }) => payload.jti ?? '', reasonOf);
  return Promise.all(
    tokens.map(async (token) => ({ by_address: await verdict(token, remote), by_copy: await verdict(token, local) })),
  );
};

const withJsonwebtoken: Verifier = async (server, jwks, tokens) => {
  const options = {
    issuer: server.issuer,
    audience: audienceOf(server),
    algorithms: ['ES256', 'RS256'] as jsonwebtoken.Algorithm[],
    clockTimestamp: server.clock.nowMs() / 1000,
  };
  const remote = new JwksClient({ jwksUri: jwksUrl(server) });
  const local = new JwksClient({ jwksUri: jwksUrl(server), fetcher: async () => ({ keys: jwks.keys }) });
  const verdict = async (token: string, client: JwksClient) => {
    try {
      const key = await client.getSigningKey(String(headerOf(token).kid));
      return String((jsonwebtoken.verify(token, key.getPublicKey(), options) as jsonwebtoken.JwtPayload).jti);
    } catch (error) {
      return reasonOf(error);
    }
  };
  return Promise.all(
    tokens.map(async (token) => ({ by_address: await verdict(token, remote), by_copy: await verdict(token, local) })),
  );
};

const withPyJwt: Verifier = async (server, jwks, tokens) => {
  const python = findBinary({ name: 'python3', also: ['/usr/bin'], debianPackage: 'python3-jwt', accepts: hasPyJwt });
  const script = fileURLToPath(new URL('verify_with_pyjwt.py', import.meta.url));
  const asked = {
    jwks_url: jwksUrl(server),
    jwks,
    tokens,
    issuer: server.issuer,
    audience: audienceOf(server),
    leeway_seconds: 40 * 86_400,
  };
  // Not spawnSync: the server that it asks is in this very process.
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = execFile(python, [script], (error, stdout) => (error ? reject(error) : resolve(stdout)));
  child.stdin?.end(JSON.stringify(asked));
  return JSON.parse(await promise);
};

const VERIFIERS: [name: string, Verifier, AlgorithmName[]][] = [
  ['jose', withJose, ALL],
  ['jsonwebtoken with jwks-rsa', withJsonwebtoken, ['ES256', 'RS256']],
  ['PyJWT', withPyJwt, ALL],
];

async function prepareAll(server: TestServer, clock: ManualClock, algorithms: readonly AlgorithmName[]): Promise<void> {
  const { signingKeys } = server.latchkey;
  for (const algorithm of algorithms) await signingKeys.prepare(algorithm);
  clock.advance(361_000);
  await signingKeys.maintain();
}

const passes = (token: string): Verdict => ({
  by_address: String(claimsOf(token).jti),
  by_copy: String(claimsOf(token).jti),
});

test('the program of the guide verifies our tokens, and nothing else', async () => {
  const clock = manualClock(Date.now());
  const server = await startServer({ clock });
  const [, code = ''] =
    /```js file=verify\.mjs\n(.*?)```/s.exec(readDocument('docs/guides/rotate-signing-keys.md')) ?? [];
  const module = code.replace("'http://localhost:4000'", JSON.stringify(server.issuer));
  const { verifyToken } = await import(`data:text/javascript,${encodeURIComponent(module)}`);
  const token = mint(server);
  expect(await verifyToken(token)).toEqual(claimsOf(token));
  const odd = [
    `${token.slice(0, -6)}AAAAAA`,
    mint(server, { audience: 'https://api.example.com' }),
    token.replace(/^[^.]+/, Buffer.from('{"alg":"none"}').toString('base64url')),
  ];
  for (const text of odd) await expect(verifyToken(text)).rejects.toThrow();
  await server.call('/v1/signing-keys/rotate', { key: server.rootKey, json: { emergency: true } });
  await expect(verifyToken(token)).rejects.toThrow('unknown key');
});

describe.each(VERIFIERS)('%s', (_name, verify, algorithms) => {
  test('verifies our tokens before, during and after a rotation, with the keys of now or of one cache lifetime ago', async () => {
    const clock = manualClock(Date.now());
    const server = await startServer({ clock });
    await prepareAll(server, clock, algorithms);
    const mintAll = () => algorithms.map((algorithm) => mint(server, { algorithm, ttlSeconds: 86_400 }));
    const rotateAll = async () => {
      for (const algorithm of algorithms) {
        const reply = await server.call('/v1/signing-keys/rotate', { key: server.rootKey, json: { algorithm } });
        expect(reply.status).toBeLessThan(300);
      }
    };
    const kids = (tokens: string[]) => tokens.map((token) => headerOf(token).kid);

    const before = mintAll();
    expect(await verify(server, await jwksOf(server), before)).toEqual(before.map(passes));

    // Planned: the next keys are seen by who asks now, and nobody asks again for the cache lifetime.
    await rotateAll();
    clock.advance(60_001);
    const seen = await jwksOf(server);
    const during = mintAll();
    expect(await verify(server, seen, [...before, ...during])).toEqual([...before, ...during].map(passes));

    clock.advance(300_000);
    await vi.waitFor(
      () => {
        for (const algorithm of algorithms) {
          expect(kids(before)).not.toContain(server.latchkey.signingKeys.signer(algorithm).kid);
        }
      },
      { timeout: 5000, interval: 50 },
    );
    const after = mintAll();
    for (const kid of kids(after)) expect(kids(before)).not.toContain(kid);
    expect(await verify(server, seen, [...during, ...after])).toEqual([...during, ...after].map(passes));
    expect(await verify(server, await jwksOf(server), [...before, ...after])).toEqual(
      [...before, ...after].map(passes),
    );
  });

  test('refuses what was signed with a key that was revoked, as soon as it asks again', async () => {
    const clock = manualClock(Date.now());
    const server = await startServer({ clock });
    clock.advance(DAY_MS);
    await vi.waitFor(() => expect(server.latchkey.changes.isFresh()).toBe(true), { timeout: 10_000 });
    const leaked = mint(server);
    await server.call('/v1/signing-keys/rotate', { key: server.rootKey, json: { emergency: true } });
    const fresh = mint(server);
    const [old, now] = await verify(server, await jwksOf(server), [leaked, fresh]);
    expect(now).toEqual(passes(fresh));
    expect(old).not.toEqual(passes(leaked));
    expect([old?.by_address, old?.by_copy]).not.toContain(claimsOf(leaked).jti);
  });
});
