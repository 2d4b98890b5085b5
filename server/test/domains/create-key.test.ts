import { mintSecret, readSecret } from '@latchkey/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { iso, makeKey, makeWorkspace, START_MS } from './installation.ts';

const KEY_ID = /^key_[0-9A-Za-z]{24}$/;
const DAY_MS = 86_400_000;

describe.each(DATABASES)('creating a key on %s', (database) => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ database, clock: manualClock(START_MS) });
  });
  afterAll(stopServers);

  const create = (fields: object, key = server.rootKey) =>
    server.call('/v1/api-keys', {
      key,
      json: { name: 'mine', scopes: [], workspace_id: server.workspaceId, ...fields },
    });

  async function expectInvalid(fields: object, path: string): Promise<void> {
    const refused = await create(fields);
    expect([refused.status, refused.json.error], refused.text).toEqual([422, 'validation_failed']);
    expect(refused.json.fields.map((field: { path: string }) => field.path)).toContain(path);
  }

  test('answers 201 with every field of a key, null where nothing was said, and the secret', async () => {
    const made = await create({}, server.key);
    expect(made.status).toBe(201);
    expect(made.json).toEqual({
      id: expect.stringMatching(KEY_ID),
      name: 'mine',
      type: 'secret',
      environment: 'test',
      workspace_id: server.workspaceId,
      owner: null,
      scopes: [],
      hint: `sk_test_…${made.json.key.slice(-4)}`,
      state: 'active',
      created_at: iso(START_MS),
      created_by: (await server.call('/v1/auth/verify')).json.credential_id,
      expires_at: null,
      rotate_after: null,
      last_used_at: null,
      revoked_at: null,
      ip_allowlist: null,
      plan: null,
      limits: null,
      quota: null,
      external_id: null,
      metadata: null,
      key: expect.stringMatching(/^sk_test_[0-9A-Za-z]{46}$/),
    });
    expect(readSecret(made.json.key)).toBe('secret_test');
  });

  test('keeps every field that was given', async () => {
    const owner = (await server.call('/v1/auth/verify')).json.user_id;
    const given = {
      name: '  Billing  ',
      type: 'restricted',
      environment: 'live',
      workspace_id: server.workspaceId,
      owner,
      scopes: ['read', 'read:orders', 'api_keys:read'],
      expires_at: '2030-02-01T01:00:00+01:00',
      rotate_after: '90d',
      external_id: 'billing-1',
      metadata: { team: 'money', 'a\nb': 'line\nbreak' },
    };
    const made = await create(given);
    expect(made.json).toMatchObject({ ...given, name: 'Billing', expires_at: '2030-02-01T00:00:00.000Z' });
    const { key, ...shown } = made.json;
    const path = `/v1/api-keys/${made.json.id}?workspace_id=${server.workspaceId}`;
    const got = await server.call(path, { key: server.rootKey });
    expect(got.json).toEqual(shown);
    expect((await server.call('/v1/auth/verify', { key })).json).toMatchObject({
      user_id: owner,
      scopes: given.scopes,
      environment: 'live',
      expires_at: '2030-02-01T00:00:00.000Z',
    });
  });

  test('takes null for whatever may be unset', async () => {
    const nothing = {
      expires_at: null,
      rotate_after: null,
      owner: null,
      ip_allowlist: null,
      plan: null,
      limits: null,
      quota: null,
      external_id: null,
      metadata: null,
    };
    expect(await makeKey(server, { ...nothing, expires_in: null })).toMatchObject(nothing);
    expect((await makeKey(server, { metadata: {} })).metadata).toEqual({});
  });

  test.each([
    ['secret', 'test', 'sk_test_'],
    ['secret', 'live', 'sk_live_'],
    ['restricted', 'test', 'rk_test_'],
    ['restricted', 'live', 'rk_live_'],
  ])('a %s %s key begins with %s', async (type, environment, prefix) => {
    const { key, hint } = await makeKey(server, { type, environment });
    expect(key.startsWith(prefix)).toBe(true);
    expect(hint).toBe(`${prefix}…${key.slice(-4)}`);
    expect((await server.call('/v1/auth/verify', { key })).json.environment).toBe(environment);
  });

  test('is the same under /v1, /v2 and without a version', async () => {
    for (const path of ['/v1/api-keys', '/v2/api-keys', '/api-keys']) {
      const made = await server.call(path, { json: { name: path, scopes: ['read'] } });
      expect(made.status).toBe(201);
      expect((await server.call('/v2/auth/test', { key: made.json.key })).status).toBe(200);
    }
  });

  test('takes a lifetime instead of a time', async () => {
    expect((await makeKey(server, { expires_in: '90d' })).expires_at).toBe(iso(START_MS + 90 * DAY_MS));
    expect((await makeKey(server, { expires_in: '1s' })).expires_at).toBe(iso(START_MS + 1000));
    expect((await makeKey(server, { expires_at: null, expires_in: null })).expires_at).toBeNull();
  });

  test('a key without scopes is somebody, and may do nothing', async () => {
    const { key } = await makeKey(server, { scopes: [] });
    expect((await server.call('/v1/auth/verify', { key })).json.scopes).toEqual([]);
    for (const path of ['/v1/projects', '/v1/orders', '/v1/data', '/v1/api-keys', '/v2/projects', '/api-keys']) {
      const refused = await server.call(path, { key });
      expect(refused.status, path).toBe(403);
      expect(refused.text, path).toContain('no scopes');
    }
    expect((await server.call('/v1/api-keys', { key, json: { name: 'child', scopes: [] } })).status).toBe(403);
  });

  test('remembers scopes as they were written', async () => {
    const scopes = ['write:orders', 'read:all', 'projects:delete', 'openid'];
    expect((await makeKey(server, { scopes })).scopes).toEqual(scopes);
  });

  test.each([
    ['missing', undefined],
    ['null', null],
    ['empty', ''],
    ['blank', ' \t\u00a0'],
    ['too long', 'n'.repeat(101)],
    ['a number', 5],
    ['with NUL', 'a\0b'],
    ['half a surrogate pair', 'a\ud800b'],
  ])('refuses a name that is %s', async (_, name) => {
    await expectInvalid({ name }, 'name');
  });

  test.each([
    ['scopes', { scopes: undefined }],
    ['scopes', { scopes: null }],
    ['scopes', { scopes: 'read' }],
    ['scopes.1', { scopes: ['read', 5] }],
    ['scopes.0', { scopes: [''] }],
    ['scopes.0', { scopes: ['s'.repeat(101)] }],
    ['scopes', { scopes: ['read', 'read'] }],
    ['scopes', { scopes: Array.from({ length: 101 }, (_, index) => `s${index}`) }],
    ['scopes', { scopes: ['no_such_scope'] }],
    ['scopes', { scopes: ['READ'] }],
    ['scopes', { scopes: [' read'] }],
    ['scopes', { scopes: ['projects:*'] }],
    ['scopes', { scopes: ['constructor'] }],
    ['type', { type: 'public' }],
    ['type', { type: null }],
    ['environment', { environment: 'prod' }],
    ['environment', { environment: null }],
    ['owner', { owner: '' }],
    ['owner', { owner: 'o'.repeat(201) }],
    ['owner', { owner: `usr_${'0'.repeat(24)}` }],
    ['external_id', { external_id: '' }],
    ['external_id', { external_id: 'e'.repeat(201) }],
    ['rotate_after', { rotate_after: '0d' }],
    ['rotate_after', { rotate_after: '90' }],
    ['rotate_after', { rotate_after: '1.5d' }],
    ['expires_in', { expires_in: '0s' }],
    ['expires_in', { expires_in: '-1d' }],
    ['expires_in', { expires_in: '999999999999d' }],
    ['expires_in', { expires_in: '1d', expires_at: '2031-01-01T00:00:00Z' }],
    ['expires_at', { expires_at: '2030-01-01T00:00:00Z' }],
    ['expires_at', { expires_at: '2029-12-31T23:59:59Z' }],
    ['expires_at', { expires_at: '2031-01-01' }],
    ['expires_at', { expires_at: 'tomorrow' }],
    ['expires_at', { expires_at: '1924992000' }],
    ['expires_at', { expires_at: '2031-02-29T00:00:00Z' }],
    ['expires_at', { expires_at: '2031-01-01T24:00:00Z' }],
    ['expires_at', { expires_at: '2031-01-01T00:00:60Z' }],
    ['expires_at', { expires_at: '2031-01-01T00:00:00' }],
    ['expires_at', { expires_at: '9999-12-31T23:59:59-23:59' }],
    ['expires_at', { expires_at: '+10000-01-01T00:00:00Z' }],
    ['metadata', { metadata: [] }],
    ['metadata.a', { metadata: { a: 5 } }],
    ['metadata.a\nb', { metadata: { 'a\nb': 5 } }],
    ['metadata.a', { metadata: { a: 'v'.repeat(501) } }],
    ['metadata', { metadata: { '': 'v' } }],
    ['metadata', { metadata: { ['k'.repeat(41)]: 'v' } }],
    ['metadata', { metadata: Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`k${index}`, 'v'])) }],
    ['key', { key: 'sk_test_mine' }],
    ['id', { id: 'key_000000000000000000000000' }],
    ['created_by', { created_by: 'root' }],
    ['user_id', { user_id: 'usr_000000000000000000000000' }],
    ['all_workspaces', { all_workspaces: 1 }],
  ])('refuses %s in %j', async (path, fields) => {
    await expectInvalid(fields, path);
  });

  test('says which scope it does not know, and not more than fits', async () => {
    const refused = await create({ scopes: ['read', 'nope', 'also_nope'] });
    expect(refused.json.fields).toEqual([{ path: 'scopes', message: 'unknown: nope, also_nope' }]);
    const many = await create({ scopes: Array.from({ length: 100 }, (_, index) => `${'x'.repeat(90)}${index}`) });
    expect(many.json.fields[0].message.length).toBeLessThan(400);
  });

  test('takes each limit to its end', async () => {
    const metadata = Object.fromEntries(
      Array.from({ length: 50 }, (_, index) => [`${index}`.padStart(40, 'k'), 'v'.repeat(500)]),
    );
    const fields = {
      name: 'n'.repeat(100),
      owner: 'o'.repeat(200),
      external_id: 'e'.repeat(200),
      expires_at: '9999-12-31T23:59:59.999Z',
      metadata,
    };
    const { id } = await makeKey(server, fields);
    expect((await server.call(`/v1/api-keys/${id}`)).json).toMatchObject(fields);
  });

  test.each(['admin', 'admin:all', 'api_keys:write', 'applications:write', 'trusted_issuers:write', 'webhooks:write'])(
    'a restricted key cannot hold %s',
    async (scope) => {
      await expectInvalid({ type: 'restricted', scopes: ['read', scope] }, 'scopes');
      expect((await makeKey(server, { scopes: [scope] })).scopes).toEqual([scope]);
    },
  );

  test('a restricted key may read what is managed', async () => {
    const scopes = ['read', 'write', 'delete', 'api_keys:read', 'audit:read', 'usage:read', 'api_keys:verify'];
    const { key } = await makeKey(server, { type: 'restricted', scopes });
    expect((await server.call('/v1/api-keys', { key })).status).toBe(200);
    expect((await server.call('/v1/api-keys', { key, json: { name: 'child', scopes: [] } })).status).toBe(403);
  });

  test('an external_id names one key of a workspace', async () => {
    const external_id = 'customer-42';
    await makeKey(server, { external_id });
    for (const environment of ['test', 'live']) {
      const refused = await create({ external_id, environment });
      expect([refused.status, refused.json.error]).toEqual([409, 'conflict']);
      expect(refused.text).not.toMatch(/sqlite|postgres|constraint|index|api_keys_external/i);
    }
    const other = await makeWorkspace(server);
    expect((await makeKey(server, { external_id, workspace_id: other })).external_id).toBe(external_id);
  });

  test('of parallel calls with one external_id exactly one makes a key', async () => {
    const workspace_id = await makeWorkspace(server, 'Race');
    const calls = Array.from({ length: 12 }, () => create({ external_id: 'race', workspace_id, scopes: ['read'] }));
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([201, ...Array.from({ length: 11 }, () => 409)]);
    const listed = await server.call(`/v1/api-keys?workspace_id=${workspace_id}`, { key: server.rootKey });
    expect(listed.json.data).toHaveLength(1);
  });

  test('needs a credential, whatever the body claims (J1)', async () => {
    const newest = async () => (await server.call('/v1/api-keys?limit=1')).json.data;
    const before = await newest();
    for (const json of [
      { name: 'x', scopes: [] },
      { name: 'x', scopes: [], user_id: 'usr_1' },
      { name: 'x', scopes: [], owner: 'me' },
    ]) {
      expect((await server.call('/v1/api-keys', { key: null, json })).status).toBe(401);
    }
    const unknown = mintSecret('secret_test', pooledRandom());
    expect((await create({}, unknown)).status).toBe(401);
    expect(await newest()).toEqual(before);
  });
});
