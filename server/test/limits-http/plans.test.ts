import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MadeKey, makeKey, START_MS } from '../domains/installation.ts';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { codeOf, expectUnlimited, toldIn } from './told.ts';

const clock = manualClock(START_MS);
let server: TestServer;

beforeAll(async () => {
  server = await startServer({ limits: 'real', clock });
});
afterAll(stopServers);

const asRoot = async (method: string, path: string, json: object) => {
  const reply = await server.call(path, { key: server.rootKey, method, json });
  expect(reply.status, reply.text).toBeLessThan(300);
  return reply.json;
};
const newWorkspace = (fields: object) => asRoot('POST', '/v1/workspaces', { name: 'Tenant', ...fields });
const newPlan = (name: string, fields: object) => asRoot('POST', '/v1/plans', { name, ...fields });
const change = ({ id, workspace_id }: MadeKey, fields: object) =>
  asRoot('PATCH', `/v1/api-keys/${id}`, { workspace_id, ...fields });

const use = async ({ key }: MadeKey) => toldIn(await server.call('/v1/auth/verify', { key }));
const limitsOf = async (key: MadeKey) => {
  const { policies } = await use(key);
  return [policies.hour?.q ?? null, policies.second?.q ?? null];
};
const STANDARD = [10_000, 100];

describe('a key lives under', () => {
  test('its own limits, else its plan, else those of its workspace, else the standard plan', async () => {
    const workspace = await newWorkspace({});
    const key = await makeKey(server, { workspace_id: workspace.id });
    expect(await limitsOf(key)).toEqual(STANDARD);
    await asRoot('PATCH', `/v1/workspaces/${workspace.id}`, { plan: 'starter' });
    expect(await limitsOf(key)).toEqual([1000, null]);
    await asRoot('PATCH', `/v1/workspaces/${workspace.id}`, { limits: { per_hour: 77 } });
    expect(await limitsOf(key)).toEqual([77, null]);
    await newPlan('ladder', { api_key: { per_hour: 66, per_second: 6 } });
    await change(key, { plan: 'ladder' });
    expect(await limitsOf(key)).toEqual([66, 6]);
    await change(key, { limits: { per_second: 5 } });
    expect(await limitsOf(key)).toEqual([null, 5]);
    await change(key, { limits: null, plan: null });
    await asRoot('PATCH', `/v1/workspaces/${workspace.id}`, { limits: null, plan: null });
    expect(await limitsOf(key)).toEqual(STANDARD);
  });

  test('the standard plan again when its own is deleted', async () => {
    await newPlan('gone', { api_key: { per_hour: 5 } });
    const key = await makeKey(server, { plan: 'gone' });
    expect(await limitsOf(key)).toEqual([5, null]);
    const deleted = await server.call('/v1/plans/gone', { key: server.rootKey, method: 'DELETE' });
    expect(deleted.status).toBe(204);
    expect(await limitsOf(key)).toEqual(STANDARD);
    const kept = await server.call('/v1/plans/standard', { key: server.rootKey, method: 'DELETE' });
    expect(codeOf(kept)).toBe('conflict');
  });

  test('no limit under a plan that has none', async () => {
    await newPlan('free', {});
    const { key } = await makeKey(server, { plan: 'free' });
    expectUnlimited(await server.call('/v1/auth/verify', { key }));
  });
});

describe('an edit takes effect at once and keeps the count', () => {
  const spend = async (key: MadeKey, calls: number) => {
    for (let call = 0; call < calls; call += 1) await use(key);
  };

  test('of the key’s own limits', async () => {
    const key = await makeKey(server, { limits: { per_hour: 10 } });
    await spend(key, 4);
    const { hour: before } = await use(key);
    expect(before?.remaining).toBe(5);
    clock.advance(60_000);
    await change(key, { limits: { per_hour: 6 } });
    expect((await use(key)).hour).toEqual({ ...before, limit: 6, remaining: 0 });
    expect((await use(key)).retryAfter).toBe(3540);
    await change(key, { limits: { per_hour: 3 } });
    expect((await use(key)).hour).toEqual({ ...before, limit: 3, remaining: 0 });
    await change(key, { limits: { per_hour: 100 } });
    expect((await use(key)).hour).toEqual({ ...before, limit: 100, remaining: 93 });
  });

  test('of its plan', async () => {
    await newPlan('edited', { api_key: { per_hour: 10 } });
    const key = await makeKey(server, { plan: 'edited' });
    await spend(key, 4);
    await asRoot('PATCH', '/v1/plans/edited', { api_key: { per_hour: 5 } });
    expect((await use(key)).hour).toMatchObject({ limit: 5, remaining: 0 });
    expect((await use(key)).retryAfter).toBe(3600);
    await asRoot('PATCH', '/v1/plans/edited', { oauth: { per_hour: 1 } });
    expect((await use(key)).hour).toMatchObject({ limit: 5, remaining: 0 });
    await asRoot('PATCH', '/v1/plans/edited', { api_key: { per_hour: 20 } });
    expect((await use(key)).hour).toMatchObject({ limit: 20, remaining: 14 });
  });

  test('from one plan to another', async () => {
    await newPlan('small', { api_key: { per_hour: 10 } });
    await newPlan('large', { api_key: { per_hour: 1000 } });
    const key = await makeKey(server, { plan: 'small' });
    await spend(key, 10);
    expect((await use(key)).retryAfter).toBe(3600);
    await change(key, { plan: 'large' });
    expect((await use(key)).hour).toMatchObject({ limit: 1000, remaining: 989 });
    await change(key, { plan: 'small' });
    expect((await use(key)).retryAfter).toBe(3600);
  });
});

describe('buckets', () => {
  test('are one for each key', async () => {
    const [one, other] = [await makeKey(server, { plan: 'starter' }), await makeKey(server, { plan: 'starter' })];
    for (let call = 0; call < 3; call += 1) await use(one);
    expect((await use(other)).hour?.remaining).toBe(999);
  });

  test('are one for a key and its successor, through the overlap', async () => {
    const old = await makeKey(server, { limits: { per_hour: 10 } });
    for (let call = 0; call < 3; call += 1) await use(old);
    const path = `/v1/api-keys/${old.id}/rotate`;
    const next: MadeKey = await asRoot('POST', path, { overlap: '24h', workspace_id: old.workspace_id });
    expect((await use(next)).hour?.remaining).toBe(6);
    expect((await use(old)).hour?.remaining).toBe(5);
    for (let call = 0; call < 5; call += 1) await use(next);
    expect((await use(old)).retryAfter).toBe(3600);
    expect((await use(next)).retryAfter).toBe(3600);
  });

  test('are one for all keys of a pooled workspace, under the workspace’s limits', async () => {
    const workspace = await newWorkspace({ pooled: true, limits: { per_hour: 10 } });
    const place = { workspace_id: workspace.id };
    const [one, other] = [await makeKey(server, place), await makeKey(server, place)];
    const apart = await makeKey(server, { ...place, limits: { per_hour: 500 }, plan: 'starter' });
    expect((await use(one)).hour).toMatchObject({ limit: 10, remaining: 9 });
    expect((await use(other)).hour).toMatchObject({ limit: 10, remaining: 8 });
    expect((await use(apart)).hour).toMatchObject({ limit: 10, remaining: 7 });
    for (let call = 0; call < 7; call += 1) await use(one);
    for (const key of [one, other, apart]) expect((await use(key)).retryAfter).toBe(3600);
    const elsewhere = await makeKey(server, { limits: { per_hour: 10 } });
    expect((await use(elsewhere)).hour?.remaining).toBe(9);
    await asRoot('PATCH', `/v1/workspaces/${workspace.id}`, { pooled: false });
    expect((await use(apart)).hour).toMatchObject({ limit: 500, remaining: 499 });
  });
});

describe('what a key gets is given by', () => {
  let manager: MadeKey;
  let someone: MadeKey;
  beforeAll(async () => {
    await newPlan('unoffered', { api_key: { per_hour: 20_000 } });
    await newPlan('narrow', { offered: true, api_key: { per_hour: 50, per_second: 5 } });
    await newPlan('wide', { offered: true, api_key: { per_hour: 1_000_000 } });
    manager = await makeKey(server, { scopes: ['api_keys:write', 'api_keys:read'] });
    someone = await makeKey(server, {});
  });

  const asKey = async (method: string, path: string, json: object) => {
    const reply = await server.call(path, { key: manager.key, method, json });
    return [reply.status, codeOf(reply)];
  };
  const create = (fields: object) => asKey('POST', '/v1/api-keys', { name: 'made', scopes: [], ...fields });
  const patch = (fields: object) => asKey('PATCH', `/v1/api-keys/${someone.id}`, fields);
  const importing = (fields: object) => {
    const hash = { algorithm: 'sha256', value: '07'.repeat(32) };
    return asKey('POST', '/v1/api-keys/import', { keys: [{ name: 'made', scopes: [], hash, ...fields }] });
  };
  const ways = [
    ['creating', create],
    ['changing', patch],
    ['importing', importing],
  ] as const;

  test.each(ways)('root alone when it is not offered, or wider than the caller’s: %s', async (_, ask) => {
    expect(await ask({ plan: 'unoffered' })).toEqual([403, 'forbidden']);
    expect(await ask({ plan: 'wide' })).toEqual([403, 'forbidden']);
    expect(await ask({ plan: 'never was' })).toEqual([422, 'validation_failed']);
    expect(await ask({ limits: { per_hour: 1 } })).toEqual([403, 'forbidden']);
    expect(await ask({ limits: null })).toEqual([403, 'forbidden']);
    expect(await limitsOf(someone)).toEqual(STANDARD);
  });

  test('a key too, of offered plans that are narrower', async () => {
    expect(await create({ plan: 'narrow' })).toEqual([201, undefined]);
    expect(await patch({ plan: 'narrow' })).toEqual([200, undefined]);
    expect(await limitsOf(someone)).toEqual([50, 5]);
    await change(someone, { plan: null });
  });

  test('root: any plan, any limits', async () => {
    expect(await limitsOf(await makeKey(server, { plan: 'unoffered' }))).toEqual([20_000, null]);
    expect(await limitsOf(await makeKey(server, { limits: { per_hour: 5_000_000, per_second: 900 } }))).toEqual([
      5_000_000, 900,
    ]);
    for (const limits of [{ per_hour: 0 }, { per_hour: -1 }, { per_hour: 1.5 }, { per_second: '5' }, { per_day: 1 }]) {
      const json = { name: 'x', scopes: [], limits, workspace_id: server.workspaceId };
      const refused = await server.call('/v1/api-keys', { key: server.rootKey, json });
      expect([limits, refused.status]).toEqual([limits, 422]);
    }
  });

  test('nobody but root: plans and workspaces', async () => {
    const admin = await makeKey(server, { scopes: ['admin', 'read', 'write', 'delete'] });
    const writes = [
      ['POST', '/v1/plans', { name: 'mine' }],
      ['PATCH', '/v1/plans/standard', { api_key: { per_hour: 1_000_000 } }],
      ['DELETE', '/v1/plans/wide', {}],
      ['PATCH', `/v1/workspaces/${server.workspaceId}`, { limits: { per_hour: 1_000_000 } }],
      ['PATCH', `/v1/workspaces/${server.workspaceId}`, { plan: 'wide' }],
      ['PATCH', `/v1/workspaces/${server.workspaceId}`, { pooled: true }],
    ] as const;
    for (const [method, path, json] of writes) {
      const refused = await server.call(path, { key: admin.key, method, json });
      expect([method, path, codeOf(refused)]).toEqual([method, path, 'forbidden']);
    }
    expect(await limitsOf(admin)).toEqual(STANDARD);
  });
});
