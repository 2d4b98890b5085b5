import { expect } from 'vitest';
import type { EndClient } from '../../src/applications/index.ts';
import { createRecordAudit } from '../../src/audit/index.ts';
import { pooledRandom } from '../../src/crypto/index.ts';
import { pruneRegistrations } from '../../src/oauth/index.ts';
import type { TestReply, TestServer } from '../harness.ts';
import { allow, personAtBrowser } from './authorizing.ts';

// Clients that register themselves, as the tests of registration drive them.

export const REDIRECT = 'https://app.example/cb';
export const PUBLIC = { redirect_uris: [REDIRECT], token_endpoint_auth_method: 'none' };
export const DAY_MS = 86_400_000;

interface Sent {
  key?: string | null;
  headers?: Record<string, string>;
}

export const register = (server: TestServer, json: unknown, { key = null, headers = {} }: Sent = {}) =>
  server.call('/oauth/register', { key, json, headers });

export async function registered(server: TestServer, json: unknown = PUBLIC) {
  const reply = await register(server, json);
  expect(reply.status, reply.text).toBe(201);
  return reply.json as Record<string, string> & { client_id: string; registration_access_token: string };
}

export const own = (
  server: TestServer,
  id: string,
  key: string | null,
  method = 'GET',
  json?: unknown,
): Promise<TestReply> => server.call(`/oauth/register/${id}`, { key, method, ...(json === undefined ? {} : { json }) });

/** As its job does. */
export function prune({ latchkey: { database, changes, tokens }, clock }: TestServer): Promise<void> {
  const recordAudit = createRecordAudit(clock, pooledRandom());
  const endClient: EndClient = async (tx, id, reason) => {
    await tokens.raiseWatermark(tx, { kind: 'client', id, reason });
  };
  return pruneRegistrations({ database, changes, clock, recordAudit, endClient });
}

export const auditOf = async ({ latchkey }: TestServer, id: string) => {
  const events = latchkey.database.read.selectFrom('audit_events').selectAll().where('target_id', '=', id);
  return (await events.orderBy('id').execute()).map(({ action, actor_kind: kind }) => `${action} by ${kind}`);
};

/** A browser at the page where an application asks, and its answer: yes. */
export async function consented(server: TestServer, id: string, params: Record<string, string> = {}) {
  const { client } = await personAtBrowser(server);
  return allow(client, { id, secret: undefined }, { redirect_uri: REDIRECT, ...params });
}
