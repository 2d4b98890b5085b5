import { expect } from 'vitest';
import type { CallOptions, TestReply, TestServer } from '../harness.ts';

// biome-ignore lint/suspicious/noExplicitAny: replies are looked into freely in tests
export type MadeApplication = Record<string, any> & { client_id: string; client_secret: string };

/** What a web application needs to say. */
export const WEB = { name: 'Shop', redirect_uris: ['https://shop.example/cb'], scopes: ['read'] };

/** A new application by the HTTP API, made by root in the first workspace unless `by` names another credential. */
export async function makeApplication(
  server: TestServer,
  fields: object = {},
  by = server.rootKey,
): Promise<MadeApplication> {
  const made = await apply(server, fields, by);
  expect(made.status, made.text).toBe(201);
  return made.json;
}

export function apply(server: TestServer, fields: object, by = server.rootKey): Promise<TestReply> {
  const place = by === server.rootKey ? { workspace_id: server.workspaceId } : {};
  return server.call('/v1/applications', { key: by, json: { ...WEB, ...place, ...fields } });
}

/** How root calls for one application of the first workspace. */
export function applicationAt(server: TestServer, path: string, options: CallOptions = {}): Promise<TestReply> {
  const where = options.json === undefined ? `?workspace_id=${server.workspaceId}` : '';
  const json = options.json === undefined ? {} : { json: { workspace_id: server.workspaceId, ...options.json } };
  return server.call(`/v1/applications/${path}${where}`, { key: server.rootKey, ...options, ...json });
}

export async function auditOf({ latchkey }: TestServer, targetId: string) {
  const rows = await latchkey.database.read
    .selectFrom('audit_events')
    .selectAll()
    .where('target_id', '=', targetId)
    .orderBy('seq')
    .execute();
  return rows.map(({ action, data, workspace_id }) => ({ action, workspace_id, data: JSON.parse(data) }));
}
