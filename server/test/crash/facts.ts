import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import type { AuditEvent } from './model.ts';

type Row = Record<string, unknown>;

/** Where an installation keeps its data. */
export interface DataPlace {
  dataDir: string;
  /** Null: the SQLite file in the data dir. */
  databaseUrl: string | null;
}

/** What the tables say of people; as plain rows, in SQL that both databases read. */
const PEOPLE = {
  users: 'select id, email, state from users',
  members: 'select id, workspace_id, user_id, role from members',
  sessions: 'select id, user_id from sessions',
  codes: 'select user_id, count(*) as codes_left from backup_codes where used_at is null group by user_id',
  totp: 'select user_id, last_step from totp_factors where confirmed_at is not null',
  /** Logins whose session has ended, and whose refresh tokens have not. */
  strays: `select id from refresh_families where revoked_at is null and session_id not in (select id from sessions)`,
  signingKeys: 'select kid, algorithm, state from signing_keys',
};

/** What the tables say of OAuth. */
const OAUTH = {
  applications: `select id, name, disabled from applications`,
  registrations: 'select client_id from client_registrations',
  grants: 'select id, user_id, client_id, scopes from grants where revoked_at is null',
  codes: 'select code_hash, used_at from authorization_codes',
  /** Refresh tokens that live on after what they hang on. */
  orphans: `select id from refresh_families where revoked_at is null and grant_id is not null and (
    client_id not in (select id from applications) or grant_id not in (select id from grants where revoked_at is null))`,
};

export type OAuthFacts = Record<keyof typeof OAUTH, Row[]>;

export type PeopleFacts = Record<keyof typeof PEOPLE, Row[]>;

/** What is read behind the server's back, as of one moment. */
export interface Facts {
  events: AuditEvent[];
  people: PeopleFacts;
  oauth: OAuthFacts;
  heads: Map<number, string>;
  /** What the database says of its own files; empty when they are whole. */
  damage: string[];
}

type Query = (sql: string) => Promise<Row[]>;

const EVENTS = 'select seq, action, target_id, request_id, data from audit_events order by seq';
const HEADS = 'select number, hash from audit_batches order by number';

const eventOf = (row: Row): AuditEvent => ({
  seq: Number(row.seq),
  action: String(row.action),
  targetId: row.target_id as string | null,
  requestId: row.request_id as string | null,
  data: JSON.parse(String(row.data)) as Record<string, unknown>,
});

async function readTables(query: Query, tables: Record<string, string>): Promise<Record<string, Row[]>> {
  const read: [string, Row[]][] = [];
  for (const [name, sql] of Object.entries(tables)) read.push([name, await query(sql)]);
  return Object.fromEntries(read);
}

async function readAll(query: Query, damage: string[]): Promise<Facts> {
  const events = (await query(EVENTS)).map(eventOf);
  const heads = (await query(HEADS)).map(({ number, hash }): [number, string] => [Number(number), String(hash)]);
  const people = (await readTables(query, PEOPLE)) as PeopleFacts;
  const oauth = (await readTables(query, OAUTH)) as OAuthFacts;
  return { events, people, oauth, heads: new Map(heads), damage };
}

export const sqlitePath = (dataDir: string) => join(dataDir, 'latchkey.sqlite');

export async function readFacts({ dataDir, databaseUrl }: DataPlace): Promise<Facts> {
  if (databaseUrl !== null) return readPostgres(databaseUrl);
  const database = new DatabaseSync(sqlitePath(dataDir), { readOnly: true });
  try {
    const checks = database
      .prepare('PRAGMA integrity_check')
      .all()
      .map(({ integrity_check: text }) => String(text));
    database.exec('begin');
    return await readAll(
      async (sql) => database.prepare(sql).all(),
      checks.filter((text) => text !== 'ok'),
    );
  } finally {
    database.close();
  }
}

const SETTLED_WITHIN_MS = 10_000;

/** A backend of a killed server may be about to commit: what it does must be seen. */
async function orphansAreGone(client: pg.Client, since: Date): Promise<void> {
  for (const giveUpAt = Date.now() + SETTLED_WITHIN_MS; Date.now() < giveUpAt; ) {
    const { rows } = await client.query(
      `select 1 from pg_stat_activity where datname = current_database() and application_name = 'latchkey'
       and backend_start < $1`,
      [since],
    );
    if (rows.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('a connection of a killed server is still open in PostgreSQL');
}

async function withClient<T>(databaseUrl: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'crash-test' });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

const readPostgres = (databaseUrl: string): Promise<Facts> =>
  withClient(databaseUrl, async (client) => {
    await client.query('begin isolation level repeatable read read only');
    return readAll(async (sql) => (await client.query(sql)).rows, []);
  });

/** More than verifiers may take to learn of a key that is published. */
const KNOWN_BY_ALL_MS = 400_000;

/** While nothing runs: as if the next signing key had been made so long ago that it may sign. */
export async function ageNextSigningKey({ dataDir, databaseUrl }: DataPlace): Promise<void> {
  const sql = `update signing_keys set created_at = created_at - ${KNOWN_BY_ALL_MS},
    active_at = active_at - ${KNOWN_BY_ALL_MS} where state = 'next'`;
  if (databaseUrl !== null) return withClient(databaseUrl, async (client) => void (await client.query(sql)));
  const database = new DatabaseSync(sqlitePath(dataDir));
  database.exec(sql);
  database.close();
}

/** Resolves when nothing of a server that ended before `since` can change the database any more. */
export async function isQuiet({ databaseUrl }: DataPlace, since: Date): Promise<void> {
  if (databaseUrl !== null) await withClient(databaseUrl, (client) => orphansAreGone(client, since));
}

/** For the one who looks into a failed round, as the server of the run is gone then: every row, as JSON in the data dir. */
export async function dumpPostgres({ dataDir, databaseUrl }: DataPlace): Promise<void> {
  if (databaseUrl === null) return;
  await withClient(databaseUrl, async (client) => {
    const { rows } = await client.query(
      `select tablename from pg_tables where schemaname = 'public' order by tablename`,
    );
    const tables: Record<string, Row[]> = {};
    for (const { tablename } of rows) {
      tables[tablename] = (await client.query(`select * from ${pg.escapeIdentifier(tablename)}`)).rows;
    }
    writeFileSync(join(dataDir, 'postgres.json'), JSON.stringify(tables, null, 1), { mode: 0o600 });
  });
}
