import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DATABASES, startServer, stopServers, type TestServer } from '../harness.ts';
import { type MadeKey, makeKey } from './installation.ts';

afterAll(stopServers);

describe.each(DATABASES)('a stolen key on %s', (database) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ database });
  });

  const statusOf = async (key: string) => (await server.call('/v1/auth/verify', { key })).status;
  const revoke = (id: string) =>
    server.call(`/v1/api-keys/${id}/revoke`, { key: server.rootKey, json: { descendants: true } });
  const thief = (more: object = {}) => makeKey(server, { scopes: ['read', 'api_keys:write'], ...more });

  test('leaves no child behind, also of those that it was making meanwhile', async () => {
    const stolen = await thief();
    const make = async (): Promise<MadeKey | null> => {
      const made = await server.call('/v1/api-keys', { key: stolen.key, json: { name: 'child', scopes: ['read'] } });
      return made.status === 201 ? made.json : null;
    };
    const before = Array.from({ length: 15 }, make);
    const revoked = revoke(stolen.id);
    const after = Array.from({ length: 15 }, make);
    expect((await revoked).status).toBe(200);
    const children = (await Promise.all([...before, ...after])).filter((child) => child !== null);
    for (const child of children) expect(await statusOf(child.key)).toBe(401);
  });

  test('is followed through keys that it rotated, and through its own deletion', async () => {
    const stolen = await thief();
    const victim = await makeKey(server, { scopes: ['read'] });
    const rotated = await server.call(`/v1/api-keys/${victim.id}/rotate`, { key: stolen.key, json: {} });
    expect(rotated.status).toBe(201);
    const child = await makeKey(server, { scopes: ['read', 'api_keys:write'] }, stolen.key);
    const gone = await server.call(`/v1/api-keys/${stolen.id}`, { key: child.key, method: 'DELETE' });
    expect(gone.status).toBe(204);
    expect((await server.call(`/v1/api-keys/${stolen.id}`, { key: server.rootKey })).status).toBe(404);
    expect((await revoke(stolen.id)).status).toBe(200);
    expect([await statusOf(child.key), await statusOf(rotated.json.key)]).toEqual([401, 401]);
  });

  test('does not bring back what was disabled, nor touch a key for all workspaces', async () => {
    const stolen = await thief();
    const strong = await makeKey(server, { scopes: ['admin'] });
    const change = (id: string, json: object, key: string) =>
      server.call(`/v1/api-keys/${id}`, { method: 'PATCH', key, json });
    expect((await change(strong.id, { state: 'disabled' }, server.rootKey)).status).toBe(200);
    expect((await change(strong.id, { state: 'active' }, stolen.key)).status).toBe(403);
    const everywhere = await makeKey(server, { scopes: ['api_keys:verify'], all_workspaces: true });
    const json = {};
    expect((await server.call(`/v1/api-keys/${everywhere.id}/revoke`, { key: stolen.key, json })).status).toBe(403);
    const options = { key: stolen.key, method: 'DELETE' };
    expect((await server.call(`/v1/api-keys/${everywhere.id}`, options)).status).toBe(403);
    expect(await statusOf(everywhere.key)).toBe(200);
  });

  test('does not speak for somebody else', async () => {
    const stolen = await thief();
    const { json: facts } = await server.call('/v1/auth/verify');
    const other = await makeKey(server, { scopes: ['read'] });
    for (const owner of [facts.user_id, other.id]) {
      const made = await server.call('/v1/api-keys', { key: stolen.key, json: { name: 'x', scopes: [], owner } });
      expect([owner, made.status]).toEqual([owner, 403]);
      const options = { method: 'PATCH', key: stolen.key, json: { owner } };
      expect((await server.call(`/v1/api-keys/${stolen.id}`, options)).status).toBe(403);
    }
    const label = await server.call('/v1/api-keys', {
      key: stolen.key,
      json: { name: 'x', scopes: [], owner: 'c-42' },
    });
    expect(label.status).toBe(201);
  });

  test('of a workspace with limits of its own is held to them under any plan', async () => {
    const made = await server.call('/v1/workspaces', {
      key: server.rootKey,
      json: { name: 'Small', limits: { per_hour: 3 } },
    });
    const place = { workspace_id: made.json.id, plan: 'standard' };
    const { json } = await server.call('/v1/api-keys', {
      key: server.rootKey,
      json: { name: 'x', scopes: [], ...place },
    });
    const reply = await server.call('/v1/auth/verify', { key: json.key });
    expect(reply.headers.get('x-ratelimit-limit')).toBe('3');
  });
});
