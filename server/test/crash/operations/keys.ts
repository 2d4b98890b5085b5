import { perform, performTwins } from '../deeds.ts';
import type { Lane, Operation } from '../lane.ts';
import { isAlive, type Key, type NewDeed, newQuota, type Outcome, type Subject, type Workspace } from '../model.ts';

/** The most that one call spends. */
export const MAX_COST = 3;
const SCOPES = [['read'], ['read', 'write'], ['read', 'write', 'delete'], ['read:own']];
const PATH = '/v1/api-keys';

/** A key of the lane's own that is in a known state and may be changed; undefined when there is none. */
export function pickKey(lane: Lane, fits: (key: Key) => boolean = () => true): Key | undefined {
  return lane.random.pick(lane.own.keys.filter((key) => !key.isBusy && key.state !== 'deleted' && fits(key)));
}

/** With an Idempotency-Key in half of the cases, so that both kinds of call meet a crash. */
export function maybeIdempotent(lane: Lane): { idempotencyKey?: string } {
  return lane.random.chance(50) ? { idempotencyKey: lane.newName() } : {};
}

export const plainKey = (workspace: Workspace, facts: Pick<Key, 'id' | 'name' | 'scopes' | 'metadata'>): Key => ({
  ...facts,
  text: null,
  workspace,
  state: 'active',
  predecessor: null,
  successorId: null,
  quota: null,
  importedHash: null,
  isBusy: false,
  isTouched: true,
});

/** A new key in the lane's home, sometimes with a small quota. */
export function newKeyDeed(lane: Lane, workspace: Workspace, options: { isIdempotent?: boolean } = {}): NewDeed {
  const name = lane.newName();
  const scopes = lane.random.pick(SCOPES) ?? [];
  const metadata = { made: name, version: '0' };
  const limit = lane.random.chance(15) ? 5 + lane.random.below(60) : null;
  const isHome = workspace === lane.own.home;
  const made: Key[] = [];
  const learn = (secret: string) => {
    for (const key of made) key.text = secret;
  };
  return {
    operation: 'create key',
    call: {
      method: 'POST',
      path: PATH,
      key: isHome ? lane.own.manager : lane.model.rootKey,
      json: {
        name,
        scopes,
        metadata,
        ...(limit === null ? {} : { quota: { limit, period: 'total' } }),
        ...(isHome ? {} : { workspace_id: workspace.id }),
      },
      ...(options.isIdempotent ? { idempotencyKey: lane.newName() } : maybeIdempotent(lane)),
    },
    expected: 201,
    actions: ['api_key.created'],
    subjects: [],
    promise: ({ ids: [id = ''], reply }: Outcome) => {
      const quota = limit === null ? null : newQuota(limit, MAX_COST);
      const key = { ...plainKey(workspace, { id, name, scopes, metadata }), text: reply?.key ?? null, quota };
      made.push(key);
      lane.own.keys.push(key);
    },
    learn,
  };
}

const create: Operation = {
  name: 'create key',
  weight: 8,
  isChange: true,
  run: async (lane) => {
    await perform(lane, newKeyDeed(lane, lane.random.chance(15) ? lane.own.side : lane.own.home));
  },
};

const createTwins: Operation = {
  name: 'create key twice at once',
  weight: 2,
  isChange: true,
  run: (lane) => performTwins(lane, newKeyDeed(lane, lane.own.home, { isIdempotent: true })),
};

/** What a call about a key says of itself: the manager's in its home, root's elsewhere. */
function about(lane: Lane, key: Key, method: 'PATCH' | 'POST', verb: string, json: Record<string, unknown>) {
  const isHome = key.workspace === lane.own.home;
  return {
    method,
    path: `${PATH}/${key.id}${verb}`,
    key: isHome ? lane.own.manager : lane.model.rootKey,
    json: isHome ? json : { ...json, workspace_id: key.workspace.id },
    ...maybeIdempotent(lane),
  };
}

const patch: Operation = {
  name: 'patch key',
  weight: 6,
  isChange: true,
  run: async (lane) => {
    const key = pickKey(lane, ({ state }) => state !== 'revoked');
    if (!key) return;
    const version = String(Number(key.metadata.version) + 1);
    const changes: Partial<Pick<Key, 'name' | 'scopes' | 'metadata'>> = { metadata: { ...key.metadata, version } };
    if (lane.random.chance(50)) changes.name = `${key.metadata.made} v${version}`;
    if (lane.random.chance(30)) changes.scopes = lane.random.pick(SCOPES) ?? [];
    const state = lane.random.chance(30) ? (key.state === 'active' ? 'disabled' : 'active') : key.state;
    const json = { ...changes, ...(state === key.state ? {} : { state }) };
    await perform(lane, {
      operation: 'patch key',
      call: about(lane, key, 'PATCH', '', json),
      expected: 200,
      actions: ['api_key.updated'],
      subjects: [key],
      promise: () => void Object.assign(key, changes, { state, isTouched: true }),
    });
  },
};

const revoke: Operation = {
  name: 'revoke key',
  weight: 4,
  isChange: true,
  run: async (lane) => {
    const key = pickKey(lane, ({ state }) => state !== 'revoked');
    if (!key) return;
    await perform(lane, {
      operation: 'revoke key',
      call: about(lane, key, 'POST', '/revoke', { reason: 'crash test' }),
      expected: 200,
      actions: ['api_key.revoked'],
      subjects: [key],
      promise: () => void Object.assign(key, { state: 'revoked', isTouched: true }),
    });
  },
};

const remove: Operation = {
  name: 'delete key',
  weight: 2,
  isChange: true,
  run: async (lane) => {
    const key = pickKey(lane);
    if (!key) return;
    const isHome = key.workspace === lane.own.home;
    await perform(lane, {
      operation: 'delete key',
      call: {
        method: 'DELETE',
        path: `${PATH}/${key.id}${isHome ? '' : `?workspace_id=${key.workspace.id}`}`,
        key: isHome ? lane.own.manager : lane.model.rootKey,
        ...maybeIdempotent(lane),
      },
      expected: 204,
      actions: ['api_key.deleted'],
      subjects: [key],
      promise: () => void Object.assign(key, { state: 'deleted', isTouched: true }),
    });
  },
};

/** The successor inherits everything; an older predecessor ends, and with no overlap the old key too. */
function succeed(lane: Lane, old: Key, hasOverlap: boolean, { ids: [id = ''], reply }: Outcome): Key {
  const { predecessor } = old;
  if (predecessor !== null && predecessor.state !== 'deleted') {
    Object.assign(predecessor, { state: 'revoked', isTouched: true });
  }
  const successor: Key = {
    ...plainKey(old.workspace, { id, name: old.name, scopes: old.scopes, metadata: old.metadata }),
    text: reply?.key ?? null,
    predecessor: hasOverlap ? old : null,
    quota: old.quota,
  };
  Object.assign(old, { successorId: id, isTouched: true, ...(hasOverlap ? {} : { state: 'revoked' }) });
  lane.own.keys.push(successor);
  return successor;
}

const rotate: Operation = {
  name: 'rotate key',
  weight: 6,
  isChange: true,
  run: async (lane) => {
    const isFree = (key: Key | null) => !key?.isBusy;
    const old = pickKey(
      lane,
      ({ state, successorId, predecessor }) => state === 'active' && successorId === null && isFree(predecessor),
    );
    if (!old) return;
    const hasOverlap = lane.random.chance(60);
    const made: Key[] = [];
    const endsOlder = old.predecessor !== null && !['revoked', 'deleted'].includes(old.predecessor.state);
    await perform(lane, {
      operation: hasOverlap ? 'rotate key' : 'rotate key without overlap',
      call: about(lane, old, 'POST', '/rotate', { overlap: hasOverlap ? '1h' : '0s' }),
      expected: 201,
      actions: endsOlder ? ['api_key.revoked', 'api_key.rotated'] : ['api_key.rotated'],
      subjects: old.predecessor === null ? [old] : [old, old.predecessor],
      promise: (outcome) => void made.push(succeed(lane, old, hasOverlap, outcome)),
      learn: (secret) => {
        for (const key of made) key.text = secret;
      },
    });
  },
};

/** Nobody changes these meanwhile. */
export async function undisturbed<T>(subjects: readonly Subject[], run: () => Promise<T>): Promise<T> {
  for (const subject of subjects) subject.isBusy = true;
  try {
    return await run();
  } finally {
    for (const subject of subjects) subject.isBusy = false;
  }
}

/** The door's word on a key must be the model's, at every moment: this lane alone changes it. */
const use: Operation = {
  name: 'call with key',
  weight: 8,
  run: async (lane) => {
    const key = pickKey(lane, ({ text, quota, workspace }) => text !== null && quota === null && !workspace.isBusy);
    if (!key || key.text === null) return;
    const path = '/v1/auth/verify';
    const call = { method: 'GET', path, key: key.text, requestId: lane.newName() } as const;
    const ending = await undisturbed([key, key.workspace], () => lane.api.send(call));
    if (ending === null || ending.status === 503) return;
    if ((ending.status === 200) === isAlive(key) && ending.status < 500) return;
    lane.model.violations.push(
      `key ${key.id} is ${key.state}${key.workspace.isSuspended ? ' in a suspended workspace' : ''}, and ${path} answered ${ending.status}`,
    );
  },
};

export const keyOperations: Operation[] = [create, createTwins, patch, revoke, remove, rotate, use];
