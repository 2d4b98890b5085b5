import { afterEach, describe, expect, test } from 'vitest';
import { DATABASES, startServer, stopServers } from './harness.ts';

afterEach(stopServers);

describe.each(DATABASES)('the first key on %s', (database) => {
  test('is created, used, listed and revoked', async () => {
    const server = await startServer({ database });
    const made = await server.call('/v1/api-keys', { json: { name: 'mine', scopes: ['read'] } });
    expect(made.status).toBe(201);
    const { key, id } = made.json;
    expect((await server.call('/v1/projects', { key })).json).toEqual({
      data: [{ id: expect.stringMatching(/^prj_[0-9A-Za-z]{24}$/), name: 'Example project' }],
    });
    const forbidden = await server.call('/v1/projects', { key, json: { name: 'no' } });
    expect(forbidden.status).toBe(403);
    expect(forbidden.json.message).toContain('projects:write');
    const listed = await server.call('/v1/api-keys');
    expect(listed.json.data.map((row: { id: string }) => row.id)).toContain(id);
    expect(listed.text).not.toContain(key);
    expect((await server.call(`/v1/api-keys/${id}/revoke`, { json: {} })).status).toBe(200);
    const refused = await server.call('/v1/projects', { key });
    expect([refused.status, refused.json.error]).toEqual([401, 'token_revoked']);
  });
});
