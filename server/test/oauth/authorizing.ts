import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { createRecordAudit, systemActor } from '../../src/audit/index.ts';
import { pooledRandom } from '../../src/crypto/index.ts';
import { type CodeRedemption, type Codes, createCodes } from '../../src/oauth/index.ts';
import type { TestReply, TestServer } from '../harness.ts';
import { type PageClient, pageClient } from '../pages/client.ts';
import { newPerson, type Person } from '../people/browser.ts';

export const REDIRECT = 'https://app.example/cb';
export const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
export const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');

export interface App {
  id: string;
  secret: string | undefined;
}

/** An application that root registered in the first workspace. */
export async function newApp(server: TestServer, fields: Record<string, unknown> = {}): Promise<App> {
  const json = {
    name: 'Notes',
    redirect_uris: [REDIRECT],
    scopes: ['read', 'write', 'openid', 'email'],
    workspace_id: server.workspaceId,
    ...fields,
  };
  const made = await server.call('/v1/applications', { key: server.rootKey, json });
  expect(made.status, made.text).toBe(201);
  return { id: made.json.client_id, secret: made.json.client_secret };
}

/** As one that registered itself. */
export async function markSelfRegistered(server: TestServer, { id }: App): Promise<void> {
  const { database, changes } = server.latchkey;
  await database.write(async (tx) => {
    await tx.query
      .updateTable('applications')
      .set({ self_registered: 1, workspace_id: null })
      .where('id', '=', id)
      .execute();
    await changes.record(tx, { kind: 'application', ref: id });
  });
}

export type Params = Record<string, string | string[] | null>;

/** The path of an authorization request: a plain one, unless told otherwise; null leaves a parameter out. */
export function requestPath(app: App, params: Params = {}, path = '/oauth/authorize'): string {
  const all: Params = {
    response_type: 'code',
    client_id: app.id,
    redirect_uri: REDIRECT,
    scope: 'read',
    state: 's',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    ...params,
  };
  const entries = Object.entries(all).flatMap(([name, value]) =>
    value === null ? [] : [value].flat().map((each) => [name, each]),
  );
  return `${path}?${new URLSearchParams(entries)}`;
}

/** A person with a browser of their own, signed in. */
export async function personAtBrowser(
  server: TestServer,
  fields: Record<string, unknown> = {},
): Promise<{ person: Person; client: PageClient }> {
  const person = await newPerson(server, fields);
  return { person, client: pageClient(server, person.cookies) };
}

export const hidden = (reply: TestReply, name: string): string =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(reply.text)?.[1] ?? '';

/** Where a reply sends the browser, as parameters; it must be the redirect URI. */
export function answerOf(reply: TestReply, redirectUri = REDIRECT): Record<string, string> {
  expect(reply.status, reply.text).toBe(303);
  const location = new URL(reply.headers.get('location') ?? '');
  expect(location.href.startsWith(redirectUri), location.href).toBe(true);
  return Object.fromEntries(location.searchParams);
}

/** Answers the question that a page asks. */
export function decide(client: PageClient, page: TestReply, decision: 'allow' | 'deny'): Promise<TestReply> {
  return client.post('/oauth/consent', {
    request: hidden(page, 'request'),
    terms: hidden(page, 'terms'),
    decision,
  });
}

/** The whole way of somebody who is signed in and says yes; the code. */
export async function allow(client: PageClient, app: App, params: Params = {}): Promise<string> {
  const page = await client.visit(requestPath(app, params));
  expect(page.status, page.text).toBe(200);
  const { code } = answerOf(await decide(client, page, 'allow'));
  expect(code).toMatch(/^[\w-]{43}$/);
  return code ?? '';
}

/** Codes as the token endpoint redeems them. */
export function codesOf({ latchkey, clock }: Pick<TestServer, 'latchkey' | 'clock'>): Codes {
  const randomBytes = pooledRandom();
  const { database, tokens } = latchkey;
  return createCodes({ database, clock, randomBytes, tokens, recordAudit: createRecordAudit(clock, randomBytes) });
}

export function redeem(
  server: TestServer,
  app: App,
  text: string,
  changes: Partial<{ redirectUri: string | null; verifier: string | null }> = {},
): Promise<CodeRedemption> {
  const actor = { ...systemActor, kind: 'application', id: app.id } as const;
  const presented = { text, actor, clientId: app.id, redirectUri: REDIRECT, verifier: VERIFIER, ...changes };
  return server.latchkey.database.write((tx) => codesOf(server).redeem(tx, presented));
}

/** The outcome, or why it was refused. */
export const verdictOf = (redemption: CodeRedemption): string =>
  redemption.outcome === 'redeemed' ? 'redeemed' : redemption.reason;
