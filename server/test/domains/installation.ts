import { readFileSync } from 'node:fs';
import pg from 'pg';
import { expect } from 'vitest';
import { createWorkspace } from '../../src/accounts/index.ts';
import { createRecordAudit, systemActor } from '../../src/audit/index.ts';
import { pooledRandom } from '../../src/crypto/index.ts';
import { type CallOptions, manualClock, startServer, type TestReply, type TestServer } from '../harness.ts';

/** Times of tests begin here; see `manualClock`. */
export const START_MS = Date.UTC(2030, 0, 1);

export const iso = (timeMs: number) => new Date(timeMs).toISOString();

/** Another tenant in the same installation, made as the server itself would make it. */
export function makeWorkspace({ latchkey, clock }: TestServer, name = 'Other'): Promise<string> {
  const randomBytes = pooledRandom();
  const deps = { clock, randomBytes, recordAudit: createRecordAudit(clock, randomBytes) };
  return latchkey.database.write(async (tx) => (await createWorkspace(deps, tx, systemActor, { name })).id);
}

/** What creating a key answered: its fields as the API shows them, and `key`. */
// biome-ignore lint/suspicious/noExplicitAny: replies are looked into freely in tests
export type MadeKey = Record<string, any> & { id: string; key: string };

/**
 * A new key by the HTTP API, made by root (in the first workspace) unless `by` names another credential. Fails the test
 * when refused.
 */
export async function makeKey(server: TestServer, fields: object, by = server.rootKey): Promise<MadeKey> {
  const place = by === server.rootKey ? { workspace_id: server.workspaceId } : {};
  const made = await server.call('/v1/api-keys', { key: by, json: { name: 'made', scopes: [], ...place, ...fields } });
  expect(made.status, made.text).toBe(201);
  return made.json;
}

/** A server in the same installation, as another process on its PostgreSQL database would be. */
export function startBeside(
  { config, dataDir, clock }: TestServer,
  env: Record<string, string> = {},
): Promise<TestServer> {
  if (config.database.kind !== 'postgres') throw new Error('only PostgreSQL is shared by processes');
  return startServer({ dataDir, clock, env: { ...env, LATCHKEY_DATABASE_URL: config.database.url } });
}

/** Two processes that are one installation have one issuer, whatever their ports are. */
export const ISSUER = { LATCHKEY_ISSUER: 'http://localhost:4000' };

export async function twoServers(): Promise<[TestServer, TestServer]> {
  const here = await startServer({ database: 'postgres', clock: manualClock(START_MS), env: ISSUER });
  return [here, await startBeside(here, ISSUER)];
}

/** Waits while another process hears of something, by its poll of `changes` in real time; fails after five seconds. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  const startedAt = performance.now();
  while (!(await condition())) {
    if (performance.now() - startedAt > 5000) throw new Error('the other process has not heard of it in five seconds');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A plan that lets API keys call this often, and that a key may choose by itself. */
export async function makePlan(server: TestServer, name: string, limits: object, more: object = {}): Promise<void> {
  const json = { name, offered: true, api_key: limits, ...more };
  expect((await server.call('/v1/plans', { key: server.rootKey, json })).status).toBe(201);
}

/** What a key looks like to root, in any workspace. */
export async function keyAs(server: TestServer, id: string, workspaceId = server.workspaceId) {
  return (await server.call(`/v1/api-keys/${id}?workspace_id=${workspaceId}`, { key: server.rootKey })).json;
}

/** `[200, undefined]` for a key that works, else the status and the code of the refusal. */
export async function answerTo(server: TestServer, key: string): Promise<[number, string | undefined]> {
  const { status, json } = await server.call('/v1/auth/verify', { key });
  return [status, json.error];
}

export const WORKS: [number, undefined] = [200, undefined];
export const REVOKED: [number, string] = [401, 'token_revoked'];
export const EXPIRED: [number, string] = [401, 'token_expired'];
export const UNKNOWN: [number, string] = [401, 'invalid_token'];

async function postgresText(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const tables = await client.query("select tablename from pg_tables where schemaname = 'public'");
    const texts: string[] = [];
    for (const { tablename } of tables.rows) {
      const { rows } = await client.query(`select t::text as line from ${pg.escapeIdentifier(tablename)} t`);
      texts.push(tablename, ...rows.map(({ line }) => line));
    }
    return texts.join('\n');
  } finally {
    await client.end();
  }
}

/** Everything that the database holds: each byte of the SQLite file and its log, or each row of each table. */
export async function databaseText({ config }: TestServer): Promise<string> {
  const { database } = config;
  if (database.kind === 'postgres') return postgresText(database.url);
  return ['', '-wal'].map((suffix) => readFileSync(database.path + suffix, 'latin1')).join('\n');
}

/** The audit log of one object, oldest first. */
export function eventsAbout({ latchkey }: TestServer, targetId: string) {
  const { read } = latchkey.database;
  return read.selectFrom('audit_events').selectAll().where('target_id', '=', targetId).orderBy('seq').execute();
}

/** A refusal without what differs from call to call. */
export function refusalOf({ status, headers, text }: TestReply) {
  const varying = /"(?:request_id|timestamp)":"[^"]*"/g;
  const kept = [...headers].filter(([name]) => name !== 'x-request-id' && name !== 'date');
  return { status, headers: kept, text: text.replace(varying, '') };
}

/** Asserts that a call on something of somebody else answers just as the same call on what never was. */
export async function expectAsIfMissing(
  server: TestServer,
  options: CallOptions,
  paths: { foreign: string; missing: string },
): Promise<void> {
  const foreign = await server.call(paths.foreign, options);
  const missing = await server.call(paths.missing, options);
  expect(foreign.status, paths.foreign).toBe(404);
  expect(refusalOf(foreign)).toEqual(refusalOf(missing));
}
