import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, stopServers, type TestServer } from '../harness.ts';
import { newApp, personAtBrowser, requestPath } from '../oauth/authorizing.ts';
import { newAddress, newPerson } from '../people/browser.ts';

afterAll(stopServers);

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});

interface Example {
  /** A path whose ids exist. */
  path: string;
  json?: object;
  key?: string | null;
  headers?: Record<string, string>;
}

const made = async (path: string, json: object, key = server.key) => {
  const reply = await server.call(path, { json, key });
  expect(reply.status).toBe(201);
  return reply.json;
};
const root = (path: string, json?: object): Example => ({ path, key: server.rootKey, ...(json ? { json } : {}) });
const newKey = async () => `/v1/api-keys/${(await made('/v1/api-keys', { name: 'x', scopes: ['read'] })).id}`;
const newScope = async (name: string) =>
  `/v1/scopes/${(await made('/v1/scopes', { name, description: 'x' }, server.rootKey)).name}`;
const newPlan = async (name: string) => `/v1/plans/${(await made('/v1/plans', { name }, server.rootKey)).name}`;
const newRow = async (path: string, json: object) => `${path}/${(await made(path, json)).id}`;
/** Root names the workspace: examples make more of them. */
const here = () => ({ workspace_id: server.workspaceId });
const newApplication = async () => {
  const json = { name: 'x', scopes: [], redirect_uris: ['https://x.example/cb'], ...here() };
  return made('/v1/applications', json, server.rootKey);
};
const newResource = async (audience: string) =>
  `/v1/resources/${(await made('/v1/resources', { name: 'x', audience }, server.rootKey)).id}`;
const newUser = async () => (await made('/v1/users', { email: newAddress(), ...here() }, server.rootKey)).id as string;
const newMember = async () => {
  const userId = await newUser();
  const { data } = (
    await server.call(`/v1/members?workspace_id=${server.workspaceId}&limit=100`, { key: server.rootKey })
  ).json;
  return `/v1/members/${data.find((member: { user_id: string }) => member.user_id === userId).id}`;
};
const newInvitation = async () =>
  `/v1/invitations/${(await made('/v1/invitations', { email: newAddress(), role: 'viewer', ...here() }, server.rootKey)).id}`;
/** What somebody allowed an application that root trusts. */
const newGrant = async () => {
  const app = await newApp(server, { consent: 'skip' });
  const { client, person } = await personAtBrowser(server);
  await client.get(requestPath(app));
  const { data } = (
    await server.call(`/v1/grants?user_id=${person.userId}&workspace_id=${server.workspaceId}`, { key: server.rootKey })
  ).json;
  return `/v1/grants/${data[0].id}`;
};
/** As the browser of an owner sends it. */
async function byOwner(path: string): Promise<Example> {
  const { cookies } = await newPerson(server, { role: 'owner' });
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  return { path, json: {}, key: null, headers: { cookie, 'sec-fetch-site': 'same-origin' } };
}
let issuers = 0;
const newIssuer = () => ({
  issuer: `https://idp-${issuers++}.example`,
  audience: null,
  secret: 'a shared secret of thirty-two bytes or more',
  scopes: ['read'],
  ...here(),
});
const issuerPath = async () =>
  `/v1/trusted-issuers/${(await made('/v1/trusted-issuers', newIssuer(), server.rootKey)).id}`;
const hash = (text: string) => ({ algorithm: 'sha256', value: createHash('sha256').update(text).digest('hex') });

/** One call to each route that changes something; a new route needs its own here. */
const EXAMPLES: Record<string, () => Promise<Example>> = {
  'POST /v1/api-keys': async () => ({ path: '/v1/api-keys', json: { name: 'x', scopes: ['read'] } }),
  'POST /v1/api-keys/import': async () => ({
    path: '/v1/api-keys/import',
    json: { keys: [{ name: 'x', scopes: ['read'], hash: hash('old') }] },
  }),
  'PATCH /v1/api-keys/{id}': async () => ({ path: await newKey(), json: { name: 'y' } }),
  'DELETE /v1/api-keys/{id}': async () => ({ path: await newKey() }),
  'POST /v1/api-keys/{id}/rotate': async () => ({ path: `${await newKey()}/rotate`, json: {} }),
  'POST /v1/api-keys/{id}/revoke': async () => ({ path: `${await newKey()}/revoke`, json: { descendants: true } }),
  'POST /v1/workspaces': async () => root('/v1/workspaces', { name: 'x' }),
  'PATCH /v1/workspaces/{id}': async () => root(`/v1/workspaces/${server.workspaceId}`, { name: 'y' }),
  'POST /v1/scopes': async () => root('/v1/scopes', { name: 'made', description: 'x' }),
  'PATCH /v1/scopes/{name}': async () => root(await newScope('patched'), { description: 'y' }),
  'DELETE /v1/scopes/{name}': async () => root(await newScope('deleted')),
  'POST /v1/resources': async () => root('/v1/resources', { name: 'x', audience: 'urn:made', signing_alg: 'RS256' }),
  'PATCH /v1/resources/{id}': async () => root(await newResource('urn:patched'), { name: 'y', signing_alg: 'EdDSA' }),
  'DELETE /v1/resources/{id}': async () => root(await newResource('urn:deleted')),
  'POST /v1/applications': async () => root('/v1/applications', { name: 'x', scopes: [], type: 'service', ...here() }),
  'PATCH /v1/applications/{id}': async () =>
    root(`/v1/applications/${(await newApplication()).id}`, { name: 'y', ...here() }),
  'DELETE /v1/applications/{id}': async () =>
    root(`/v1/applications/${(await newApplication()).id}?workspace_id=${server.workspaceId}`),
  'POST /v1/applications/{id}/secrets': async () =>
    root(`/v1/applications/${(await newApplication()).id}/secrets`, here()),
  'DELETE /v1/applications/{id}/secrets/{secret_id}': async () => {
    const { id, secrets } = await newApplication();
    return root(`/v1/applications/${id}/secrets/${secrets[0].id}?workspace_id=${server.workspaceId}`);
  },
  'POST /v1/plans': async () => root('/v1/plans', { name: 'made' }),
  'PATCH /v1/plans/{name}': async () => root(await newPlan('patched'), { offered: true }),
  'DELETE /v1/plans/{name}': async () => root(await newPlan('deleted')),
  'POST /v1/signing-keys/rotate': async () => root('/v1/signing-keys/rotate', { emergency: true }),
  'POST /v1/users': async () => root('/v1/users', { email: newAddress(), ...here() }),
  'PATCH /v1/users/{id}': async () => root(`/v1/users/${await newUser()}`, { name: 'y' }),
  'DELETE /v1/users/{id}/second-factors': async () => root(`/v1/users/${await newUser()}/second-factors`),
  'DELETE /v1/users/{id}': async () => root(`/v1/users/${await newUser()}`),
  'POST /v1/members': async () => {
    const userId = await newUser();
    const { id } = await made('/v1/workspaces', { name: 'Other' }, server.rootKey);
    return root('/v1/members', { user_id: userId, role: 'viewer', workspace_id: id });
  },
  'PATCH /v1/members/{id}': async () => root(await newMember(), { role: 'viewer', ...here() }),
  'DELETE /v1/members/{id}': async () => root(`${await newMember()}?workspace_id=${server.workspaceId}`),
  'POST /v1/members/{id}/transfer': async () => byOwner(`${await newMember()}/transfer`),
  'POST /v1/invitations': async () => root('/v1/invitations', { email: newAddress(), role: 'viewer', ...here() }),
  'DELETE /v1/invitations/{id}': async () => root(`${await newInvitation()}?workspace_id=${server.workspaceId}`),
  'DELETE /v1/grants/{id}': async () => root(await newGrant()),
  'POST /v1/trusted-issuers': async () => root('/v1/trusted-issuers', newIssuer()),
  'PATCH /v1/trusted-issuers/{id}': async () => root(await issuerPath(), { scopes: ['write'], ...here() }),
  'DELETE /v1/trusted-issuers/{id}': async () => root(`${await issuerPath()}?workspace_id=${server.workspaceId}`),
  'POST /v1/projects': async () => ({ path: '/v1/projects', json: { name: 'x' } }),
  'PATCH /v1/projects/{id}': async () => ({ path: await newRow('/v1/projects', { name: 'x' }), json: { name: 'y' } }),
  'DELETE /v1/projects/{id}': async () => ({ path: await newRow('/v1/projects', { name: 'x' }) }),
  'POST /v1/orders': async () => ({ path: '/v1/orders', json: { item: 'x' } }),
  'PATCH /v1/orders/{id}': async () => ({ path: await newRow('/v1/orders', { item: 'x' }), json: { item: 'y' } }),
  'DELETE /v1/orders/{id}': async () => ({ path: await newRow('/v1/orders', { item: 'x' }) }),
};

/** `Idempotency-Key` means nothing to them: a login is never repeated from memory. */
const LOGIN = ['POST /v1/auth/login', 'POST /v1/auth/refresh', 'POST /v1/auth/logout'];
const WITHOUT = ['POST /v1/api-keys/verify', ...LOGIN];

test('every route that changes something has an example here', async () => {
  const { paths } = (await server.call('/openapi.json')).json as { paths: Record<string, Record<string, unknown>> };
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const changing = routes.filter((route) => /^(POST|PUT|PATCH|DELETE) \/v1\//.test(route));
  // What people do with their own account ignores the header (docs/api.md).
  const withHeader = changing.filter((route) => !route.includes(' /v1/account'));
  const expected = withHeader.filter((route) => !WITHOUT.includes(route) && !route.endsWith('/v1/gate'));
  expect(expected.sort()).toEqual(Object.keys(EXAMPLES).sort());
});

test.each(Object.keys(EXAMPLES))('%s keeps its reply in the transaction of its change', async (route) => {
  const [method = ''] = route.split(' ');
  const { path, ...rest } = (await EXAMPLES[route]?.()) ?? { path: '' };
  const call = () => server.call(path, { ...rest, method, headers: { ...rest.headers, 'idempotency-key': 'same' } });
  const first = await call();
  const again = await call();
  expect(first.status).toBeLessThan(300);
  expect([again.status, again.text, again.headers.get('idempotency-replayed')]).toEqual([
    first.status,
    first.text,
    'true',
  ]);
});
