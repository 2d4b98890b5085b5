import { generateKeyPairSync } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createEnvelope, pooledRandom } from '../../src/crypto/index.ts';
import { DATABASES, startServer, stopServers, type TestServer } from '../harness.ts';
import { ISSUER, SECRET } from './issuing.ts';

const PATH = '/v1/trusted-issuers';
const publicJwk = () => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }),
  kid: 'a',
});

const bodyFor = (server: TestServer, changes: object = {}) => ({
  issuer: ISSUER,
  audience: `${server.issuer}/v1`,
  secret: SECRET,
  scopes: ['read'],
  ...changes,
});

async function makeKey(server: TestServer, scopes: string[], json: object = {}): Promise<string> {
  const reply = await server.call('/v1/api-keys', { key: server.rootKey, json: { name: 'k', scopes, ...json } });
  return reply.json.key;
}

describe.each(DATABASES)('on %s', (database) => {
  afterEach(stopServers);

  test('an issuer is registered, listed, read, changed and removed, with a record of each; its secret is sealed', async () => {
    const server = await startServer({ database });
    const key = server.rootKey;
    const made = await server.call(PATH, { key, json: bodyFor(server) });
    expect([made.status, made.json]).toEqual([
      201,
      {
        id: expect.stringMatching(/^iss_[0-9A-Za-z]{24}$/),
        issuer: ISSUER,
        audience: `${server.issuer}/v1`,
        jwks_uri: null,
        jwks: null,
        has_secret: true,
        algorithms: ['HS256'],
        scopes: ['read'],
        scope_claim: null,
        resource: `${server.issuer}/v1`,
        environment: 'test',
        workspace_id: server.workspaceId,
        created_by: 'root',
        created_at: expect.any(String),
      },
    ]);
    const { id } = made.json;
    const jwks = { keys: [publicJwk()] };
    const more = { issuer: 'urn:example:ci', secret: undefined, jwks, environment: 'live', algorithms: ['ES256'] };
    const second = (await server.call(PATH, { key, json: bodyFor(server, more) })).json;
    expect(second).toMatchObject({ jwks, has_secret: false, environment: 'live' });
    expect((await server.call(`${PATH}/${id}`, { key })).json).toEqual(made.json);
    const page = (await server.call(`${PATH}?limit=1`, { key })).json;
    expect(page.data).toEqual([second]);
    const next = (await server.call(`${PATH}?limit=1&cursor=${page.next_cursor}`, { key })).json;
    expect(next).toEqual({ data: [made.json], next_cursor: null });
    expect((await server.call(`${PATH}?environment=live`, { key })).json.data).toEqual([second]);
    const patch = { scopes: ['write'], audience: 'https://else.example', scope_claim: 'scp' };
    const changed = await server.call(`${PATH}/${id}`, { method: 'PATCH', key, json: patch });
    expect([changed.status, changed.json]).toEqual([200, { ...made.json, ...patch }]);
    expect((await server.call(`${PATH}/${id}`, { method: 'PATCH', key, json: {} })).json).toEqual(changed.json);
    const { database: rows } = server.latchkey;
    const row = await rows.read
      .selectFrom('trusted_issuers')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    expect(JSON.stringify(row)).not.toContain(SECRET);
    const envelope = createEnvelope(server.config.encryptionKeys, pooledRandom());
    expect(envelope.unseal(row.secret_sealed ?? '', `trusted_issuers.secret:${id}`)).toBe(SECRET);
    expect((await server.call(`${PATH}/${id}`, { method: 'DELETE', key })).status).toBe(204);
    expect((await server.call(`${PATH}/${id}`, { key })).status).toBe(404);
    expect((await server.call(`${PATH}/${id}`, { method: 'DELETE', key })).status).toBe(404);
    const events = await rows.read.selectFrom('audit_events').selectAll().where('target_id', '=', id).execute();
    const actions = events.map(({ action }) => action).sort();
    expect(actions).toEqual(['trusted_issuer.created', 'trusted_issuer.deleted', 'trusted_issuer.updated']);
    expect(JSON.stringify(events) + server.logLines.join('')).not.toContain(SECRET);
  });

  test('one issuer stands once for an audience, also when many register it at once', async () => {
    const server = await startServer({ database });
    const register = (changes: object = {}) =>
      server.call(PATH, { key: server.rootKey, json: bodyFor(server, changes) });
    const answers = await Promise.all(Array.from({ length: 10 }, () => register()));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array(9).fill(409)]);
    const other = (await register({ audience: null })).json;
    expect((await register({ audience: null })).status).toBe(409);
    const patch = { method: 'PATCH', key: server.rootKey, json: { audience: `${server.issuer}/v1` } };
    expect((await server.call(`${PATH}/${other.id}`, patch)).status).toBe(409);
    expect((await register({ issuer: ISSUER.slice(0, -1) })).status).toBe(201);
  });
});

describe('what is refused', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(stopServers);

  test('names the field and what to write instead', async () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' });
    const jwksOf = (key: object) => ({ secret: undefined, jwks: { keys: [key] } });
    const uri = (jwks_uri: string) => ({ secret: undefined, jwks_uri });
    const application = { name: 'a', scopes: [], type: 'service' };
    const { client_id } = (await server.call('/v1/applications', { key: server.rootKey, json: application })).json;
    const wrong: [object, string, RegExp][] = [
      [{ issuer: server.issuer }, 'issuer', /somebody else/],
      [{ issuer: `${server.issuer}/` }, 'issuer', /somebody else/],
      [{ issuer: server.issuer.toUpperCase() }, 'issuer', /somebody else/],
      [{ issuer: `${server.issuer}/x/..` }, 'issuer', /somebody else/],
      [{ issuer: client_id }, 'issuer', /client_id/],
      [{ issuer: 'no uri: at all' }, 'issuer', /URI/],
      [{ issuer: 'a\u0000b' }, 'issuer', /./],
      [{ secret: 'x'.repeat(31) }, 'secret', /32 bytes/],
      [{ secret: undefined }, 'jwks_uri', /exactly one/],
      [{ jwks_uri: 'https://idp.example/jwks' }, 'jwks_uri', /exactly one/],
      [uri('https://2130706433/'), 'jwks_uri', /plainly/],
      [uri('https://a:b@idp.example/'), 'jwks_uri', /password/],
      [uri('ftp://idp.example/'), 'jwks_uri', /https/],
      [{ ...jwksOf(weak), algorithms: ['RS256'] }, 'jwks', /weak/],
      [jwksOf({ ...publicJwk(), d: 'x' }), 'jwks', /private/],
      [jwksOf({ kty: 'oct', k: 'x' }), 'jwks', /symmetric/],
      [{ secret: undefined, jwks: { keys: [] } }, 'jwks', /1 to 100/],
      [{ ...uri('https://idp.example/'), audience: null }, 'audience', /secret/],
      [{ audience: server.issuer }, 'audience', /endpoints/],
      [{ audience: `${server.issuer}/oauth/token` }, 'audience', /endpoints/],
      [{ algorithms: ['ES256'] }, 'algorithms', /HS256/],
      [{ ...uri('https://idp.example/'), algorithms: ['HS256'] }, 'algorithms', /secret/],
      [{ algorithms: ['none'] }, 'algorithms', /./],
      [{ scopes: ['nonsense'] }, 'scopes', /unknown/],
      [{ resource: 'https://nowhere.example' }, 'resource', /no such/],
      [{ surprise: 1 }, 'surprise', /./],
    ];
    for (const [changes, path, message] of wrong) {
      const { status, json } = await server.call(PATH, { key: server.rootKey, json: bodyFor(server, changes) });
      expect([changes, status, json.fields?.[0]?.path.split('.')[0]]).toEqual([changes, 422, path]);
      expect(json.fields[0].message).toMatch(message);
      expect(JSON.stringify(json)).not.toContain(SECRET);
    }
  });

  test('is what a caller may not do: other workspaces, other environments, more than it holds, the operator’s resources', async () => {
    const writes = ['trusted_issuers:write', 'trusted_issuers:read', 'read'];
    const own = await makeKey(server, writes);
    const post = (key: string, changes: object = {}) => server.call(PATH, { key, json: bodyFor(server, changes) });
    const made = await post(own, { issuer: 'by-a-key' });
    expect([made.status, made.json.environment]).toEqual([201, 'test']);
    const refusalOf = ({ status, json }: Awaited<ReturnType<typeof post>>) => [status, json.error];
    expect(refusalOf(await post(own, { scopes: ['write'] }))).toEqual([403, 'insufficient_scope']);
    expect(refusalOf(await post(own, { environment: 'live' }))).toEqual([403, 'wrong_environment']);
    expect(refusalOf(await post(await makeKey(server, ['trusted_issuers:read'])))).toEqual([403, 'insufficient_scope']);
    expect((await server.call(PATH, { key: await makeKey(server, ['read']) })).status).toBe(403);
    const live = await makeKey(server, writes, { environment: 'live' });
    expect((await server.call(`${PATH}/${made.json.id}`, { key: live })).status).toBe(404);

    const workspace = (await server.call('/v1/workspaces', { key: server.rootKey, json: { name: 'tenant' } })).json;
    const theirs = await makeKey(server, writes, { workspace_id: workspace.id });
    const refused = await post(theirs, { issuer: 'tenant' });
    expect(refusalOf(refused)).toEqual([403, 'forbidden']);
    expect(refused.json.message).toContain('root key');
    for (const method of ['GET', 'PATCH', 'DELETE']) {
      const json = method === 'PATCH' ? { json: { scopes: [] } } : {};
      const { status } = await server.call(`${PATH}/${made.json.id}`, { method, key: theirs, ...json });
      expect([method, status]).toEqual([method, 404]);
    }
    expect((await post(server.rootKey, { issuer: 'tenant' })).status).toBe(422);
    const byRoot = await post(server.rootKey, { issuer: 'tenant', workspace_id: workspace.id });
    expect([byRoot.status, byRoot.json.workspace_id]).toEqual([201, workspace.id]);
    expect((await server.call(PATH, { key: theirs })).json.data).toEqual([byRoot.json]);
    expect((await server.call(`${PATH}/${byRoot.json.id}`, { method: 'DELETE', key: theirs })).status).toBe(204);
  });

  test('new keys for old scopes are a widening; keeping both is none', async () => {
    const narrow = await makeKey(server, ['trusted_issuers:write'], { workspace_id: server.workspaceId });
    const body = bodyFor(server, { issuer: 'kept', workspace_id: server.workspaceId });
    const { id } = (await server.call(PATH, { key: server.rootKey, json: body })).json;
    const patch = (json: object) => server.call(`${PATH}/${id}`, { method: 'PATCH', key: narrow, json });
    expect((await patch({ scope_claim: 'scp' })).status).toBe(200);
    expect((await patch({ secret: `${SECRET}, chosen by who does not hold read` })).status).toBe(403);
    expect((await patch({ scopes: [], secret: `${SECRET}, for nothing` })).status).toBe(200);
  });
});
