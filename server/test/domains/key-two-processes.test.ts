import { createHash } from 'node:crypto';
import { hash as bcrypt } from '@node-rs/bcrypt';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type CallOptions, startServer, stopServers, type TestServer } from '../harness.ts';
import {
  answerTo,
  type MadeKey,
  makeKey,
  makeWorkspace,
  REVOKED,
  startBeside,
  UNKNOWN,
  WORKS,
} from './installation.ts';

/** What happens in one process is known to another on the same database: promised within a second, awaited longer. */
const SOON = { timeout: 10_000, interval: 20 };

describe('two processes on one PostgreSQL database', () => {
  let here: TestServer;
  let there: TestServer;

  beforeAll(async () => {
    here = await startServer({ database: 'postgres' });
    there = await startBeside(here);
  });
  afterAll(stopServers);

  const root = (path: string, options: CallOptions) => here.call(path, { key: here.rootKey, ...options });
  const patch = async (id: string, fields: object) => {
    const json = { workspace_id: here.workspaceId, ...fields };
    expect((await root(`/v1/api-keys/${id}`, { method: 'PATCH', json })).status).toBe(200);
  };

  /** A key that the other process has in memory. */
  async function warmThere(fields: object): Promise<MadeKey> {
    const made = await makeKey(here, fields);
    expect(await answerTo(there, made.key)).toEqual(WORKS);
    return made;
  }

  const soon = (key: string, answer: unknown) =>
    vi.waitFor(async () => expect(await answerTo(there, key)).toEqual(answer), SOON);
  const soonStatus = (key: string, path: string, status: number) =>
    vi.waitFor(async () => expect((await there.call(path, { key })).status).toBe(status), SOON);

  test('disabled here is refused there, and active again is let in (J5)', async () => {
    const { id, key } = await warmThere({});
    await patch(id, { state: 'disabled' });
    await soon(key, UNKNOWN);
    await patch(id, { state: 'active' });
    await soon(key, WORKS);
  });

  test('scopes, addresses and expiry that were taken here are gone there', async () => {
    const { id, key } = await warmThere({ scopes: ['read'] });
    await patch(id, { scopes: [] });
    await soonStatus(key, '/v1/projects', 403);
    await patch(id, { ip_allowlist: ['10.0.0.0/8'] });
    await soon(key, [403, 'ip_not_allowed']);
    await patch(id, { ip_allowlist: null, expires_in: '1s' });
    await soon(key, [401, 'token_expired']);
  });

  test('deleted here never was there', async () => {
    const { id, key } = await warmThere({});
    await here.call(`/v1/api-keys/${id}`, { method: 'DELETE' });
    await soon(key, UNKNOWN);
  });

  test('rotated here without overlap is revoked there, and the successor works at once', async () => {
    const { id, key } = await warmThere({});
    const successor = (await here.call(`/v1/api-keys/${id}/rotate`, { json: { overlap: '0s' } })).json;
    expect(await answerTo(there, successor.key)).toEqual(WORKS);
    await soon(key, REVOKED);
  });

  test('revoked with descendants here, the whole tree ends there', async () => {
    const scopes = ['api_keys:write'];
    const parent = await warmThere({ scopes });
    const child = await makeKey(there, { scopes }, parent.key);
    const leaf = await makeKey(there, { scopes: [] }, child.key);
    for (const { key } of [child, leaf]) expect(await answerTo(there, key)).toEqual(WORKS);
    await here.call(`/v1/api-keys/${parent.id}/revoke`, { json: { descendants: true } });
    for (const { key } of [parent, child, leaf]) await soon(key, REVOKED);
  });

  test('a workspace that is suspended here stops all its keys there, until it is active again (J7)', async () => {
    const workspace_id = await makeWorkspace(here, 'Suspended');
    const keys = await Promise.all(['test', 'live'].map((environment) => warmThere({ workspace_id, environment })));
    const bystander = await warmThere({});
    const set = (state: string) => root(`/v1/workspaces/${workspace_id}`, { method: 'PATCH', json: { state } });
    await set('suspended');
    for (const { key } of keys) await soon(key, UNKNOWN);
    expect(await answerTo(there, bystander.key)).toEqual(WORKS);
    await set('active');
    for (const { key } of keys) await soon(key, WORKS);
  });

  test('what a scope implies, and that it is gone, holds there too', async () => {
    const json = { name: 'viewer', description: 'See projects.', implies: ['projects:read'] };
    expect((await root('/v1/scopes', { json })).status).toBe(201);
    const { key } = await makeKey(here, { scopes: ['viewer'] });
    await soonStatus(key, '/v1/projects', 200);
    await root('/v1/scopes/viewer', { method: 'PATCH', json: { implies: ['orders:read'] } });
    await soonStatus(key, '/v1/projects', 403);
    expect((await there.call('/v1/orders', { key })).status).toBe(200);
    expect((await root('/v1/scopes/viewer', { method: 'DELETE' })).status).toBe(204);
    await soonStatus(key, '/v1/orders', 403);
    const again = { name: 'x', scopes: ['viewer'], workspace_id: here.workspaceId };
    expect((await there.call('/v1/api-keys', { key: there.rootKey, json: again })).status).toBe(422);
  });

  test('an imported key is let in by both, whichever meets its slow hash first', async () => {
    const texts = Array.from({ length: 4 }, (_, index) => `acme_${index}_${'x'.repeat(20)}`);
    const keys = await Promise.all(
      texts.map(async (text, index) => ({
        name: 'imported',
        scopes: [],
        hash: { algorithm: 'bcrypt', value: await bcrypt(text, { cost: 4 }) },
        lookup_prefix: `acme_${index}_x`,
      })),
    );
    const reply = await root('/v1/api-keys/import', { json: { workspace_id: here.workspaceId, keys } });
    expect(reply.status).toBe(201);
    const both = texts.flatMap((text) => [here, there, here, there].map((server) => answerTo(server, text)));
    expect(await Promise.all(both)).toEqual(both.map(() => WORKS));
    const ids = reply.json.data.map(({ id }: MadeKey) => id);
    const rows = await here.latchkey.database.read.selectFrom('api_keys').selectAll().where('id', 'in', ids).execute();
    const hashes = texts.map((text) => createHash('sha256').update(text).digest('hex'));
    expect(rows.map(({ slow_hash, secret_hash }) => [slow_hash, secret_hash]).sort()).toEqual(
      hashes.map((each) => [null, each]).sort(),
    );
  });

  test('twenty rotations in both at once give one successor', async () => {
    const { id } = await warmThere({});
    const turns = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? here : there));
    const replies = await Promise.all(
      turns.map((server) => server.call(`/v1/api-keys/${id}/rotate`, { key: here.key, json: {} })),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 19 }, () => 409)]);
  });
});

describe.each(['sqlite', 'postgres'] as const)('after a restart on %s', (database) => {
  test('what was ended is still ended, and what worked still works (J5, J6)', async () => {
    const first = await startServer({ database });
    const make = (fields: object = {}) => makeKey(first, { scopes: ['read'], ...fields });
    const workspace_id = await makeWorkspace(first, 'Suspended');
    const [kept, revoked, deleted, disabled, old, instant] = (await Promise.all(
      Array.from({ length: 6 }, () => make()),
    )) as [MadeKey, MadeKey, MadeKey, MadeKey, MadeKey, MadeKey];
    const suspended = await make({ workspace_id });
    const root = (path: string, options: CallOptions) => first.call(path, { key: first.rootKey, ...options });
    await first.call(`/v1/api-keys/${revoked.id}/revoke`, { json: {} });
    await first.call(`/v1/api-keys/${deleted.id}`, { method: 'DELETE' });
    await first.call(`/v1/api-keys/${disabled.id}`, { method: 'PATCH', json: { state: 'disabled' } });
    const overlapping = (await first.call(`/v1/api-keys/${old.id}/rotate`, { json: { overlap: '1h' } })).json;
    const next = (await first.call(`/v1/api-keys/${instant.id}/rotate`, { json: { overlap: '0s' } })).json;
    await root(`/v1/workspaces/${workspace_id}`, { method: 'PATCH', json: { state: 'suspended' } });
    const scope = { name: 'viewer', description: 'See projects.', implies: ['projects:read'] };
    await root('/v1/scopes', { json: scope });
    const viewer = await make({ scopes: ['viewer'] });
    await first.stop();

    const { config, dataDir } = first;
    const env: Record<string, string> =
      config.database.kind === 'postgres' ? { LATCHKEY_DATABASE_URL: config.database.url } : {};
    const second = await startServer({ dataDir, env });
    for (const { key } of [kept, old, overlapping, next, viewer]) expect(await answerTo(second, key)).toEqual(WORKS);
    for (const { key } of [revoked, instant]) expect(await answerTo(second, key)).toEqual(REVOKED);
    for (const { key } of [deleted, disabled, suspended]) expect(await answerTo(second, key)).toEqual(UNKNOWN);
    expect((await second.call('/v1/projects', { key: viewer.key })).status).toBe(200);
    expect((await second.call('/v1/orders', { key: viewer.key })).status).toBe(403);
    const again = { key: second.rootKey, json: { workspace_id: first.workspaceId } };
    expect((await second.call(`/v1/api-keys/${old.id}/rotate`, again)).status).toBe(409);
    await stopServers();
  });
});
