import { buildScopeCatalogue, DEFAULT_SCOPES } from '@latchkey/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pooledRandom, sha256Hex } from '../../src/crypto/index.ts';
import { manualClock, startServer, stopServers, type TestReply, type TestServer } from '../harness.ts';
import { type MadeKey, makeKey, makePlan, START_MS } from './installation.ts';

const catalogue = buildScopeCatalogue(DEFAULT_SCOPES);
const random = pooledRandom();

/** What a key may do at most. Unbounded is infinity. */
interface Power {
  scopes: ReadonlySet<string>;
  environment: string;
  endMs: number;
  perHour: number;
  perSecond: number;
}

interface LimitsJson {
  per_hour?: number | null;
  per_second?: number | null;
}

const PLANS: Record<string, LimitsJson> = {
  slow: { per_hour: 60 },
  steady: { per_hour: 600, per_second: 40 },
  bursts: { per_second: 30 },
};
/** One that a key may not choose by itself. */
const PRIVATE: Record<string, LimitsJson> = { private: { per_hour: 90, per_second: 35 } };

const bound = (value: number | null | undefined) => value ?? Number.POSITIVE_INFINITY;

/** By the words of the contract, and not by the code: what this key may do. */
function powerOf(row: MadeKey, workspacePlan: string | null): Power {
  const plan = { ...PLANS, ...PRIVATE }[row.plan ?? workspacePlan ?? 'standard'];
  const limits: LimitsJson = row.limits ?? plan ?? {};
  return {
    scopes: catalogue.expand(row.scopes),
    environment: row.environment,
    endMs: row.expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(row.expires_at),
    perHour: bound(limits.per_hour),
    perSecond: bound(limits.per_second),
  };
}

/** Asserts that a key can do nothing that neither the one who touched it nor itself could do before. */
function expectNotWider(after: Power, actor: Power, before: Power | undefined): void {
  for (const scope of after.scopes) expect(actor.scopes.has(scope) || before?.scopes.has(scope), scope).toBe(true);
  expect(after.environment).toBe(before?.environment ?? actor.environment);
  for (const field of ['endMs', 'perHour', 'perSecond'] as const) {
    expect(after[field], field).toBeLessThanOrEqual(Math.max(actor[field], before?.[field] ?? 0));
  }
}

const SOME_SCOPES = [
  'read',
  'write',
  'projects:read',
  'read:orders',
  'read:own',
  'api_keys:write',
  'api_keys:read',
  'admin',
];
const scopes = fc.oneof(
  fc.subarray(SOME_SCOPES, { maxLength: 2 }),
  fc.subarray(SOME_SCOPES).map((some) => [...new Set([...some, 'api_keys:write'])]),
  fc.constantFrom([], ['api_keys:write'], ['read:own', 'api_keys:write']),
  fc.subarray(catalogue.names(), { maxLength: 3 }),
);
const span = fc.constantFrom('60s', '5m', '10m', '1h');
const planName = fc.constantFrom(...Object.keys(PLANS), ...Object.keys(PRIVATE));
const limits = fc.constantFrom<LimitsJson>({ per_hour: 50 }, { per_hour: 500, per_second: 30 }, { per_second: 60 });
/** `weight` of ten times the value, else something that stands for none. */
const of10 = <T, N>(weight: number, value: fc.Arbitrary<T>, none: N) =>
  fc.oneof({ weight, arbitrary: value }, { weight: 10 - weight, arbitrary: fc.constant(none) });
const rarely = <T>(value: fc.Arbitrary<T>) => of10(1, value, undefined);
const maybe = <T>(value: fc.Arbitrary<T>) => of10(4, value, undefined);
const orNull = <T>(value: fc.Arbitrary<T>) => of10(6, value, null);
const environment = fc.constantFrom('test', 'live');

/** Without the names that are left open: absent and null are different wishes. */
const said = (fields: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

const seed = fc
  .record({
    scopes,
    environment,
    expires_in: of10(4, span, null),
    plan: of10(3, planName, null),
    limits: of10(1, limits, null),
  })
  .map((fields) => ({ ...fields, scopes: [...new Set([...fields.scopes, 'api_keys:write'])] }));

const wish = fc
  .record({
    scopes,
    environment: of10(2, environment, undefined),
    expires_in: maybe(orNull(span)),
    plan: maybe(orNull(planName)),
    limits: rarely(orNull(limits)),
    type: rarely(fc.constantFrom('secret', 'restricted')),
    all_workspaces: rarely(fc.boolean()),
  })
  .map(said);

const change = fc
  .record({
    scopes: maybe(scopes),
    expires_in: maybe(orNull(span)),
    plan: maybe(orNull(planName)),
    limits: rarely(orNull(limits)),
    state: rarely(fc.constantFrom('active', 'disabled')),
  })
  .map(said);

const who = { actor: fc.nat(5), target: fc.nat(5) };
const action = fc.oneof(
  fc.record({ kind: fc.constant('create' as const), ...who, fields: wish }),
  fc.record({ kind: fc.constant('import' as const), ...who, fields: wish }),
  fc.record({ kind: fc.constant('patch' as const), ...who, fields: change }),
  fc.record({
    kind: fc.constant('rotate' as const),
    ...who,
    fields: fc.record({ overlap: fc.constantFrom('0s', '5m', '1h') }),
  }),
  fc.record({ kind: fc.constant('wait' as const), ...who, fields: fc.constant({}) }),
);

/** A key of the run, and its text while anybody may act with it. */
interface Known {
  id: string;
  text: string;
}

const clock = manualClock(START_MS);
const outcomes = new Map<string, number>();
let server: TestServer;

beforeAll(async () => {
  server = await startServer({ clock });
  for (const [name, api_key] of Object.entries(PLANS)) await makePlan(server, name, api_key);
  for (const [name, api_key] of Object.entries(PRIVATE)) await makePlan(server, name, api_key, { offered: false });
});
afterAll(stopServers);

const root = (path: string, json?: object) => server.call(path, { key: server.rootKey, json });

async function keysOf(workspaceId: string): Promise<Map<string, MadeKey>> {
  const { json } = await root(`/v1/api-keys?workspace_id=${workspaceId}&limit=100`);
  // Written down by a timer of its own.
  return new Map(json.data.map((row: MadeKey) => [row.id, { ...row, last_used_at: null }]));
}

type Step = typeof action extends fc.Arbitrary<infer T> ? T : never;

async function act({ kind, fields }: Step, actor: Known, target: Known): Promise<{ reply: TestReply; made: Known[] }> {
  const by = { key: actor.text };
  if (kind === 'patch') {
    return {
      reply: await server.call(`/v1/api-keys/${target.id}`, { ...by, method: 'PATCH', json: fields }),
      made: [],
    };
  }
  if (kind === 'rotate') {
    const reply = await server.call(`/v1/api-keys/${target.id}/rotate`, { ...by, json: fields });
    return { reply, made: reply.status === 201 ? [{ id: reply.json.id, text: reply.json.key }] : [] };
  }
  if (kind === 'create') {
    const reply = await server.call('/v1/api-keys', { ...by, json: { name: 'made', ...fields } });
    return { reply, made: reply.status === 201 ? [{ id: reply.json.id, text: reply.json.key }] : [] };
  }
  const text = `acme_${Buffer.from(random(18)).toString('base64url')}`;
  const imported = { name: 'imported', ...fields, hash: { algorithm: 'sha256', value: sha256Hex(text) } };
  const reply = await server.call('/v1/api-keys/import', { ...by, json: { keys: [imported] } });
  return { reply, made: reply.status === 201 ? [{ id: reply.json.data[0].id, text }] : [] };
}

/** One action of one key, and what has become of every key of the workspace. */
async function step(each: Step, known: Known[], workspaceId: string, plan: string | null): Promise<void> {
  const [actor, target] = [known[each.actor % known.length], known[each.target % known.length]] as [Known, Known];
  const before = await keysOf(workspaceId);
  const { reply, made } = await act(each, actor, target);
  const after = await keysOf(workspaceId);
  const isDone = reply.status < 300;
  outcomes.set(`${each.kind} ${isDone}`, (outcomes.get(`${each.kind} ${isDone}`) ?? 0) + 1);
  known.push(...made);
  if (!isDone) {
    expect([401, 403, 404, 409, 422], reply.text).toContain(reply.status);
    expect(after).toEqual(before);
    return;
  }
  const actorPower = powerOf(before.get(actor.id) as MadeKey, plan);
  for (const [id, row] of after) {
    const had = before.get(id);
    expectNotWider(powerOf(row, plan), actorPower, had && powerOf(had, plan));
    expect(row.all_workspaces ?? false).toBe(false);
  }
  if (each.kind !== 'rotate') return;
  const successor = powerOf(after.get(made[0]?.id ?? '') as MadeKey, plan);
  expect(successor).toEqual(powerOf(before.get(target.id) as MadeKey, plan));
}

/** What the door says of the key is what its fields say. */
async function expectInForce({ id, text }: Known, row: MadeKey, plan: string | null): Promise<void> {
  const { json } = await root('/v1/api-keys/verify', { key: text, cost: 0 });
  const power = powerOf(row, plan);
  expect([json.key_id, json.environment]).toEqual([id, power.environment]);
  expect(json.code).toBe({ active: 'valid' }[row.state as string] ?? row.state);
  if (json.limit === null) return;
  expect([bound(json.limit.per_hour), bound(json.limit.per_second)]).toEqual([power.perHour, power.perSecond]);
  expect(catalogue.expand(json.scopes)).toEqual(power.scopes);
}

const runs = fc.record({
  plan: of10(3, fc.constantFrom(...Object.keys(PLANS)), null),
  seeds: fc.array(seed, { minLength: 1, maxLength: 3 }),
  actions: fc.array(action, { minLength: 1, maxLength: 10 }),
});

test('no sequence of actions makes a key wider than who acted, or than it was (J12, N3)', {
  timeout: 60_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(runs, async ({ plan, seeds, actions }) => {
      const workspace = await root('/v1/workspaces', { name: 'Run', plan });
      expect(workspace.status, workspace.text).toBe(201);
      const workspaceId: string = workspace.json.id;
      const known: Known[] = [];
      for (const fields of seeds) {
        const { id, key } = await makeKey(server, { workspace_id: workspaceId, ...fields });
        known.push({ id, text: key });
      }
      for (const each of actions) {
        if (each.kind === 'wait') clock.advance(120_000);
        else await step(each, known, workspaceId, plan);
      }
      const rows = await keysOf(workspaceId);
      expect(rows.size).toBe(known.length);
      await Promise.all(known.map((key) => expectInForce(key, rows.get(key.id) as MadeKey, plan)));
    }),
    { numRuns: 150 },
  );
  // The property says nothing if nothing happens, and little if nothing is refused.
  for (const kind of ['create', 'import', 'patch', 'rotate']) {
    expect(outcomes.get(`${kind} true`), kind).toBeGreaterThan(5);
    expect(outcomes.get(`${kind} false`), kind).toBeGreaterThan(5);
  }
});
