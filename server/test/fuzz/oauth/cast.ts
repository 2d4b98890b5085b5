import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { Caller, Prepare } from '../callers.ts';
import { PASSWORD, type SignIn } from '../people.ts';
import type { SecretBook } from '../secrets.ts';

/** How a client proves who it is. */
export type Proof = 'basic' | 'post' | 'secret_jwt' | 'key_jwt' | 'none';

/** A registered application that sends forms. */
export interface FuzzClient {
  id: string;
  secret: string;
  proof: Proof;
  caller: Caller;
  isService: boolean;
}

/** Who takes part in OAuth: clients of every kind, and one person at a browser who allows what they ask. */
export interface Cast {
  issuer: string;
  /** For the times of assertions. */
  nowSeconds(): number;
  clients: readonly FuzzClient[];
  /** Signs the assertions of every client that registered its public half. */
  key: KeyObject;
  person: Caller;
  /** Ids that nobody may end during the run. */
  ids: readonly string[];
}

export interface CastOptions {
  prepare: Prepare;
  signIn: SignIn;
  rootKey: string;
  workspaceId: string;
  issuer: string;
  book: SecretBook;
}

export const REDIRECT = 'https://app.example/cb';
const PEOPLE_SCOPES = ['read', 'write', 'openid', 'profile', 'email', 'offline_access'];
const KID = 'fuzz';

type Wanted = Record<string, unknown>;

const WEB = { redirect_uris: [REDIRECT], scopes: PEOPLE_SCOPES, consent: 'skip' };
const SERVICE = { type: 'service', scopes: ['read', 'write'], self_signed_jwt: true };

function wantedClients(key: KeyObject): [string, Proof, Wanted][] {
  const jwks = { keys: [{ ...key.export({ format: 'jwk' }), kid: KID }] };
  const by = (method: string) => ({ token_endpoint_auth_method: method });
  return [
    ['web', 'basic', WEB],
    ['web that rotates', 'post', { ...WEB, ...by('client_secret_post'), refresh_token_rotation: 'always' }],
    ['web that signs', 'secret_jwt', { ...WEB, ...by('client_secret_jwt') }],
    ['web with a key', 'key_jwt', { ...WEB, ...by('private_key_jwt'), jwks, require_pkce: true }],
    ['web that asks', 'basic', { ...WEB, consent: 'ask' }],
    ['native', 'none', { ...WEB, type: 'native' }],
    ['service', 'basic', SERVICE],
    ['service with a key', 'key_jwt', { ...SERVICE, ...by('private_key_jwt'), jwks }],
  ];
}

async function createPerson({ prepare, signIn, rootKey, workspaceId, book }: CastOptions) {
  const email = 'consenter@example.com';
  const json = { email, password: PASSWORD, role: 'developer', workspace_id: workspaceId, email_verified: true };
  const { id, member_id: memberId } = await prepare({ key: rootKey, path: '/v1/users', json, status: 201 });
  const session = await signIn(email, PASSWORD);
  book.enter(session);
  const person: Caller = {
    name: 'consenter',
    credential: null,
    cookie: `latchkey_session=${session}`,
    isPerson: true,
    workspaceId,
    readsOnly: false,
    isDead: false,
  };
  return { person, ids: [id, memberId] as string[] };
}

export async function createCast(options: CastOptions): Promise<Cast> {
  const { prepare, rootKey, workspaceId, issuer, book } = options;
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const clients: FuzzClient[] = [];
  for (const [name, proof, fields] of wantedClients(publicKey)) {
    const json = { name, workspace_id: workspaceId, ...fields };
    const made = await prepare({ key: rootKey, path: '/v1/applications', json, status: 201 });
    const secret: string = made.client_secret ?? '';
    if (secret !== '') book.enter(secret);
    const caller = { name, credential: null, workspaceId, readsOnly: false, isDead: false };
    clients.push({ id: made.client_id, secret, proof, caller, isService: name.startsWith('service') });
  }
  const { person, ids } = await createPerson(options);
  const nowSeconds = () => Math.floor(Date.now() / 1000);
  return { issuer, nowSeconds, clients, key: privateKey, person, ids: [...ids, ...clients.map(({ id }) => id)] };
}
