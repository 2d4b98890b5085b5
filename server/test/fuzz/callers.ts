import { createHash } from 'node:crypto';
import { createPeople, type SignIn } from './people.ts';
import type { SecretBook } from './secrets.ts';

/** Somebody who sends requests. */
export interface Caller {
  name: string;
  /** Null: presents nothing. */
  credential: string | null;
  /** What a browser sends along, as the whole header. */
  cookie?: string;
  /** What the forms of that browser carry. */
  formToken?: string;
  /** A person, who may always do what is about oneself. */
  isPerson?: true;
  /** Whose workspace it acts in; null: root, or nobody. */
  workspaceId: string | null;
  /** Holds no scope that changes anything. */
  readsOnly: boolean;
  /** Must be let in nowhere. */
  isDead: boolean;
}

/** What all requests are sent into: who calls, and what must come out of it unharmed. */
export interface World {
  callers: Caller[];
  /** The root key is one of the callers, too. */
  rootKey: string;
  /** The workspace of most callers, and the one that they must not reach. */
  ownWorkspace: string;
  otherWorkspace: string;
  scopes: string[];
  /**
   * What no request may change that would be allowed to, or all callers would die of it: ids and names, each with the
   * workspace that it belongs to; null: the operator's.
   */
  pinned: ReadonlyMap<string, string | null>;
  /** Objects of the other workspace. */
  foreign: ForeignObject[];
  /** Stands in every text of those objects, and in no request. */
  marker: string;
  /** Sees the other workspace; sends no requests of the run. */
  observer: string;
  /** Addresses of accounts that anybody may sign in to. */
  emails: readonly string[];
  /** Keeps people signed in, in a long run. */
  renew(): Promise<void>;
}

export interface ForeignObject {
  path: string;
  id: string;
  /** As its owner saw it before. */
  before: string;
}

/** A plain call of the preparation; throws on any other status. */
export type Prepare = (call: {
  key: string | null;
  cookie?: string;
  method?: string;
  path: string;
  json?: unknown;
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: replies are looked into freely in tests
}) => Promise<any>;

const UNLIMITED = { per_hour: null, per_second: null };

/** Takes the limits off the standard plan. */
export async function liftLimits(prepare: Prepare, rootKey: string): Promise<void> {
  const json = { api_key: UNLIMITED, oauth: UNLIMITED, login: UNLIMITED, jwt: UNLIMITED, nobody: UNLIMITED };
  await prepare({ key: rootKey, method: 'PATCH', path: '/v1/plans/standard', json, status: 200 });
}

interface Wanted {
  scopes: string[];
  [field: string]: unknown;
}

type MakeKey = (wanted: Wanted) => Promise<{ id: string; key: string; workspace_id: string }>;

const KEYS = ['api_keys:read', 'api_keys:write', 'api_keys:verify'];
const FULL = ['read', 'write', 'delete', ...KEYS, 'applications:read', 'applications:write'];

async function ownCallers(make: MakeKey, workspaceId: string, testKey: string): Promise<[Caller[], string[]]> {
  const ids: string[] = [];
  const caller = async (name: string, wanted: Wanted, traits: Partial<Caller> = {}): Promise<Caller> => {
    const { id, key } = await make({ workspace_id: workspaceId, ...wanted });
    ids.push(id);
    return { name, credential: key, workspaceId, readsOnly: false, isDead: false, ...traits };
  };
  const callers = [
    { name: 'the first test key', credential: testKey, workspaceId, readsOnly: false, isDead: false },
    await caller('full test key', { scopes: FULL }),
    await caller('admin', { scopes: ['admin'] }),
    await caller('live key', { scopes: FULL, environment: 'live' }),
    await caller('restricted key', { scopes: ['read', 'write', 'api_keys:read'], type: 'restricted' }),
    await caller('reader', { scopes: ['read', 'api_keys:read', 'usage:read'] }, { readsOnly: true }),
    await caller('own rows only', { scopes: ['read:own', 'write:own', 'delete:own'] }),
    await caller('no scopes', { scopes: [] }, { readsOnly: true }),
    await caller('few calls', { scopes: FULL, limits: { per_hour: 400, per_second: 2 } }),
    await caller('small quota', { scopes: FULL, quota: { limit: 5, period: 'total' } }),
    await caller('every workspace', { scopes: ['api_keys:verify', 'usage:read'], all_workspaces: true }),
    await caller('expired', { scopes: FULL, expires_in: '1s' }, { isDead: true }),
    await caller('elsewhere', { scopes: FULL, ip_allowlist: ['192.0.2.0/24'] }, { isDead: true }),
  ];
  return [callers, ids];
}

async function importedCaller(prepare: Prepare, rootKey: string, workspaceId: string): Promise<[Caller, string]> {
  const credential = 'imported-credential-of-the-fuzz-run';
  const value = createHash('sha256').update(credential).digest('hex');
  const keys = [{ name: 'imported', scopes: FULL, hash: { algorithm: 'sha256', value } }];
  const json = { workspace_id: workspaceId, keys };
  const { data } = await prepare({ key: rootKey, path: '/v1/api-keys/import', json, status: 201 });
  return [{ name: 'imported key', credential, workspaceId, readsOnly: false, isDead: false }, data[0].id];
}

/** A key that was made for one second is refused after it. */
async function refusedAtLast(prepare: Prepare, key: string | null): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) {
    const isRefused = await prepare({ key, path: '/v1/auth/verify', status: 401 }).then(
      () => true,
      () => false,
    );
    if (isRefused) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('a key that expired is let in');
}

interface Foreign {
  workspaceId: string;
  observer: string;
  objects: ForeignObject[];
  ids: string[];
}

async function foreignWorkspace(prepare: Prepare, make: MakeKey, rootKey: string, marker: string): Promise<Foreign> {
  const json = { name: marker, metadata: { secret: marker } };
  const { id: workspaceId } = await prepare({ key: rootKey, path: '/v1/workspaces', json, status: 201 });
  const observer = await make({ name: `${marker} observer`, scopes: ['admin'], workspace_id: workspaceId });
  const wanted: [string, object][] = [
    ['/v1/projects', { name: `${marker} project` }],
    ['/v1/orders', { item: `${marker} item` }],
    [
      '/v1/applications',
      { name: `${marker} application`, scopes: [], redirect_uris: [`https://${marker}.example/cb`] },
    ],
    ['/v1/api-keys', { name: `${marker} key`, scopes: ['read'], metadata: { secret: marker }, external_id: marker }],
  ];
  const objects: ForeignObject[] = [];
  for (const [path, body] of wanted) {
    const { id } = await prepare({ key: observer.key, path, json: body, status: 201 });
    const now = await prepare({ key: observer.key, path: `${path}/${id}`, status: 200 });
    objects.push({ path: `${path}/${id}`, id, before: JSON.stringify(now) });
  }
  return {
    workspaceId,
    observer: observer.key,
    objects,
    ids: [workspaceId, observer.id, ...objects.map(({ id }) => id)],
  };
}

/** Two workspaces, and callers of every kind; what they hold is entered into the book of secrets. */
export async function createWorld(
  prepare: Prepare,
  first: {
    rootKey: string;
    testKey: string;
    workspaceId: string;
    testKeyId: string;
    owner: { email: string; password: string };
  },
  signIn: SignIn,
  book: SecretBook,
  marker: string,
): Promise<World> {
  const { rootKey, testKey, workspaceId } = first;
  await liftLimits(prepare, rootKey);
  const make: MakeKey = (wanted) =>
    prepare({ key: rootKey, path: '/v1/api-keys', json: { name: 'caller', ...wanted }, status: 201 });
  const foreign = await foreignWorkspace(prepare, make, rootKey, marker);
  const [own, ownIds] = await ownCallers(make, workspaceId, testKey);
  const [imported, importedId] = await importedCaller(prepare, rootKey, workspaceId);
  const neighbor = await make({ scopes: FULL, workspace_id: foreign.workspaceId });
  const revoked = await make({ scopes: FULL, workspace_id: workspaceId });
  await prepare({
    key: rootKey,
    path: `/v1/api-keys/${revoked.id}/revoke`,
    json: { workspace_id: workspaceId },
    status: 200,
  });
  const suspended = await prepare({ key: rootKey, path: '/v1/workspaces', json: { name: 'suspended' }, status: 201 });
  const sleeper = await make({ scopes: FULL, workspace_id: suspended.id });
  const suspend = {
    method: 'PATCH',
    path: `/v1/workspaces/${suspended.id}`,
    json: { state: 'suspended' },
    status: 200,
  };
  await prepare({ key: rootKey, ...suspend });
  const expired = own.find(({ name }) => name === 'expired')?.credential ?? null;
  await refusedAtLast(prepare, expired);
  const { owner } = first;
  const otherWorkspace = foreign.workspaceId;
  const people = await createPeople({ prepare, signIn, rootKey, owner, workspaceId, otherWorkspace, marker, book });
  const alive = { readsOnly: false, isDead: false };
  const callers: Caller[] = [
    { name: 'nobody', credential: null, workspaceId: null, readsOnly: true, isDead: true },
    { name: 'root', credential: rootKey, workspaceId: null, ...alive },
    ...own,
    imported,
    { name: 'neighbor', credential: neighbor.key, workspaceId: foreign.workspaceId, ...alive },
    { name: 'revoked', credential: revoked.key, workspaceId, readsOnly: true, isDead: true },
    ...people.callers,
    { name: 'suspended', credential: sleeper.key, workspaceId: suspended.id, readsOnly: true, isDead: true },
  ];
  for (const { credential } of callers) if (credential !== null) book.enter(credential);
  book.enter(foreign.observer);
  const names = async (path: string): Promise<string[]> =>
    (await prepare({ key: rootKey, path, status: 200 })).data.map(({ name }: { name: string }) => name);
  const [scopes, plans] = [await names('/v1/scopes'), await names('/v1/plans')];
  const ids = [...people.ownIds, first.testKeyId, ...ownIds, importedId, revoked.id, sleeper.id];
  return {
    callers,
    rootKey,
    ownWorkspace: workspaceId,
    otherWorkspace: foreign.workspaceId,
    scopes,
    pinned: new Map([
      [workspaceId, workspaceId],
      ...[suspended.id, ...scopes, ...plans].map((each) => [each, null] as const),
      ...ids.map((each) => [each, workspaceId] as const),
      ...[neighbor.id, ...foreign.ids, ...people.foreignIds].map((each) => [each, foreign.workspaceId] as const),
    ]),
    foreign: foreign.objects,
    marker,
    observer: foreign.observer,
    emails: people.emails,
    renew: people.renew,
  };
}
