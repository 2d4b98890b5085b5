import { readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { readBlocks, root } from '../docs/documents.ts';
import { startServer, stopServers, type TestServer, temporaryFolder } from '../harness.ts';
import { newPerson } from '../people/browser.ts';
import { newCertificate } from '../running/certificate.ts';
import { type PlainBrowser, plainBrowser } from './clients/plain-browser.ts';
import { installExample, loadSdk, type McpServer, Provider, type Sdk, startMcpServer } from './mcp.ts';

let sdk: Sdk;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  await installExample();
  sdk = await loadSdk();
}, 240_000);

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await stopServers();
});

interface Scene {
  server: TestServer;
  mcp: McpServer;
  browser: PlainBrowser;
}

/** A server, the example behind it, and a developer of a team with a browser. */
async function scene(
  env: Record<string, string> | ((server: TestServer) => Promise<Record<string, string>>) = {},
  clock?: Clock,
): Promise<Scene> {
  const server = await startServer(clock ? { clock } : {});
  const mcp = await startMcpServer(server, typeof env === 'function' ? await env(server) : env);
  closing.push(mcp.stop);
  return { server, mcp, browser: plainBrowser(server, await newPerson(server, { role: 'developer' })) };
}

function clientFor(provider: Provider, { resource }: McpServer) {
  const transport = sdk.newTransport(resource, provider);
  const client = sdk.newClient();
  closing.push(() => client.close());
  return { transport, client, connect: () => client.connect(transport) };
}

/** What the application does when the SDK asks for its person: sends them, and gives the code of their return to the SDK. */
async function visit(provider: Provider, { browser }: Scene, { transport }: ReturnType<typeof clientFor>) {
  const url = provider.sentTo;
  if (!url) throw new Error('nobody was sent anywhere');
  provider.sentTo = undefined;
  const { asked, sentTo } = await browser.go(url);
  expect(sentTo.href.startsWith(`${provider.redirectUrl}?`), sentTo.href).toBe(true);
  await transport.finishAuth(sentTo.searchParams.get('code') ?? '');
  return { asked, url };
}

/** Discovery, registration, authorization: a client that is let in. */
async function letIn(provider: Provider, on: Scene) {
  const first = clientFor(provider, on.mcp);
  await expect(first.connect()).rejects.toBeInstanceOf(sdk.UnauthorizedError);
  const visited = await visit(provider, on, first);
  return { ...clientFor(provider, on.mcp), ...visited };
}

const textOf = ({ content }: { content: { text: string }[] }) => content.map(({ text }) => text).join('\n');

function claimsOf({ kept }: Provider): Record<string, unknown> {
  return JSON.parse(Buffer.from(kept?.access_token?.split('.')[1] ?? '', 'base64url').toString('utf8'));
}

const post = (
  url: string,
  headers: Record<string, string> = {},
  body: object = { jsonrpc: '2.0', id: 1, method: 'ping' },
) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers },
    body: JSON.stringify(body),
  });

describe("the Model Context Protocol's own client, as it was published", () => {
  test('finds the server, registers itself, asks the person, and calls a tool', async () => {
    const on = await scene();
    const provider = new Provider();
    const { connect, client, asked, url } = await letIn(provider, on);
    expect(sdk.version).toBe('1.32.2');
    expect(asked).toEqual(['sign_in', 'consent']);
    expect(url.searchParams.get('scope')).toBe('notes:read');
    expect(url.searchParams.get('resource')).toBe(on.mcp.resource);
    expect(provider.information).toMatchObject({ client_id: expect.stringMatching(/^app_/), issuer: on.server.issuer });
    await connect();
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual(['list_notes', 'add_note']);
    expect(textOf(await client.callTool({ name: 'list_notes' }))).toBe('');
    expect(claimsOf(provider)).toMatchObject({ aud: on.mcp.resource, scope: 'notes:read', iss: on.server.issuer });
  });

  test('renews an access that has ended, without the person', async () => {
    let behindMs = 16 * 60_000;
    const on = await scene({}, { nowMs: () => Date.now() - behindMs });
    const provider = new Provider();
    const { connect, client } = await letIn(provider, on);
    const first = provider.kept;
    // Its token was given a quarter of an hour ago, and more.
    behindMs = 0;
    await connect();
    expect(textOf(await client.callTool({ name: 'list_notes' }))).toBe('');
    expect(provider.sentTo).toBeUndefined();
    expect(provider.kept?.access_token).not.toBe(first?.access_token);
    expect(provider.kept?.refresh_token).not.toBe(first?.refresh_token);
  });

  test('asks the person for more when a tool needs it, and goes on', async () => {
    const on = await scene();
    const provider = new Provider();
    const { connect, client } = await letIn(provider, on);
    await connect();
    const add = { name: 'add_note', arguments: { text: 'milk' } };
    // With a refresh token this client renews first, gets no more than before, and says so.
    await expect(client.callTool(add)).rejects.toMatchObject({ code: 403 });
    expect(provider.sentTo).toBeUndefined();
    provider.asksPerson = true;
    const second = clientFor(provider, on.mcp);
    await second.connect();
    await expect(second.client.callTool(add)).rejects.toBeInstanceOf(sdk.UnauthorizedError);
    provider.asksPerson = false;
    const { asked, url } = await visit(provider, on, second);
    expect(url.searchParams.get('scope')).toBe('notes:read notes:write');
    expect(asked).toEqual(['consent']);
    expect(textOf(await second.client.callTool(add))).toBe('You have 1 notes.');
    expect(textOf(await second.client.callTool({ name: 'list_notes' }))).toBe('milk');
    expect(String(claimsOf(provider).scope).split(' ').sort()).toEqual(['notes:read', 'notes:write']);
  });

  test('is described at its own address, and registers nowhere', async () => {
    const folder = temporaryFolder();
    const files = newCertificate(folder);
    const certificate = { cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') };
    let document: object = {};
    const asked: string[] = [];
    const web = createHttpsServer(certificate, (request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
    });
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    const trusted = getCACertificates('default');
    setDefaultCACertificates([...trusted, certificate.cert]);
    closing.push(async () => {
      setDefaultCACertificates(trusted);
      rmSync(folder, { recursive: true });
      web.closeAllConnections();
      await new Promise((resolve) => web.close(resolve));
    });
    const on = await scene();
    const url = `https://localhost:${(web.address() as AddressInfo).port}/client.json`;
    const provider = new Provider(url);
    document = { client_id: url, ...provider.clientMetadata };
    const { connect, client } = await letIn(provider, on);
    expect(provider.information).toMatchObject({ client_id: url });
    await connect();
    expect(textOf(await client.callTool({ name: 'list_notes' }))).toBe('');
    expect(claimsOf(provider)).toMatchObject({ client_id: url, aud: on.mcp.resource });
    expect(asked).toEqual(['/client.json']);
  });
});

describe('the example', () => {
  test('is started by three commands, which are the scripts that these tests run', () => {
    const text = readFileSync(join(root, 'examples/mcp-server/README.md'), 'utf8');
    const commands = readBlocks(text).fences.filter(({ info }) => info === 'sh');
    const prefix = '--prefix examples/mcp-server';
    expect(commands.map((each) => each.text)).toEqual([
      `npm ci ${prefix}\nnpm run setup ${prefix}\nnpm start ${prefix}`,
    ]);
    const { scripts } = JSON.parse(readFileSync(join(root, 'examples/mcp-server/package.json'), 'utf8'));
    expect(scripts).toEqual({ setup: 'exec node setup.js', start: 'exec node server.js' });
  });

  test('leads who has no token to its metadata, whose resource is the URL asked for (security I4)', async () => {
    const { mcp, server } = await scene();
    const refused = await post(mcp.resource);
    expect(refused.status).toBe(401);
    const challenge = refused.headers.get('www-authenticate') ?? '';
    expect(challenge).toMatch(/^Bearer scope="notes:read", resource_metadata="/);
    const [, where = ''] = /resource_metadata="([^"]+)"/.exec(challenge) ?? [];
    expect(where).toBe(`${new URL(mcp.resource).origin}/.well-known/oauth-protected-resource/mcp`);
    const metadata = await (await fetch(where)).json();
    expect(metadata).toMatchObject({ resource: mcp.resource, authorization_servers: [server.issuer] });
    // Latchkey has the same for who would rather link there.
    const named = await server.call(
      `/.well-known/oauth-protected-resource?resource=${encodeURIComponent(mcp.resource)}`,
      {
        key: null,
      },
    );
    expect(named.json).toMatchObject({
      resource: mcp.resource,
      authorization_servers: [server.issuer],
      scopes_supported: metadata.scopes_supported,
    });
  });

  test('refuses tokens for another API, of another kind, and none at all', async () => {
    const on = await scene();
    const { server, mcp } = on;
    const json = { name: 'S', type: 'service', scopes: ['read'], workspace_id: server.workspaceId };
    const app = (await server.call('/v1/applications', { key: server.rootKey, json })).json;
    const other = await server.call('/oauth/token', {
      key: null,
      json: { grant_type: 'client_credentials', client_id: app.client_id, client_secret: app.client_secret },
    });
    expect(other.status, other.text).toBe(200);
    for (const token of [other.json.access_token, server.key, 'x', 'a.b.c']) {
      const reply = await post(mcp.resource, { authorization: `Bearer ${token}` });
      expect(reply.status).toBe(401);
      expect(reply.headers.get('www-authenticate')).toContain('error="invalid_token"');
    }
    for (const line of ['Bearer', 'Basic eDp5', 'Bearer a b']) {
      expect((await post(mcp.resource, { authorization: line })).status).toBe(401);
    }
  });

  test('calls another API with its own key, and never passes a token on (security I14)', async () => {
    const heard: { headers: IncomingHttpHeaders; url: string }[] = [];
    const upstream = createServer((request, response) => {
      heard.push({ headers: request.headers, url: request.url ?? '' });
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"data":[1,2]}');
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => upstream.close(resolve)));
    const { port } = upstream.address() as AddressInfo;
    const on = await scene({ UPSTREAM_URL: `http://127.0.0.1:${port}/v1/projects`, UPSTREAM_KEY: 'its-own' });
    const provider = new Provider();
    const { connect, client } = await letIn(provider, on);
    await connect();
    expect(textOf(await client.callTool({ name: 'count_projects' }))).toBe('There are 2 projects.');
    expect(heard).toHaveLength(1);
    expect(heard[0]?.headers.authorization).toBe('Bearer its-own');
    expect(JSON.stringify(heard)).not.toContain(provider.kept?.access_token ?? 'no token');
  });

  test('that asks Latchkey about each token refuses one at the next call after it was withdrawn', async () => {
    const on = await scene(async (server) => {
      const json = { name: 'k', scopes: ['tokens:introspect'], workspace_id: server.workspaceId };
      const { key } = (await server.call('/v1/api-keys', { key: server.rootKey, json })).json;
      return { INTROSPECTION_KEY: key };
    });
    const { server } = on;
    const provider = new Provider();
    const { connect, client } = await letIn(provider, on);
    await connect();
    expect(textOf(await client.callTool({ name: 'list_notes' }))).toBe('');
    const at = `?workspace_id=${server.workspaceId}`;
    const { data } = (await server.call(`/v1/grants${at}`, { key: server.rootKey })).json;
    const [{ id }] = data;
    expect((await server.call(`/v1/grants/${id}${at}`, { key: server.rootKey, method: 'DELETE' })).status).toBe(204);
    const authorization = `Bearer ${provider.kept?.access_token}`;
    expect((await post(on.mcp.resource, { authorization })).status).toBe(401);
  });
});
