import { buildScopeCatalogue, DEFAULT_SCOPES } from '@latchkey/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CallOptions, DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { expectAsIfMissing, type MadeKey, makeKey, START_MS } from './installation.ts';

const catalogue = buildScopeCatalogue(DEFAULT_SCOPES);
const scopeNames = DEFAULT_SCOPES.map(({ name }) => name);
const environments = ['test', 'live'] as const;

/** What was asked for a child: some scopes, perhaps an environment, perhaps a lifetime in seconds. */
interface Wish {
  scopes: string[];
  environment: 'test' | 'live' | undefined;
  seconds: number | null;
}

const wishes: fc.Arbitrary<Wish> = fc.record({
  scopes: fc.oneof(
    fc.subarray(scopeNames, { maxLength: 4 }),
    fc.subarray(['read', 'write', 'projects:read', 'read:orders', 'read:own', 'api_keys:write', 'api_keys:read']),
    fc.constantFrom(['admin'], ['admin:all'], scopeNames),
  ),
  environment: fc.constantFrom(undefined, ...environments),
  seconds: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 500 })),
});

const makers = fc.record({
  scopes: fc.oneof(fc.subarray(scopeNames), fc.constantFrom(['admin'], ['read'], ['read', 'write', 'api_keys:read'])),
  environment: fc.constantFrom(...environments),
  seconds: fc.oneof(fc.constant(null), fc.integer({ min: 1, max: 500 })),
});

const fieldsOf = ({ scopes, environment, seconds }: Wish) => ({
  name: 'child',
  scopes,
  ...(environment === undefined ? {} : { environment }),
  ...(seconds === null ? {} : { expires_in: `${seconds}s` }),
});

const endMs = ({ expires_at }: MadeKey) => (expires_at === null ? Number.POSITIVE_INFINITY : Date.parse(expires_at));

/** Whether the rules of the contract allow the wish: nothing wider than the maker in scopes, environment or lifetime. */
function isWithin(wish: Wish, maker: MadeKey, nowMs: number): boolean {
  const held = catalogue.expand(maker.scopes);
  const isCovered = [...catalogue.expand(wish.scopes)].every((name) => held.has(name));
  const isSamePlace = wish.environment === undefined || wish.environment === maker.environment;
  return isCovered && isSamePlace && (wish.seconds === null || nowMs + wish.seconds * 1000 <= endMs(maker));
}

const MISSING = { project: `prj_${'0'.repeat(24)}`, order: `ord_${'0'.repeat(24)}`, key: `key_${'0'.repeat(24)}` };

/** One call for each thing that a key may be allowed; they change nothing. */
const probes: [string, CallOptions][] = [
  ['/v1/projects', {}],
  [`/v1/projects/${MISSING.project}`, { method: 'PATCH', json: {} }],
  [`/v1/projects/${MISSING.project}`, { method: 'DELETE' }],
  ['/v1/orders', {}],
  [`/v1/orders/${MISSING.order}`, { method: 'PATCH', json: {} }],
  [`/v1/orders/${MISSING.order}`, { method: 'DELETE' }],
  ['/v1/data', {}],
  ['/v1/api-keys', {}],
  [`/v1/api-keys/${MISSING.key}/revoke`, { json: {} }],
];

describe.each(DATABASES)('what a key may make on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);

  const create = (by: string, fields: object) =>
    server.call('/v1/api-keys', { key: by, json: { name: 'child', scopes: [], ...fields } });

  test('never holds a scope, environment or lifetime that its maker lacks, and all else is allowed (J12, N3)', async () => {
    await fc.assert(
      fc.asyncProperty(makers, fc.array(wishes, { minLength: 1, maxLength: 4 }), async (root, chain) => {
        let maker = await makeKey(
          server,
          fieldsOf({ ...root, scopes: [...new Set([...root.scopes, 'api_keys:write'])] }),
        );
        for (const wish of chain) {
          const mayMake = catalogue.expand(maker.scopes).has('api_keys:write');
          const reply = await create(maker.key, fieldsOf(wish));
          expect(reply.status === 201, reply.text).toBe(mayMake && isWithin(wish, maker, clock.nowMs()));
          if (reply.status !== 201) {
            expect([403, 422]).toContain(reply.status);
            continue;
          }
          const child: MadeKey = reply.json;
          expect(catalogue.beyond(child.scopes, catalogue.expand(maker.scopes))).toEqual([]);
          expect(child).toMatchObject({
            environment: maker.environment,
            workspace_id: maker.workspace_id,
            created_by: maker.id,
          });
          expect(endMs(child)).toBeLessThanOrEqual(endMs(maker));
          maker = child;
        }
      }),
      { numRuns: 40 },
    );
  });

  test('gets no further than its maker at any route', async () => {
    await fc.assert(
      fc.asyncProperty(fc.subarray(scopeNames, { maxLength: 5 }), wishes, async (scopes, wish) => {
        const maker = await makeKey(server, { scopes: [...new Set([...scopes, 'api_keys:write'])] });
        const reply = await create(maker.key, fieldsOf({ ...wish, environment: undefined }));
        fc.pre(reply.status === 201);
        const allowed = async (key: string) =>
          Promise.all(
            probes.map(async ([path, options]) => (await server.call(path, { ...options, key })).status !== 403),
          );
        const [child, parent] = [await allowed(reply.json.key), await allowed(maker.key)];
        expect(child.filter((isAllowed, index) => isAllowed && !parent[index])).toEqual([]);
      }),
      { numRuns: 15 },
    );
  });

  test('what is too wide is refused with the scopes named, and nothing is made', async () => {
    const maker = await makeKey(server, { scopes: ['projects:read', 'api_keys:write', 'api_keys:read'] });
    const newest = async () => (await server.call('/v1/api-keys?limit=1', { key: maker.key })).json.data;
    const before = await newest();
    const refused = await create(maker.key, { scopes: ['projects:read', 'orders:read', 'admin'] });
    expect([refused.status, refused.json.error]).toEqual([403, 'insufficient_scope']);
    expect(refused.json.message).toContain('orders:read, admin');
    expect(refused.headers.get('www-authenticate')).toContain('scope="orders:read admin"');
    expect(await newest()).toEqual(before);
  });

  test('synonyms of what is held may be given on, parts too, wholes not', async () => {
    const maker = await makeKey(server, { scopes: ['read', 'write:projects', 'api_keys:write'] });
    for (const scopes of [['read:all'], ['read:orders'], ['orders:read', 'projects:write'], ['read:own'], []]) {
      expect((await create(maker.key, { scopes })).status, scopes.join()).toBe(201);
    }
    for (const scopes of [['write'], ['write:orders'], ['delete:own'], ['admin'], ['api_keys:read'], ['openid']]) {
      expect((await create(maker.key, { scopes })).status, scopes.join()).toBe(403);
    }
  });

  test('inherits the end of its maker, also when it asks for none', async () => {
    const maker = await makeKey(server, { scopes: ['api_keys:write'], expires_in: '60s' });
    for (const fields of [{}, { expires_at: null }, { expires_in: null }, { expires_in: '60s' }]) {
      expect((await create(maker.key, fields)).json.expires_at).toBe(maker.expires_at);
    }
    expect((await create(maker.key, { expires_in: '59s' })).status).toBe(201);
    const longer = await create(maker.key, { expires_in: '61s' });
    expect([longer.status, longer.json.fields[0].path]).toEqual([422, 'expires_at']);
  });

  test('a key that may not write keys makes and ends none (N8)', async () => {
    const { id } = await makeKey(server, {});
    for (const scopes of [
      [],
      ['read', 'write', 'delete'],
      ['api_keys:read'],
      ['api_keys:verify'],
      ['webhooks:write'],
    ]) {
      const { key } = await makeKey(server, { scopes });
      for (const [path, json] of [
        ['/v1/api-keys', { name: 'x', scopes: [] }],
        [`/v1/api-keys/${id}/revoke`, {}],
      ] as const) {
        const refused = await server.call(path, { key, json });
        expect([refused.status, refused.json.error]).toEqual([403, 'insufficient_scope']);
        expect(refused.json.message).toContain('api_keys:write');
      }
      const isReader = scopes.includes('api_keys:read');
      expect((await server.call('/v1/api-keys', { key })).status).toBe(isReader ? 200 : 403);
    }
  });

  test.each([
    ['test', 'live'],
    ['live', 'test'],
  ] as const)('a %s key cannot make, see or end %s keys', async (own, other) => {
    const scopes = ['admin'];
    const { key } = await makeKey(server, { scopes, environment: own });
    const foreign = await makeKey(server, { scopes, environment: other, external_id: `apart-${own}` });
    const refused = await create(key, { environment: other });
    expect([refused.status, refused.json.error]).toEqual([403, 'wrong_environment']);
    expect((await create(key, {})).json.environment).toBe(own);
    for (const query of ['', `?environment=${other}`, `?external_id=apart-${own}`, '?limit=100']) {
      const listed = await server.call(`/v1/api-keys${query}`, { key });
      expect(listed.status).toBe(200);
      expect(listed.text).not.toContain(foreign.id);
      expect(listed.json.data.every((row: MadeKey) => row.environment === own)).toBe(true);
    }
    const path = (id: string) => ({ foreign: `/v1/api-keys/${id}`, missing: `/v1/api-keys/${MISSING.key}` });
    const { foreign: at, missing } = path(foreign.id);
    await expectAsIfMissing(server, { key }, { foreign: at, missing });
    await expectAsIfMissing(server, { key, json: {} }, { foreign: `${at}/revoke`, missing: `${missing}/revoke` });
    expect((await server.call('/v1/auth/verify', { key: foreign.key })).status).toBe(200);
  });

  test('nobody makes an operator of a key', async () => {
    const { key } = await makeKey(server, { scopes: ['admin'] });
    for (const fields of [{ all_workspaces: true }, { type: 'root' }, { scopes: ['root'] }, { plan: 'vip' }]) {
      expect((await create(key, fields)).status).toBe(422);
    }
  });
});
