import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pinnedTo } from './machine.mjs';
import { JWT_ASKED, OPAQUE_ASKED, PEOPLE, REDIRECT } from './oauth.mjs';
import { seedKeys } from './seed.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Starts a server pinned to core 0; resolves with its first line of output, parsed, and when it was started. */
async function start(args, env) {
  const [command, ...rest] = [...pinnedTo(0), process.execPath, ...args];
  const began = process.hrtime.bigint();
  const child = spawn(command, rest, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`${args[0]} ended with ${code} before it was ready`)));
  });
  const stop = () =>
    new Promise((resolve) => {
      child.once('exit', resolve);
      child.kill('SIGTERM');
    });
  return { pid: child.pid, ready: JSON.parse(line), began, stop };
}

function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

async function simple(script) {
  const port = await freePort();
  const server = await start([here(script)], { PORT: String(port) });
  return { ...server, url: `http://127.0.0.1:${port}`, key: 'none' };
}

/** Peers have their own dependencies, which `npm start` and `npm test` never install. */
function installPeers() {
  if (['better-auth', 'oidc-provider'].every((name) => existsSync(here(`node_modules/${name}`)))) return;
  const flags = ['ci', '--no-workspaces', '--loglevel=error'];
  const { status } = spawnSync('npm', flags, { cwd: here('.'), stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error('the peers could not be installed; `npm ci` in bench/ says why');
}

async function betterAuth() {
  installPeers();
  const { folder, remove } = temporaryFolder();
  const port = await freePort();
  const env = { PORT: String(port), BENCH_DATABASE: join(folder, 'peer.sqlite') };
  const server = await start([here('servers/better-auth.mjs')], env);
  const stop = () => server.stop().then(remove);
  return { ...server, stop, url: `http://127.0.0.1:${port}`, key: server.ready.key };
}

async function oidcProvider() {
  installPeers();
  const server = await simple('servers/oidc-provider.mjs');
  return { ...server, client: server.ready };
}

async function latchkeyIn(dataDir, settings = {}) {
  const port = String(await freePort());
  const env = { PORT: port, LATCHKEY_DATA_DIR: dataDir, LATCHKEY_LOG_LEVEL: 'warn', ...settings };
  const server = await start([here('../server/bin/latchkey.js'), 'serve', '--json'], env);
  return { ...server, url: server.ready.url.replace('localhost', '127.0.0.1') };
}

/** Limits stay on, and are counted and told on every reply; they are only too high to be reached. */
async function raiseLimits(url, rootKey) {
  const high = { per_hour: 1_000_000_000, per_second: 1_000_000 };
  const headers = { authorization: `Bearer ${rootKey}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ api_key: high, login: high, jwt: high, oauth: high });
  const reply = await fetch(`${url}/v1/plans/standard`, { method: 'PATCH', headers, body });
  if (!reply.ok) throw new Error(`the limits could not be raised: ${await reply.text()}`);
}

/** What a login gives: an access token for a quarter of an hour, longer than a group of rows takes. */
async function logIn(url, { email, password }) {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ username: email, password });
  const reply = await fetch(`${url}/v1/auth/login`, { method: 'POST', headers, body });
  if (!reply.ok) throw new Error(`the owner could not log in: ${await reply.text()}`);
  return (await reply.json()).token;
}

/** Latchkey started once for its first key, then again as on any other day; with `keyCount` more keys in its file. */
async function latchkey({ keyCount = 0, settings = {} } = {}) {
  const { folder, remove } = temporaryFolder();
  const first = await latchkeyIn(folder);
  const { test_key: key, root_key: rootKey, workspace_id: workspaceId, owner } = first.ready;
  await raiseLimits(first.url, rootKey);
  await first.stop();
  const keysFile = keyCount > 0 ? seedKeys({ folder, workspaceId, count: keyCount }) : null;
  const server = await latchkeyIn(folder, settings);
  const token = await logIn(server.url, owner);
  const stop = () => server.stop().then(remove);
  return { ...server, stop, key, token, keysFile };
}

/** An application that is asked for nothing any more, and people who are signed in: one with a session for each. */
async function prepareOAuth(url, rootKey, workspaceId) {
  const send = async (path, body, headers = { authorization: `Bearer ${rootKey}` }) => {
    const options = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } };
    const reply = await fetch(url + path, { ...options, body: JSON.stringify(body) });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${path}: ${reply.status} ${text}`);
    return { json: JSON.parse(text), cookie: reply.headers.get('set-cookie')?.split(';')[0] };
  };
  const opaque = { name: 'Opaque', audience: OPAQUE_ASKED.resource, token_format: 'opaque' };
  const { json: resource } = await send('/v1/resources', opaque);
  await send('/v1/scopes', { name: OPAQUE_ASKED.scope, description: 'Read.', resource: resource.id });
  const { json: application } = await send('/v1/applications', {
    workspace_id: workspaceId,
    name: 'Bench',
    type: 'web',
    consent: 'skip',
    redirect_uris: [REDIRECT],
    scopes: [JWT_ASKED.scope, OPAQUE_ASKED.scope],
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    access_token_ttl_seconds: 3600,
  });
  const cookies = [];
  for (let person = 0; person < PEOPLE; person += 1) {
    const known = { email: `person-${person}@bench.example`, password: `plum trellis ${person} gravel` };
    const member = { ...known, email_verified: true, workspace_id: workspaceId, role: 'developer' };
    await send('/v1/users', member);
    const page = { origin: url, 'sec-fetch-site': 'same-origin' };
    const login = { username: known.email, password: known.password, cookie: true };
    cookies.push((await send('/v1/auth/login', login, page)).cookie);
  }
  const paths = { authorize: '/oauth/authorize', token: '/oauth/token', introspect: '/oauth/introspect' };
  return { clientId: application.client_id, clientSecret: application.client_secret, cookies, paths };
}

/** Started again once all of it is on disk, as on any other day. */
async function latchkeyForOAuth() {
  const { folder, remove } = temporaryFolder();
  const first = await latchkeyIn(folder);
  const { root_key: rootKey, workspace_id: workspaceId } = first.ready;
  await raiseLimits(first.url, rootKey);
  const client = await prepareOAuth(first.url, rootKey, workspaceId).finally(first.stop);
  const server = await latchkeyIn(folder);
  return { ...server, client, stop: () => server.stop().then(remove) };
}

/** Every server that a row may name. */
export const CONTESTANTS = {
  'node:http': () => simple('servers/node-http.mjs'),
  Fastify: () => simple('servers/fastify.mjs'),
  'better-auth': betterAuth,
  'oidc-provider': oidcProvider,
  Latchkey: () => latchkey(),
  'Latchkey with an application': latchkeyForOAuth,
  'Latchkey, 100,000 keys': () => latchkey({ keyCount: 100_000 }),
  'Latchkey, 1,000,000 keys': () => latchkey({ keyCount: 1_000_000 }),
  'Latchkey behind a proxy': () => latchkey({ settings: { LATCHKEY_TRUST_PROXY: '1' } }),
};
