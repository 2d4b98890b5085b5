import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { makeId } from '@latchkey/protocol';
import { defaultsOf } from '../../src/applications/index.ts';
import { rowOfSettings } from '../../src/applications/settings.ts';
import { systemActor } from '../../src/audit/index.ts';
import { createEnvelope, pooledRandom } from '../../src/crypto/index.ts';
import { ALGORITHMS, createCompactSigner } from '../../src/signing-keys/index.ts';
import {
  type AccessTokenClaims,
  type AccessTokenRequest,
  type FamilyRequest,
  FIRST_PARTY_CLIENT,
  type PresentedRefresh,
  type RefreshResult,
  type TokenPair,
} from '../../src/tokens/index.ts';
import { startServer as startAny, type TestServer, type TestServerOptions } from '../harness.ts';

export const randomBytes = pooledRandom();

/** An id of a user whom nobody knows yet; see `makeUser`. */
export const newUserId = () => makeId('user', 1_900_000_000_000, randomBytes);

/** Makes the account of that id, where there is none: the door lets nobody in who has none. */
export async function makeUser({ latchkey }: TestServer, id: string): Promise<void> {
  const email = `${id.toLowerCase()}@example.com`;
  const row = { id, email, email_key: email, email_verified: 1, password_hash: null, name: null, created_at: 1 };
  await latchkey.database.write((tx) =>
    tx.query
      .insertInto('users')
      .values({ ...row, state: 'active', created_in: null })
      .onConflict((conflict) => conflict.doNothing())
      .execute(),
  );
}
/** Makes the application of that id, where there is none: the door lets no token of an unknown one in. */
export async function makeClient({ latchkey, workspaceId }: TestServer, id: string): Promise<void> {
  const settings = { ...defaultsOf('service'), name: 'A client', environment: 'test', scopes: [] } as const;
  const row = { id, workspace_id: workspaceId, self_registered: 0, disabled: 0, created_by: 'test', created_at: 1 };
  await latchkey.database.write((tx) =>
    tx.query
      .insertInto('applications')
      .values({ ...row, ...rowOfSettings(settings) })
      .onConflict((conflict) => conflict.doNothing())
      .execute(),
  );
}

export const newClientId = () => makeId('application', 1_900_000_000_000, randomBytes);

export const audienceOf = (server: TestServer) => `${server.issuer}/v1`;

/** A server on which whoever a token speaks of has an account: these tests are about tokens. */
export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const server = await startAny(options);
  const { call } = server;
  const known = new Set<string>();
  return Object.assign(server, {
    call: async (...[path, request]: Parameters<TestServer['call']>) => {
      // Where the database is away, that is what the test is about.
      for (const id of subjectsIn(request?.key).filter((each) => !known.has(each))) {
        known.add(id);
        await (id.startsWith('usr_') ? makeUser(server, id) : makeClient(server, id)).catch(() => {});
      }
      return call(path, request);
    },
  });
}

/** The user and the application that a token names; none for all else that is presented. */
function subjectsIn(key: string | null | undefined): string[] {
  const named = decoded(key?.split('.')[1] ?? '').matchAll(/"(?:sub|client_id)":"((?:usr|app)_[0-9A-Za-z]{24})"/g);
  return [...named].flatMap(([, id]) => id ?? []);
}

const decoded = (segment: string) => Buffer.from(segment, 'base64url').toString();

/** What a login of somebody in the first workspace gives, unless told otherwise. */
export function requestOf(server: TestServer, changes: Partial<AccessTokenRequest> = {}): AccessTokenRequest {
  return {
    subject: newUserId(),
    clientId: FIRST_PARTY_CLIENT,
    audience: audienceOf(server),
    scopes: ['read', 'write'],
    workspaceId: server.workspaceId,
    environment: 'test',
    epoch: server.latchkey.tokens.epoch(),
    ...changes,
  };
}

export function mint(server: TestServer, changes: Partial<AccessTokenRequest> = {}): string {
  return server.latchkey.tokens.mintAccessToken(requestOf(server, changes)).text;
}

export function familyRequestOf(server: TestServer, changes: Partial<FamilyRequest> = {}): FamilyRequest {
  const { subject: _, ...rest } = requestOf(server);
  return { ...rest, userId: newUserId(), rotation: 'each_use', ...changes };
}

export function startFamily(server: TestServer, changes: Partial<FamilyRequest> = {}): Promise<TokenPair> {
  const request = familyRequestOf(server, changes);
  return server.latchkey.database.write((tx) => server.latchkey.tokens.startFamily(tx, request));
}

export function refresh(
  server: TestServer,
  token: string,
  changes: Partial<PresentedRefresh> = {},
): Promise<RefreshResult> {
  const presented = { token, clientId: FIRST_PARTY_CLIENT, actor: systemActor, ...changes };
  return server.latchkey.database.write((tx) => server.latchkey.tokens.refresh(tx, presented));
}

/** The result of a refresh that must succeed. */
export function pairOf(result: RefreshResult): TokenPair & { isRetry: boolean } {
  if (result.outcome !== 'refreshed') throw new Error(`refused: ${result.reason}`);
  return result;
}

export const refusalOf = (result: RefreshResult) => (result.outcome === 'refused' ? result.reason : 'refreshed');

/** Ends all that a user, client, grant or session was given; how many families those were. */
export async function end(
  server: TestServer,
  kind: 'user' | 'client' | 'grant' | 'session',
  id: string,
): Promise<number> {
  const ended = { kind, id, reason: 'test' } as const;
  const { database, tokens } = server.latchkey;
  return (await database.write((tx) => tokens.raiseWatermark(tx, ended))).families;
}

export const claimsOf = (text: string): AccessTokenClaims & Record<string, unknown> =>
  JSON.parse(Buffer.from(text.split('.')[1] ?? '', 'base64url').toString());

export const headerOf = (text: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(text.split('.')[0] ?? '', 'base64url').toString());

const encode = (part: unknown) =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

/** Somebody who holds the very key that the server signs with, and signs what the server would not. */
export interface Forger {
  kid: string;
  privateKey: KeyObject;
  /** Parts are objects, or texts as they should stand in the token. */
  sign(header: unknown, payload: unknown): string;
  /** The claims, changed, under a header as the server writes it. */
  signClaims(claims: object): string;
}

export async function forgerOf(server: TestServer): Promise<Forger> {
  const row = await server.latchkey.database.read
    .selectFrom('signing_keys')
    .selectAll()
    .where('state', '=', 'active')
    .where('algorithm', '=', 'ES256')
    .executeTakeFirstOrThrow();
  const envelope = createEnvelope(server.config.encryptionKeys, randomBytes);
  const pem = envelope.unseal(row.private_key_sealed ?? '', `signing_keys.private_key:${row.kid}`);
  const privateKey = createPrivateKey(pem);
  const signer = createCompactSigner(ALGORITHMS.ES256, row.kid, privateKey);
  return {
    kid: row.kid,
    privateKey,
    sign: (header, payload) => {
      const input = `${encode(header)}.${encode(payload)}`;
      const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return `${input}.${signature.toString('base64url')}`;
    },
    signClaims: (claims) => signer('at+jwt', claims),
  };
}

export const bearer = (token: string) => ({ key: token });

/** What `GET /v1/auth/verify` says of a token: its status and error code. */
export async function verdictOf(server: TestServer, token: string, path = '/v1/auth/verify'): Promise<string> {
  const { status, json } = await server.call(path, { key: token });
  return status === 200 ? 'valid' : `${status} ${json?.error?.reason ?? json?.error}`;
}
