import { expect } from 'vitest';
import type { TestReply, TestServer } from '../harness.ts';
import { PASSWORD, type Person } from '../people/browser.ts';

/** A program: it keeps no cookies and says nothing of where it calls from. */
export function post(server: TestServer, path: string, json: object, token: string | null = null): Promise<TestReply> {
  return server.call(path, { method: 'POST', key: token, json });
}

export function login(server: TestServer, { email }: { email: string }, more: object = {}): Promise<TestReply> {
  return post(server, '/v1/auth/login', { username: email, password: PASSWORD, ...more });
}

export const refresh = (server: TestServer, token: string, version = 'v1') =>
  post(server, `/${version}/auth/refresh`, { refresh_token: token });

export interface LoggedIn {
  token: string;
  refreshToken: string;
  sessionId: string;
  scope: string;
}

/** A login that must succeed. */
export async function loggedIn(server: TestServer, person: { email: string }, more: object = {}): Promise<LoggedIn> {
  const { status, text, json } = await login(server, person, more);
  expect(status, text).toBe(200);
  return { token: json.token, refreshToken: json.refresh_token, sessionId: json.session_id, scope: json.scope };
}

/** Sets the role of a member as the operator. */
export async function setRole(server: TestServer, person: Person, role: string): Promise<void> {
  const id = await memberId(server, person);
  const json = { role, workspace_id: person.workspaceId };
  const reply = await server.call(`/v1/members/${id}`, { method: 'PATCH', key: server.rootKey, json });
  expect(reply.status, reply.text).toBe(200);
}

export async function memberId(server: TestServer, { userId, workspaceId }: Person): Promise<string> {
  const reply = await server.call(`/v1/members?workspace_id=${workspaceId}&limit=100`, { key: server.rootKey });
  expect(reply.status, reply.text).toBe(200);
  return reply.json.data.find((each: { user_id: string }) => each.user_id === userId).id;
}

export const DEAD: [number, string] = [401, 'token_revoked'];
