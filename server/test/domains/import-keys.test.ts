import { createHash } from 'node:crypto';
import { mintSecret } from '@latchkey/protocol';
import { hash as argon2 } from '@node-rs/argon2';
import { hash as bcrypt } from '@node-rs/bcrypt';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createSlowHashes } from '../../src/accounts/index.ts';
import { pooledRandom } from '../../src/crypto/index.ts';
import { DATABASES, manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import {
  answerTo,
  EXPIRED,
  eventsAbout,
  keyAs,
  type MadeKey,
  makeKey,
  makePlan,
  makeWorkspace,
  REVOKED,
  START_MS,
  UNKNOWN,
  WORKS,
} from './installation.ts';

const random = pooledRandom();
/** A key of another system. */
const foreignText = (prefix = 'acme_') => prefix + Buffer.from(random(24)).toString('base64url');
const digest = (text: string) => createHash('sha256').update(text).digest();
const sha256 = (text: string) => ({ algorithm: 'sha256', value: digest(text).toString('hex') });
/** The least work that these algorithms know: tests are about what follows. */
const FAST = { cost: 4 };
const CHEAP = { memoryCost: 8, timeCost: 1, parallelism: 1 };
const COST = '12$';
const COSTLY_SALT = 'N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';

describe.each(DATABASES)('importing keys on %s', (database) => {
  const clock = manualClock(START_MS);
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer({ database, clock });
  });
  afterAll(stopServers);
  beforeEach(() => clock.advance(1));

  const send = (keys: unknown, key = server.rootKey, more: object = {}) => {
    const place = key === server.rootKey ? { workspace_id: server.workspaceId } : {};
    return server.call('/v1/api-keys/import', { key, json: { ...place, keys, ...more } });
  };

  async function importKey(fields: object): Promise<MadeKey> {
    const reply = await send([{ name: 'imported', scopes: [], ...fields }]);
    expect(reply.status, reply.text).toBe(201);
    return reply.json.data[0];
  }

  const rowOf = (id: string) =>
    server.latchkey.database.read.selectFrom('api_keys').selectAll().where('id', '=', id).executeTakeFirstOrThrow();

  async function countRows(): Promise<number[]> {
    const { read } = server.latchkey.database;
    const rows = [
      await read.selectFrom('api_keys').select('id').execute(),
      await read.selectFrom('audit_events').select('id').execute(),
      await read.selectFrom('changes').select('seq').execute(),
    ];
    return rows.map(({ length }) => length);
  }

  /** Asserts that the call was refused and that nothing of it was kept. */
  async function expectNothingOf(keys: unknown, status: number, by?: string, more?: object): Promise<string[]> {
    const before = await countRows();
    const refused = await send(keys, by, more);
    expect(refused.status, refused.text).toBe(status);
    expect(await countRows()).toEqual(before);
    return (refused.json.fields ?? []).map(({ path }: { path: string }) => path);
  }

  const spellings: [string, (bytes: Buffer) => string][] = [
    ['hex', (bytes) => bytes.toString('hex')],
    ['HEX', (bytes) => bytes.toString('hex').toUpperCase()],
    ['base64', (bytes) => bytes.toString('base64')],
    ['base64 without padding', (bytes) => bytes.toString('base64').slice(0, -1)],
    ['base64url', (bytes) => bytes.toString('base64url')],
  ];

  test.each(spellings)('by SHA-256 in %s lets their texts in', async (_, spell) => {
    for (let round = 0; round < 4; round += 1) {
      const text = foreignText();
      const { id } = await importKey({ scopes: ['read'], hash: { algorithm: 'sha256', value: spell(digest(text)) } });
      for (const headers of [{ authorization: `Bearer ${text}` }, { 'x-api-key': text }] as Record<string, string>[]) {
        const { status, json } = await server.call('/v1/auth/verify', { key: null, headers });
        expect([status, json.credential_id, json.scopes]).toEqual([200, id, ['read']]);
      }
      expect((await server.call('/v1/projects', { key: text })).status).toBe(200);
      expect((await rowOf(id)).secret_hash).toBe(digest(text).toString('hex'));
    }
  });

  test('answers with keys like any other, in order, and with no secret or hash (J16)', async () => {
    const [first, second] = [foreignText(), foreignText()];
    const given = {
      name: 'First',
      scopes: ['read', 'orders:write'],
      type: 'restricted',
      environment: 'live',
      owner: 'billing',
      external_id: `ext-${database}`,
      metadata: { from: 'acme' },
      ip_allowlist: ['10.0.0.0/8'],
      rotate_after: '90d',
      plan: 'starter',
      limits: { per_hour: 5, per_second: 1 },
      quota: { limit: 5, period: 'day' },
      expires_at: '2031-01-01T00:00:00.000Z',
    };
    const reply = await send([
      { ...given, hash: sha256(first), hint: 'acme_…1234' },
      { name: 'Second', scopes: [], hash: sha256(second) },
    ]);
    expect(reply.status).toBe(201);
    const [a, b] = reply.json.data;
    expect(a).toMatchObject({ ...given, hint: 'acme_…1234', state: 'active', created_by: 'root' });
    expect(b).toMatchObject({ name: 'Second', hint: '…', environment: 'test', metadata: null });
    for (const text of [first, second, sha256(first).value, sha256(second).value])
      expect(reply.text).not.toContain(text);
    expect(await keyAs(server, a.id)).toEqual(a);
    const [event] = await eventsAbout(server, a.id);
    expect(event?.action).toBe('api_key.imported');
    expect(event?.data).not.toContain(sha256(first).value);
  });

  test('checks our checksum behind our prefixes alone', async () => {
    const ours = mintSecret('secret_live', random);
    const broken = `${ours.slice(0, -6)}000000`;
    const theirs = ['SK_live_51Habc', 'sk-proj-abcdefgh', 'Basic:dXNlcjpwYXNz', 'key=a&b=c;d', '~!@#$%^&*()_+{}|'];
    await send([ours, broken, ...theirs].map((text, index) => ({ name: `${index}`, scopes: [], hash: sha256(text) })));
    for (const text of [ours, ...theirs]) expect([text, await answerTo(server, text)]).toEqual([text, WORKS]);
    expect(await answerTo(server, broken)).toEqual(UNKNOWN);
  });

  describe('by a slow hash', () => {
    const slowHashes: [string, (text: string) => Promise<{ algorithm: string; value: string }>][] = [
      ['bcrypt $2b$', async (text) => ({ algorithm: 'bcrypt', value: await bcrypt(text, FAST) })],
      ['bcrypt $2y$', async (text) => ({ algorithm: 'bcrypt', value: await bcrypt(text, { cost: 4, version: '2y' }) })],
      ['bcrypt $2a$', async (text) => ({ algorithm: 'bcrypt', value: await bcrypt(text, { cost: 4, version: '2a' }) })],
      ['argon2d', async (text) => ({ algorithm: 'argon2', value: await argon2(text, { ...CHEAP, algorithm: 0 }) })],
      ['argon2i', async (text) => ({ algorithm: 'argon2', value: await argon2(text, { ...CHEAP, algorithm: 1 }) })],
      ['argon2id', async (text) => ({ algorithm: 'argon2', value: await argon2(text, { ...CHEAP, algorithm: 2 }) })],
    ];

    test.each(slowHashes)('%s: the first use replaces it', async (_, hashOf) => {
      const text = foreignText();
      const prefix = text.slice(0, 12);
      const { id, hint } = await importKey({ hash: await hashOf(text), lookup_prefix: prefix });
      expect(hint).toBe(`${prefix.slice(0, 8)}…`);
      const slow = await rowOf(id);
      expect(slow.slow_hash).not.toBeNull();
      expect(slow.secret_hash).not.toMatch(/^[0-9a-f]{64}$/);
      for (const wrong of [`${text}x`, text.slice(0, -1), `${prefix}${'x'.repeat(20)}`, prefix]) {
        expect(await answerTo(server, wrong)).toEqual(UNKNOWN);
      }
      expect(await rowOf(id)).toEqual(slow);
      const first = await Promise.all(Array.from({ length: 6 }, () => answerTo(server, text)));
      expect(first).toEqual(Array.from({ length: 6 }, () => WORKS));
      expect(await rowOf(id)).toEqual({ ...slow, slow_hash: null, secret_hash: digest(text).toString('hex') });
      expect(await answerTo(server, text)).toEqual(WORKS);
      expect(await answerTo(server, `${text}x`)).toEqual(UNKNOWN);
    });

    test('is tried only where its prefix fits', async () => {
      const text = foreignText();
      await importKey({
        hash: { algorithm: 'bcrypt', value: await bcrypt(text, FAST) },
        lookup_prefix: 'other_prefix',
      });
      expect(await answerTo(server, text)).toEqual(UNKNOWN);
    });

    test('is found behind any number of shorter prefixes, also those of another workspace', async () => {
      const text = foreignText('nested_');
      const workspace_id = await makeWorkspace(server, 'Squatter');
      const squatting = await bcrypt('something else', FAST);
      const keys = Array.from({ length: 6 }, (_, index) => ({
        name: `${index}`,
        scopes: [],
        hash: { algorithm: 'bcrypt', value: squatting },
        lookup_prefix: text.slice(0, 8 + index),
      }));
      expect((await send(keys, undefined, { workspace_id })).status).toBe(201);
      const hash = { algorithm: 'bcrypt', value: await bcrypt(text, FAST) };
      const { id } = await importKey({ hash, lookup_prefix: text.slice(0, 20) });
      expect((await server.call('/v1/auth/verify', { key: text })).json.credential_id).toBe(id);
    });

    test('tells of a revocation or an expiry only who has the whole text', async () => {
      const [revoked, expired] = [foreignText(), foreignText()];
      const [a, b] = await Promise.all(
        [revoked, expired].map(async (text, index) =>
          importKey({
            hash: { algorithm: 'bcrypt', value: await bcrypt(text, FAST) },
            lookup_prefix: text.slice(0, 10),
            ...(index === 1 ? { expires_in: '1s' } : {}),
          }),
        ),
      );
      await server.call(`/v1/api-keys/${a?.id}/revoke`, { json: {} });
      clock.advance(1000);
      for (const text of [revoked, expired])
        expect(await answerTo(server, `${text.slice(0, 10)}guess`)).toEqual(UNKNOWN);
      expect(await answerTo(server, revoked)).toEqual(REVOKED);
      expect(await answerTo(server, expired)).toEqual(EXPIRED);
      expect((await keyAs(server, b?.id ?? '')).state).toBe('expired');
    });

    test('is no more once the key is deleted', async () => {
      const text = foreignText();
      const fields = {
        hash: { algorithm: 'bcrypt', value: await bcrypt(text, FAST) },
        lookup_prefix: text.slice(0, 10),
      };
      const { id } = await importKey(fields);
      expect((await server.call(`/v1/api-keys/${id}`, { method: 'DELETE' })).status).toBe(204);
      expect(await answerTo(server, text)).toEqual(UNKNOWN);
      await importKey(fields);
      expect(await answerTo(server, text)).toEqual(WORKS);
    });

    test('gives way to a text of ours when the key is rotated', async () => {
      const text = foreignText();
      const { id } = await importKey({
        hash: { algorithm: 'bcrypt', value: await bcrypt(text, FAST) },
        lookup_prefix: text.slice(0, 10),
        expires_in: '1h',
      });
      const next = (await server.call(`/v1/api-keys/${id}/rotate`, { json: { overlap: '10m' } })).json;
      expect(next.key).toMatch(/^sk_test_/);
      for (const key of [text, next.key]) expect(await answerTo(server, key)).toEqual(WORKS);
      clock.advance(600_000);
      expect(await answerTo(server, text)).toEqual(EXPIRED);
      expect(await answerTo(server, next.key)).toEqual(WORKS);
    });
  });

  const fine = () => ({ name: 'fine', scopes: [], hash: sha256(foreignText()) });
  const slow = (algorithm: string, value: string, lookup_prefix: unknown = 'acme_some') => ({
    name: 'slow',
    scopes: [],
    hash: { algorithm, value },
    lookup_prefix,
  });
  const argon2Of = (parameters: string, type = 'argon2id') =>
    `$${type}$v=19$${parameters}$c29tZXNhbHRzb21l$${'A'.repeat(43)}`;

  test.each([
    ['keys.1.hash.value', { ...fine(), hash: { algorithm: 'sha256', value: 'x' } }],
    ['keys.1.hash.value', { ...fine(), hash: { algorithm: 'sha256', value: 'g'.repeat(64) } }],
    ['keys.1.hash.value', { ...fine(), hash: { algorithm: 'sha256', value: 'a'.repeat(63) } }],
    ['keys.1.hash.value', { ...fine(), hash: { algorithm: 'sha256', value: `${'a'.repeat(43)}==` } }],
    ['keys.1.hash.value', { ...fine(), hash: { algorithm: 'sha256', value: foreignText() } }],
    ['keys.1.hash.algorithm', { ...fine(), hash: { algorithm: 'md5', value: 'a'.repeat(32) } }],
    ['keys.1.hash', { ...fine(), hash: 'a'.repeat(64) }],
    ['keys.1.hash', { name: 'x', scopes: [] }],
    ['keys.1.hash.salt', { ...fine(), hash: { ...sha256('x'), salt: 'y' } }],
    ['keys.1.key', { ...fine(), key: 'acme_plain_text' }],
    ['keys.1.hash.value', slow('bcrypt', 'not bcrypt')],
    ['keys.1.hash.value', slow('bcrypt', `$2b$15$${COSTLY_SALT}`)],
    ['keys.1.hash.value', slow('bcrypt', `$2b$31$${COSTLY_SALT}`)],
    ['keys.1.hash.value', slow('bcrypt', `$2x$${COST}${COSTLY_SALT}`)],
    ['keys.1.hash.value', slow('argon2', `$2b$${COST}${COSTLY_SALT}`)],
    ['keys.1.hash.value', slow('argon2', argon2Of('m=131073,t=1,p=1'))],
    ['keys.1.hash.value', slow('argon2', argon2Of('m=65536,t=11,p=1'))],
    ['keys.1.hash.value', slow('argon2', argon2Of('m=99999999,t=1,p=1'))],
    ['keys.1.hash.value', slow('argon2', argon2Of('m=65536,t=3,p=4', 'argon2x'))],
    ['keys.1.lookup_prefix', { ...fine(), hash: slow('bcrypt', `$2b$${COST}${COSTLY_SALT}`).hash }],
    ['keys.1.lookup_prefix', slow('bcrypt', `$2b$${COST}${COSTLY_SALT}`, null)],
    ['keys.1.lookup_prefix', slow('argon2', argon2Of('m=65536,t=3,p=4'), 'acme_xy')],
    ['keys.1.lookup_prefix', slow('argon2', argon2Of('m=65536,t=3,p=4'), 'acme some')],
    ['keys.1.scopes', { ...fine(), scopes: ['nope'] }],
    ['keys.1.scopes', { ...fine(), type: 'restricted', scopes: ['admin'] }],
    ['keys.1.expires_at', { ...fine(), expires_at: '2029-01-01T00:00:00Z' }],
    ['keys.1.expires_at', { ...fine(), expires_at: 'tomorrow' }],
    ['keys.1.owner', { ...fine(), owner: `usr_${'0'.repeat(24)}` }],
    ['keys.1.ip_allowlist.0', { ...fine(), ip_allowlist: ['x'] }],
    ['keys.1.workspace_id', { ...fine(), workspace_id: 'ws_000000000000000000000000' }],
    ['keys', null],
  ])('refuses %s in %j, and imports none of the others', async (path, bad) => {
    const keys = bad === null ? [] : [fine(), bad, fine()];
    const paths = await expectNothingOf(keys, 422);
    expect(paths.some((each) => each.startsWith(path))).toBe(true);
  });

  test('takes the costliest hash that is bearable', async () => {
    await importKey(slow('bcrypt', `$2b$14$${COSTLY_SALT}`, `cost-b-${database}`));
    await importKey(slow('argon2', argon2Of('m=131072,t=10,p=4'), `cost-a-${database}`));
  });

  test('of what is there already is a conflict, and imports none of the others', async () => {
    const text = foreignText();
    const value = await bcrypt(text, FAST);
    const hash = { algorithm: 'bcrypt', value };
    await importKey({ hash, lookup_prefix: 'taken_prefix' });
    const { external_id } = await makeKey(server, { external_id: `taken-${database}` });
    const own = await makeKey(server, {});
    const twin = fine();
    await expectNothingOf([fine(), { ...fine(), hash: sha256(own.key) }, fine()], 409);
    await expectNothingOf([twin, fine(), twin], 409);
    await expectNothingOf([fine(), { name: 'x', scopes: [], hash, lookup_prefix: 'taken_prefix' }], 409);
    await expectNothingOf([fine(), { ...fine(), external_id }], 409);
    const workspace_id = await makeWorkspace(server, 'Elsewhere');
    const refused = await send([{ ...fine(), hash: sha256(own.key) }], undefined, { workspace_id });
    expect([refused.status, refused.text.includes(own.id)]).toEqual([409, false]);
    expect(await answerTo(server, own.key)).toEqual(WORKS);
  });

  test('by a key keeps to what that key may give, for every one of them (J10, J12)', async () => {
    await makePlan(server, 'wide', { per_hour: 1000 });
    await makePlan(server, 'narrow', { per_hour: 100 });
    const { key } = await makeKey(server, {
      scopes: ['read', 'api_keys:write'],
      expires_in: '1h',
      plan: 'narrow',
    });
    const good = { ...fine(), scopes: ['read:orders'], plan: 'narrow' };
    const bad: [object, number][] = [
      [{ scopes: ['write'] }, 403],
      [{ scopes: ['admin'] }, 403],
      [{ environment: 'live' }, 403],
      [{ expires_in: '2h' }, 422],
      [{ plan: 'wide' }, 403],
      [{ plan: null }, 403],
      [{ limits: { per_hour: 5 } }, 403],
      [{ all_workspaces: true, scopes: [] }, 422],
    ];
    for (const [fields, status] of bad) {
      await expectNothingOf([good, { ...good, hash: sha256(foreignText()), ...fields }], status, key);
    }
    await expectNothingOf([good], 404, key, { workspace_id: await makeWorkspace(server) });
    const taken = await send([good], key);
    expect(taken.status).toBe(201);
    const expires_at = new Date(clock.nowMs() + 3_600_000).toISOString();
    expect(taken.json.data[0]).toMatchObject({ environment: 'test', expires_at, plan: 'narrow' });
  });

  test('needs api_keys:write', async () => {
    for (const scopes of [[], ['api_keys:read'], ['read', 'write'], ['api_keys:verify']]) {
      await expectNothingOf([fine()], 403, (await makeKey(server, { scopes })).key);
    }
    expect((await server.call('/v1/api-keys/import', { key: null, json: { keys: [fine()] } })).status).toBe(401);
  });

  test('takes a thousand in one call, and not one more', async () => {
    const texts = Array.from({ length: 1001 }, () => foreignText());
    const keys = texts.map((text, index) => ({ name: `key ${index}`, scopes: ['read'], hash: sha256(text) }));
    expect(await expectNothingOf(keys, 422)).toEqual(['keys']);
    const reply = await send(keys.slice(0, 1000));
    expect(reply.status).toBe(201);
    expect(reply.json.data.map(({ name }: MadeKey) => name)).toEqual(keys.slice(0, 1000).map(({ name }) => name));
    for (const index of [0, 499, 999]) expect(await answerTo(server, texts[index] ?? '')).toEqual(WORKS);
    expect(await answerTo(server, texts[1000] ?? '')).toEqual(UNKNOWN);
  });
});

test('only so many slow hashes wait for their turn; the rest is told to come again (M8)', async () => {
  const { verify } = createSlowHashes();
  const value = await bcrypt('right', FAST);
  const all = await Promise.allSettled(
    Array.from({ length: 80 }, (_, index) => verify(value, index === 9 ? 'right' : '')),
  );
  const answers = all.map((each) => (each.status === 'fulfilled' ? each.value : each.reason.code));
  expect(answers.slice(0, 66)).toEqual(Array.from({ length: 66 }, (_, index) => index === 9));
  expect(answers.slice(66)).toEqual(Array.from({ length: 14 }, () => 'unavailable'));
  expect(await verify(value, 'right')).toBe(true);
});
