import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestServer } from '../harness.ts';

export const SECRET = 'a secret of thirty-two bytes, or a few more';
export const ISSUER = 'https://idp.example/';

export const encode = (part: unknown): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

type Algorithm = 'ES256' | 'ES384' | 'RS256' | 'RS512' | 'PS256' | 'EdDSA' | 'HS256';

function signatureOf(alg: string, input: string, key: KeyObject | string): string {
  const data = Buffer.from(input);
  if (typeof key === 'string' || key.type === 'secret') {
    return createHmac('sha256', key).update(data).digest('base64url');
  }
  const ec = { key, dsaEncoding: 'ieee-p1363' } as const;
  const hash = alg === 'EdDSA' ? null : `sha${alg.slice(2)}`;
  const options = alg.startsWith('ES')
    ? ec
    : alg.startsWith('PS')
      ? { key, padding: 6, saltLength: Number(alg.slice(2)) / 8 }
      : key;
  return sign(hash, data, options).toString('base64url');
}

/** A JWT as anybody may make one: parts are objects, or texts as they should stand in it. */
export function signJwt(key: KeyObject | string, header: unknown, payload: unknown, alg?: string): string {
  const input = `${encode(header)}.${encode(payload)}`;
  const named = alg ?? String((header as { alg?: unknown }).alg);
  return `${input}.${signatureOf(named, input, key)}`;
}

/** Somebody else's token service, with a key set that it serves over real sockets. */
export class Idp {
  asked: string[] = [];
  status = 200;
  readonly keys = new Map<string, { privateKey: KeyObject; publicKey: KeyObject; alg: Algorithm }>();
  readonly #server: Server = createServer((request, response) => {
    this.asked.push(request.url ?? '');
    const keys = [...this.keys].map(([kid, { publicKey }]) => ({ ...publicKey.export({ format: 'jwk' }), kid }));
    response.writeHead(this.status, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }));
  });

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  get uri(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks`;
  }

  addKey(kid: string, alg: Algorithm = 'ES256'): this {
    const pair =
      alg === 'EdDSA'
        ? generateKeyPairSync('ed25519')
        : alg.startsWith('ES')
          ? generateKeyPairSync('ec', { namedCurve: alg === 'ES256' ? 'P-256' : 'P-384' })
          : generateKeyPairSync('rsa', { modulusLength: 2048 });
    this.keys.set(kid, { ...pair, alg });
    return this;
  }

  sign(kid: string, claims: object, header: object = {}): string {
    const key = this.keys.get(kid);
    if (!key) throw new Error(`no key ${kid}`);
    return signJwt(key.privateKey, { alg: key.alg, kid, ...header }, claims, key.alg);
  }
}

/** What a token of theirs says, unless told otherwise: for the default resource, for ten minutes from now. */
export function claimsFor(server: Pick<TestServer, 'clock' | 'issuer'>, changes: object = {}): Record<string, unknown> {
  const iat = Math.floor(server.clock.nowMs() / 1000);
  return {
    iss: ISSUER,
    sub: 'robot-7',
    aud: `${server.issuer}/v1`,
    iat,
    exp: iat + 600,
    scope: 'read',
    ...changes,
  };
}

/** Registers an issuer as the root key; throws when that is refused. */
export async function register(server: TestServer, changes: object): Promise<{ id: string } & Record<string, unknown>> {
  const json = { issuer: ISSUER, audience: `${server.issuer}/v1`, scopes: ['read', 'write'], ...changes };
  const reply = await server.call('/v1/trusted-issuers', { key: server.rootKey, json });
  if (reply.status !== 201) throw new Error(`${reply.status} ${reply.text}`);
  return reply.json;
}

/** What `GET /v1/auth/verify` says of a token: its status and error code. */
export async function verdictOf(server: TestServer, token: string, path = '/v1/auth/verify'): Promise<string> {
  const { status, json } = await server.call(path, { key: token });
  return status === 200 ? 'valid' : `${status} ${json?.error?.reason ?? json?.error}`;
}
