import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { TestReply, TestServer } from '../harness.ts';
import type { Browser } from '../people/browser.ts';

export const REDIRECT = 'https://app.example/callback';

/** A registered application, as a test calls for it. */
export interface TestClient {
  id: string;
  secret: string | null;
}

/** An application made by root, which is not asked about; a confidential one unless said. */
export async function newClient(server: TestServer, fields: Record<string, unknown> = {}): Promise<TestClient> {
  const { type = 'web' } = fields;
  const json = {
    name: 'Example',
    scopes: ['read', 'write', 'openid', 'profile', 'email', 'offline_access'],
    ...(type === 'service' ? {} : { redirect_uris: [REDIRECT], consent: 'skip' }),
    workspace_id: server.workspaceId,
    ...fields,
  };
  if (type === 'service' && fields.scopes === undefined) json.scopes = ['read', 'write'];
  const reply = await server.call('/v1/applications', { key: server.rootKey, json });
  expect(reply.status, reply.text).toBe(201);
  return { id: reply.json.client_id, secret: reply.json.client_secret ?? null };
}

export type Params = Record<string, string | undefined>;

/** A form, as clients send it to OAuth's endpoints. `client` proves itself by Basic where it has a secret. */
export function post(
  server: TestServer,
  path: string,
  params: Params | [string, string][],
  { client = null, headers = {} }: { client?: TestClient | null; headers?: Record<string, string> } = {},
): Promise<TestReply> {
  const pairs = Array.isArray(params)
    ? params
    : Object.entries(params).flatMap(([name, value]) =>
        value === undefined ? [] : [[name, value] as [string, string]],
      );
  const body = new URLSearchParams(pairs);
  const authorization: Record<string, string> = {};
  if (client?.secret) authorization.authorization = basic(client.id, client.secret);
  else if (client) body.append('client_id', client.id);
  return server.call(path, {
    key: null,
    method: 'POST',
    body: body.toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...authorization, ...headers },
  });
}

export const basic = (id: string, secret: string) =>
  `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`;

export const token = (server: TestServer, client: TestClient | null, params: Params, headers = {}) =>
  post(server, '/oauth/token', params, { client, headers });

export const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
export const challengeOf = (verifier: string) => createHash('sha256').update(verifier).digest('base64url');

/** The code that a signed-in person's browser is sent back with. */
export async function codeFor(browser: Browser, client: TestClient, params: Params = {}): Promise<string> {
  const asked: Params = {
    response_type: 'code',
    client_id: client.id,
    redirect_uri: REDIRECT,
    scope: 'openid read',
    state: 's',
    code_challenge: challengeOf(VERIFIER),
    code_challenge_method: 'S256',
    ...params,
  };
  const query = Object.entries(asked).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  const reply = await browser.call(`/oauth/authorize?${new URLSearchParams(query as [string, string][])}`);
  const location = reply.headers.get('location') ?? '';
  const code = URL.canParse(location) ? new URL(location).searchParams.get('code') : null;
  if (code === null) throw new Error(`no code came back: ${reply.status} ${location} ${reply.text.slice(0, 500)}`);
  return code;
}

/** What a code is redeemed with. */
export const withCode = (code: string, params: Params = {}): Params => ({
  grant_type: 'authorization_code',
  code,
  redirect_uri: REDIRECT,
  code_verifier: VERIFIER,
  ...params,
});

export const withRefresh = (refreshToken: string, params: Params = {}): Params => ({
  grant_type: 'refresh_token',
  refresh_token: refreshToken,
  ...params,
});

/** The tokens of a person's consent. */
export async function consented(server: TestServer, browser: Browser, client: TestClient, params: Params = {}) {
  const reply = await token(server, client, withCode(await codeFor(browser, client, params)));
  expect(reply.status, reply.text).toBe(200);
  return reply.json as { access_token: string; refresh_token: string; id_token: string; scope: string };
}

/** Status and OAuth error of a refusal. */
export const refusal = ({ status, json }: TestReply): [number, string | undefined] => [status, json?.error];
