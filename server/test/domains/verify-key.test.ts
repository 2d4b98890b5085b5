import { crc32, encodeBase62, mintSecret, SECRET_PREFIXES, type SecretKind } from '@latchkey/protocol';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { answerTo, iso, keyAs, type MadeKey, makeKey, makeWorkspace, START_MS, WORKS } from './installation.ts';

const random = pooledRandom();
const HOUR_MS = 3_600_000;

const NOTHING = {
  key_id: null,
  workspace_id: null,
  environment: null,
  scopes: [],
  owner: null,
  external_id: null,
  metadata: null,
  expires_at: null,
  limit: null,
};

describe.each(DATABASES)("checking somebody's key on %s", (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;
  let other: string;
  /** Keys that may check keys: of the first workspace, and of all. */
  let caller: MadeKey;
  let everywhere: MadeKey;

  beforeAll(async () => {
    server = await startServer({ database, clock });
    other = await makeWorkspace(server);
    caller = await makeKey(server, { scopes: ['api_keys:verify'] });
    everywhere = await makeKey(server, { scopes: ['api_keys:verify'], all_workspaces: true });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(1));

  const ask = (key: unknown, more: object = {}, by = caller.key, path = '/v1/api-keys/verify') =>
    server.call(path, { key: by, json: { key, ...more } });

  const codeOf = async (key: unknown, more: object = {}, by?: string): Promise<string> => {
    const { status, json, text } = await ask(key, more, by);
    expect(status, text).toBe(200);
    expect(json.valid).toBe(json.code === 'valid');
    return json.code;
  };

  const patch = async (id: string, fields: object) => {
    const json = { workspace_id: server.workspaceId, ...fields };
    const { status } = await server.call(`/v1/api-keys/${id}`, { method: 'PATCH', key: server.rootKey, json });
    expect(status).toBe(200);
  };

  test('tells all that its own server must know', async () => {
    const { id, key } = await makeKey(server, {
      environment: 'live',
      scopes: ['read', 'write:orders'],
      owner: 'customer 42',
      external_id: `c-${database}`,
      metadata: { tier: 'gold', 'line\nbreak': 'kept' },
      expires_in: '1h',
      limits: { per_hour: 50, per_second: 9 },
      quota: { limit: 90, period: 'total' },
    });
    for (const path of ['/v1/api-keys/verify', '/v2/api-keys/verify', '/api-keys/verify']) {
      const { status, json } = await ask(key, { cost: 0 }, caller.key, path);
      expect([status, json]).toEqual([
        200,
        {
          valid: true,
          code: 'valid',
          key_id: id,
          workspace_id: server.workspaceId,
          environment: 'live',
          scopes: ['read', 'write:orders'],
          owner: 'customer 42',
          external_id: `c-${database}`,
          metadata: { tier: 'gold', 'line\nbreak': 'kept' },
          expires_at: iso(clock.nowMs() + HOUR_MS),
          limit: {
            per_hour: 50,
            per_second: 9,
            remaining: 50,
            reset_at: iso(clock.nowMs() + HOUR_MS),
            retry_after_seconds: null,
            quota: { limit: 90, remaining: 90, reset_at: null },
          },
        },
      ]);
    }
  });

  test('answers as the OpenAPI document says', async () => {
    const { json } = await server.call('/openapi.json', { key: null });
    const { schema } = json.paths['/v1/api-keys/verify'].post.responses['200'].content['application/json'];
    const validate = new Ajv({ strict: false }).compile({ ...schema, additionalProperties: false });
    const plain = await makeKey(server, {});
    for (const key of [plain.key, 'nonsense', mintSecret('secret_test', random)]) {
      expect(validate((await ask(key)).json), JSON.stringify(validate.errors)).toBe(true);
    }
  });

  test('names the first reason that holds, in the order of the contract', async () => {
    const { id, key } = await makeKey(server, {
      scopes: ['read'],
      ip_allowlist: ['10.0.0.0/8'],
      quota: { limit: 1, period: 'total' },
      limits: { per_hour: 1 },
      expires_in: '1s',
    });
    const wish = { environment: 'live', ip: '192.0.2.1', scopes: ['write'], cost: 2 };
    const inTest = { ...wish, environment: 'test' };
    const fromInside = { ...inTest, ip: '10.1.2.3' };
    const reading = { ...fromInside, scopes: ['read', 'projects:read'] };
    clock.advance(1000);
    await patch(id, { state: 'disabled' });
    expect(await codeOf(key, wish)).toBe('disabled');
    await patch(id, { state: 'active' });
    expect(await codeOf(key, wish)).toBe('expired');
    await patch(id, { expires_at: null });
    expect(await codeOf(key, wish)).toBe('wrong_environment');
    expect(await codeOf(key, inTest)).toBe('ip_not_allowed');
    expect(await codeOf(key, fromInside)).toBe('insufficient_scope');
    expect(await codeOf(key, reading)).toBe('quota_exceeded');
    await patch(id, { quota: null });
    expect(await codeOf(key, reading)).toBe('rate_limit_exceeded');
    await patch(id, { limits: null });
    expect(await codeOf(key, reading)).toBe('valid');
    await patch(id, { state: 'disabled', expires_in: '1s' });
    clock.advance(1000);
    await server.call(`/v1/api-keys/${id}/revoke`, { json: {} });
    expect(await codeOf(key, wish)).toBe('revoked');
  });

  test('says disabled of a key in a suspended workspace', async () => {
    const { key } = await makeKey(server, { workspace_id: other });
    const suspend = async (state: string) =>
      server.call(`/v1/workspaces/${other}`, { method: 'PATCH', key: server.rootKey, json: { state } });
    await suspend('suspended');
    expect(await codeOf(key, {}, everywhere.key)).toBe('disabled');
    await suspend('active');
    expect(await codeOf(key, {}, everywhere.key)).toBe('valid');
  });

  test('shows of a key that may not be used whose it is', async () => {
    const { id, key } = await makeKey(server, { owner: 'me', scopes: ['read'] });
    await server.call(`/v1/api-keys/${id}/revoke`, { json: {} });
    expect((await ask(key)).json).toMatchObject({
      valid: false,
      code: 'revoked',
      key_id: id,
      owner: 'me',
      limit: null,
    });
  });

  const changed = (text: string) => text.slice(0, -1) + (text.endsWith('a') ? 'b' : 'a');
  const kinds = (Object.keys(SECRET_PREFIXES) as SecretKind[]).filter((kind) => !/^(?:secret|restricted)_/.test(kind));
  const malformed: [string, string][] = [
    ['a wrong checksum', changed(mintSecret('secret_test', random))],
    ['a wrong checksum of a restricted key', changed(mintSecret('restricted_live', random))],
    ['a letter too many', `${mintSecret('secret_live', random)}0`],
    ['nothing', ''],
    ['seven letters', '1234567'],
    ['513 letters', 'x'.repeat(513)],
    ['a space', 'two words'],
    ['a letter beyond ASCII', 'schlüssel'],
    ...kinds.map((kind): [string, string] => [`a ${kind}`, mintSecret(kind, random)]),
  ];
  test.each(malformed)('calls %s malformed, without looking it up', async (_, text) => {
    expect((await ask(text)).json).toEqual({ valid: false, code: 'malformed', ...NOTHING });
  });

  test('says not_found of what never was, and of a guess', async () => {
    const { key } = await makeKey(server, {});
    const head = key.slice(0, -7) + (key.at(-7) === 'a' ? 'b' : 'a');
    for (const text of [mintSecret('secret_test', random), head + encodeBase62(crc32(head), 6), 'another-system-key']) {
      expect((await ask(text)).json).toEqual({ valid: false, code: 'not_found', ...NOTHING });
    }
  });

  test("says not_found of another workspace's key, which a key for all workspaces sees (J9)", async () => {
    const theirs = await makeKey(server, { workspace_id: other, owner: 'them', environment: 'live' });
    const never = (await ask(mintSecret('secret_live', random))).json;
    expect((await ask(theirs.key)).json).toEqual(never);
    for (const by of [everywhere.key, server.rootKey]) {
      expect((await ask(theirs.key, {}, by)).json).toMatchObject({ code: 'valid', workspace_id: other, owner: 'them' });
    }
    const theirCaller = await makeKey(server, { workspace_id: other, scopes: ['api_keys:verify'] });
    expect(await codeOf(theirs.key, {}, theirCaller.key)).toBe('valid');
    expect(await codeOf(caller.key, {}, theirCaller.key)).toBe('not_found');
  });

  test('asks for every scope that is named, and knows what implies what', async () => {
    const { key } = await makeKey(server, { scopes: ['read', 'write:orders'] });
    for (const scopes of [[], ['read'], ['projects:read', 'read:orders', 'orders:write'], ['read:all', 'read:own']]) {
      expect(await codeOf(key, { scopes })).toBe('valid');
    }
    for (const scopes of [['write'], ['read', 'projects:write'], ['admin'], ['no_such_scope'], ['read', 'openid']]) {
      expect(await codeOf(key, { scopes })).toBe('insufficient_scope');
    }
  });

  test('looks at the address in any spelling, and at none only where there is no list', async () => {
    const listed = await makeKey(server, { ip_allowlist: ['10.0.0.0/8', '2001:db8::/32'] });
    const open = await makeKey(server, {});
    for (const ip of ['10.9.9.9', '::ffff:10.0.0.1', '::FFFF:0a00:0001', '2001:DB8:0:0::1', '[2001:db8::9]:443']) {
      expect([ip, await codeOf(listed.key, { ip })]).toEqual([ip, 'valid']);
    }
    for (const ip of [
      '11.0.0.1',
      '2001:db9::1',
      '',
      'localhost',
      '10.0.0',
      '010.0.0.1',
      '10.0.0.1, 11.0.0.1',
      '0x0a.0.0.1',
    ]) {
      expect([ip, await codeOf(listed.key, { ip })]).toEqual([ip, 'ip_not_allowed']);
      expect(await codeOf(open.key, { ip })).toBe('valid');
    }
    expect(await codeOf(listed.key)).toBe('ip_not_allowed');
    expect(await codeOf(open.key)).toBe('valid');
  });

  describe('spending', () => {
    const left = async (key: string, cost: number) => {
      const { code, limit } = (await ask(key, { cost })).json;
      return [code, limit.remaining, limit.quota.remaining];
    };

    test('takes the cost from the key under both of its limits, all or nothing', async () => {
      const fields = { limits: { per_hour: 10 }, quota: { limit: 12, period: 'day' } };
      const { key } = await makeKey(server, fields);
      expect(await left(key, 0)).toEqual(['valid', 10, 12]);
      expect((await ask(key)).json.limit).toMatchObject({ remaining: 9, quota: { remaining: 11 } });
      expect(await left(key, 5)).toEqual(['valid', 4, 6]);
      expect(await left(key, 5)).toEqual(['rate_limit_exceeded', 4, expect.any(Number)]);
      expect(await left(key, 4)).toEqual(['valid', 0, 2]);
      expect(await left(key, 0)).toEqual(['valid', 0, 2]);
      const refused = await ask(key);
      expect([refused.json.code, refused.json.limit.retry_after_seconds]).toEqual(['rate_limit_exceeded', 3600]);
      clock.advance(HOUR_MS);
      expect(await left(key, 3)).toEqual(['quota_exceeded', 10, 2]);
      expect(await left(key, 2)).toEqual(['valid', 8, 0]);
      expect(await codeOf(key)).toBe('quota_exceeded');
      const { limit } = (await ask(key)).json;
      expect(limit.quota.reset_at).toBe('2030-01-02T00:00:00.000Z');
      expect(limit.retry_after_seconds).toBeGreaterThan(0);
    });

    test('is one count with the calls that the key makes itself', async () => {
      const { key } = await makeKey(server, { limits: { per_hour: 4 } });
      expect(await answerTo(server, key)).toEqual(WORKS);
      expect((await ask(key, { cost: 2 })).json.limit.remaining).toBe(1);
      expect(await answerTo(server, key)).toEqual(WORKS);
      expect(await answerTo(server, key)).toEqual([429, 'rate_limit_exceeded']);
      expect(await codeOf(key)).toBe('rate_limit_exceeded');
      expect(await codeOf(key, { cost: 0 })).toBe('valid');
    });

    test('costs the caller nothing', async () => {
      const fields = { scopes: ['api_keys:verify'], limits: { per_hour: 1 }, quota: { limit: 1, period: 'total' } };
      const by = await makeKey(server, fields);
      const { key } = await makeKey(server, {});
      for (let call = 0; call < 5; call += 1) expect(await codeOf(key, {}, by.key)).toBe('valid');
      const { headers } = await ask(key, {}, by.key);
      expect(headers.get('x-ratelimit-limit')).toBeNull();
      expect(await answerTo(server, by.key)).toEqual(WORKS);
      expect((await answerTo(server, by.key))[0]).toBe(429);
      expect(await codeOf(key, {}, by.key)).toBe('valid');
    });

    test('takes nothing when the answer is no', async () => {
      const { key } = await makeKey(server, { scopes: ['read'], limits: { per_hour: 3 } });
      for (const more of [{ scopes: ['write'] }, { environment: 'live' }]) await codeOf(key, more);
      expect((await ask(key, { cost: 0 })).json.limit.remaining).toBe(3);
    });

    test('counts as a use, unless it only looks', async () => {
      const { id, key } = await makeKey(server, {});
      await codeOf(key, { cost: 0 });
      await server.latchkey.flush();
      expect((await keyAs(server, id)).last_used_at).toBeNull();
      await codeOf(key);
      await server.latchkey.flush();
      expect((await keyAs(server, id)).last_used_at).toBe(iso(clock.nowMs()));
    });
  });

  test.each([
    ['key', { key: undefined }],
    ['key', { key: null }],
    ['key', { key: 5 }],
    ['key', { key: 'k'.repeat(4097) }],
    ['key', { key: 'null\0null' }],
    ['environment', { environment: 'any' }],
    ['scopes', { scopes: 'read' }],
    ['scopes.0', { scopes: [''] }],
    ['ip', { ip: 5 }],
    ['ip', { ip: '1'.repeat(65) }],
    ['cost', { cost: -1 }],
    ['cost', { cost: 1.5 }],
    ['cost', { cost: '1' }],
    ['cost', { cost: 1_000_001 }],
    ['workspace_id', { workspace_id: 'ws_000000000000000000000000' }],
  ])('refuses %s in %j', async (path, more) => {
    const refused = await ask(mintSecret('secret_test', random), more);
    expect([refused.status, refused.json.error]).toEqual([422, 'validation_failed']);
    expect(refused.json.fields[0].path).toBe(path);
  });

  test('is for keys with api_keys:verify, and root', async () => {
    const { key } = await makeKey(server, {});
    for (const scopes of [[], ['read', 'write', 'delete'], ['api_keys:read', 'api_keys:write'], ['guard:read']]) {
      const by = await makeKey(server, { scopes });
      const refused = await ask(key, {}, by.key);
      expect([refused.status, refused.json.error]).toEqual([403, 'insufficient_scope']);
    }
    expect((await server.call('/v1/api-keys/verify', { key: null, json: { key } })).status).toBe(401);
    expect(await codeOf(key, {}, (await makeKey(server, { scopes: ['admin'] })).key)).toBe('valid');
    expect(await codeOf(key, {}, server.rootKey)).toBe('valid');
  });

  test('never repeats the key', async () => {
    const { key } = await makeKey(server, {});
    for (const text of [key, changed(key), mintSecret('secret_live', random), server.rootKey]) {
      const reply = await ask(text);
      expect(reply.text).not.toContain(text);
      expect(server.logLines.join('\n')).not.toContain(text);
    }
  });

  describe('a key for all workspaces', () => {
    const ALLOWED = ['api_keys:verify', 'guard:read', 'tokens:introspect', 'usage:read'];
    const make = (fields: object, key = server.rootKey) => {
      const place = key === server.rootKey ? { workspace_id: server.workspaceId } : {};
      const json = { name: 'all', all_workspaces: true, scopes: ['api_keys:verify'], ...place, ...fields };
      return server.call('/v1/api-keys', { key, json });
    };

    test('is made by root, with four scopes at most', async () => {
      expect((await make({ scopes: ALLOWED })).json).toMatchObject({ all_workspaces: true, scopes: ALLOWED });
      expect((await make({ scopes: [] })).status).toBe(201);
      for (const scope of [
        'admin',
        'read',
        'api_keys:read',
        'api_keys:write',
        'audit:read',
        'openid',
        'projects:read',
      ]) {
        const refused = await make({ scopes: ['api_keys:verify', scope] });
        expect([scope, refused.status, refused.json.fields?.[0].path]).toEqual([scope, 422, 'scopes']);
      }
      expect(await makeKey(server, { all_workspaces: false })).not.toHaveProperty('all_workspaces');
    });

    test('is made by no key, however much it holds (J12)', async () => {
      const admin = await makeKey(server, { scopes: ['admin'] });
      const refused = await make({}, admin.key);
      expect([refused.status, refused.json.fields[0].path]).toEqual([422, 'all_workspaces']);
      const rotated = await server.call(`/v1/api-keys/${everywhere.id}/rotate`, { key: admin.key, json: {} });
      expect(rotated.status).toBe(403);
      expect(await keyAs(server, everywhere.id)).not.toHaveProperty('successor_id');
      const json = { scopes: ALLOWED };
      const widened = await server.call(`/v1/api-keys/${everywhere.id}`, { method: 'PATCH', key: admin.key, json });
      expect(widened.status).toBe(403);
      expect((await keyAs(server, everywhere.id)).scopes).toEqual(['api_keys:verify']);
    });

    test('never gets more than those scopes by a patch, and keeps what it is when rotated', async () => {
      const { json: made } = await make({ scopes: ALLOWED });
      const root = { key: server.rootKey };
      const change = (scopes: string[]) =>
        server.call(`/v1/api-keys/${made.id}`, {
          ...root,
          method: 'PATCH',
          json: { workspace_id: server.workspaceId, scopes },
        });
      for (const scopes of [['admin'], [...ALLOWED, 'read']]) expect((await change(scopes)).status).toBe(422);
      expect((await change(['api_keys:verify'])).json.scopes).toEqual(['api_keys:verify']);
      const json = { workspace_id: server.workspaceId };
      const successor = (await server.call(`/v1/api-keys/${made.id}/rotate`, { ...root, json })).json;
      expect(successor.all_workspaces).toBe(true);
      const theirs = await makeKey(server, { workspace_id: other });
      expect(await codeOf(theirs.key, {}, successor.key)).toBe('valid');
    });

    test('reads the metrics with usage:read, which no other key does', async () => {
      const status = async (key: string) => (await server.call('/metrics', { key })).status;
      expect(await status((await make({ scopes: ['usage:read'] })).json.key)).toBe(200);
      expect(await status((await make({ scopes: ['guard:read'] })).json.key)).toBe(403);
      expect(await status((await makeKey(server, { scopes: ['usage:read', 'admin'] })).key)).toBe(403);
    });

    test('sees no other thing of another workspace', async () => {
      expect((await server.call('/v1/workspaces', { key: everywhere.key })).json.data).toHaveLength(1);
      expect((await server.call(`/v1/workspaces/${other}`, { key: everywhere.key })).status).toBe(404);
      expect((await server.call('/v1/api-keys', { key: everywhere.key })).status).toBe(403);
    });
  });
});
