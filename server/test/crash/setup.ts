import type { Api } from './api.ts';
import { type Key, type LaneModel, type Model, newQuota, type Workspace } from './model.ts';
import type { Consenter } from './oauth-model.ts';
import { MAX_COST, plainKey } from './operations/keys.ts';
import { BURST } from './operations/quotas.ts';
import { newPerson } from './people-model.ts';

export const LANES = 6;
const QUOTAS = [150, 5000, 200_000];

/** Asks for something that must succeed: nothing is killed meanwhile. */
async function must(api: Api, rootKey: string, method: 'POST' | 'PATCH', path: string, json: unknown) {
  const ending = await api.send({ method, path, key: rootKey, json, requestId: 'setup' });
  if (ending === null || ending.status >= 300) {
    throw new Error(`${method} ${path} was answered ${ending?.status} ${JSON.stringify(ending?.json)}`);
  }
  return ending.json;
}

const NONE = { per_hour: null, per_second: null };

/** Somebody who only allows applications what they ask for, signed in at a browser. */
async function newConsenter(api: Api, rootKey: string, home: Workspace): Promise<Consenter> {
  const proof = { email: `consenter-${home.id}@example.com`, password: 'crash consenter password' };
  const place = { role: 'developer', workspace_id: home.id, email_verified: true };
  const { id } = await must(api, rootKey, 'POST', '/v1/users', { ...proof, ...place });
  const call = { method: 'POST', path: '/v1/account/sign-in', key: null, json: proof, requestId: 'setup' } as const;
  const cookie = (await api.send(call))?.cookie;
  if (!cookie) throw new Error(`${proof.email} could not sign in`);
  return { id, email: proof.email, cookie };
}

async function newLane(api: Api, rootKey: string, name: string): Promise<LaneModel> {
  const workspace = async (kind: string): Promise<Workspace> => {
    const { id } = await must(api, rootKey, 'POST', '/v1/workspaces', { name: `${kind} of ${name}` });
    return { id, isSuspended: false, isBusy: false };
  };
  const [home, side] = await Promise.all([workspace('Home'), workspace('Side')]);
  const json = { name: 'Manager', scopes: ['admin'], workspace_id: home.id };
  const { key: manager } = await must(api, rootKey, 'POST', '/v1/api-keys', json);
  // Guesses are counted by address, in a Redis that outlives an installation.
  const owner = { email: `owner-${home.id}@example.com`, password: 'crash owner password' };
  const place = { role: 'owner', workspace_id: home.id, email_verified: true } as const;
  const { id, member_id: memberId } = await must(api, rootKey, 'POST', '/v1/users', { ...owner, ...place });
  const people = [newPerson({ ...owner, id, place: { role: place.role, memberId } })];
  const oauth = { person: await newConsenter(api, rootKey, home), apps: [] };
  return { name, home, side, manager, keys: [], people, spentLinks: [], oauth };
}

async function newQuotaKey(api: Api, rootKey: string, workspace: Workspace, limit: number): Promise<Key> {
  const facts = { name: `Quota of ${limit}`, scopes: ['read'], metadata: { made: 'setup', version: '0' } };
  const json = { ...facts, workspace_id: workspace.id, quota: { limit, period: 'total' } };
  const { id, key } = await must(api, rootKey, 'POST', '/v1/api-keys', json);
  return { ...plainKey(workspace, { ...facts, id }), text: key, quota: newQuota(limit, LANES * BURST * MAX_COST) };
}

/** A new installation as the operator makes it ready: no limits in the way, a workspace for each lane. */
export async function fillModel(model: Model, api: Api, rootKey: string): Promise<void> {
  await must(api, rootKey, 'PATCH', '/v1/plans/standard', { api_key: NONE, oauth: NONE, login: NONE, nobody: NONE });
  const names = Array.from({ length: LANES }, (_, index) => `l${index + 1}`);
  const lanes = await Promise.all(names.map((name) => newLane(api, rootKey, name)));
  const [first] = lanes;
  if (!first) throw new Error('there are no lanes');
  const quotaKeys = await Promise.all(QUOTAS.map((limit) => newQuotaKey(api, rootKey, first.home, limit)));
  Object.assign(model, { rootKey, lanes, quotaKeys });
}
