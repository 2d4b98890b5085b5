import { type Kysely, sql } from 'kysely';
import { compileForMany, compileOnce, lockRowsShared, type Tables, type Tx, valueRows } from '../../database/index.ts';
import type { Role } from '../../http/index.ts';
import { type Standing, type StandingColumns, standingColumns, standingFrom } from '../members/store.ts';
import { SESSION_IDLE_MS, TOKENS_IDLE_MS } from './session.ts';
import type { SessionRow } from './tables.ts';

const COLUMNS = [
  'id',
  'user_id',
  'secret_hash',
  'workspace_id',
  'environment',
  'methods',
  'proved_at',
  'address',
  'device',
  'created_at',
  'seen_at',
  'expires_at',
  'kind',
] as const satisfies readonly (keyof SessionRow)[];

const insertWhereProved = compileOnce((query) => {
  const person = query
    .selectFrom('users')
    .select(COLUMNS.map((column) => sql<never>`${''}`.as(column)))
    .where('users.id', '=', '')
    .where('users.state', '=', sql.lit('active'))
    .where(sql`coalesce(users.password_hash, '')`, '=', '');
  return query
    .insertInto('sessions')
    .columns([...COLUMNS])
    .expression(lockRowsShared(query, person))
    .returning([
      ...standingColumns(query, { workspaceId: 'sessions.workspace_id', userId: 'sessions.user_id' }),
      sql<number>`(select count(*) from sessions as other where other.user_id = sessions.user_id)`.as('sessions'),
    ]);
});

/**
 * What its person is in its workspace, as the same statement saw it (`standing` is null when they are not in it). Null when
 * the account is disabled, or its password is another one by now: in one statement, so that who changes it either finds
 * the session and ends it, or is found here. `sessions` counts the person's, with this one or without.
 */
export async function insertSession(
  tx: Tx,
  row: SessionRow,
  passwordHash: string | null,
): Promise<{ standing: Standing | null; sessions: number } | null> {
  const values = COLUMNS.map((column) => row[column]);
  const parameters = [...values, row.user_id, passwordHash ?? ''];
  const [seen] = (await insertWhereProved(tx.query, parameters)) as (StandingColumns & { sessions: number })[];
  return seen ? { standing: standingFrom(seen), sessions: Number(seen.sessions) } : null;
}

/** A session with what its person and workspace say of it. */
export interface SessionFacts extends SessionRow {
  user_state: 'active' | 'disabled';
  role: Role | null;
  workspace_state: 'active' | 'suspended' | null;
  plan: string | null;
  require_second_factor: number | null;
  totp: number;
  passkeys: number;
}

/** Everything that a session's principal is made of, by one read. */
export function sessionByHash(read: Kysely<Tables>, hash: string): Promise<SessionFacts | undefined> {
  return read
    .selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .leftJoin('members', (join) =>
      join
        .onRef('members.workspace_id', '=', 'sessions.workspace_id')
        .onRef('members.user_id', '=', 'sessions.user_id'),
    )
    .leftJoin('workspaces', 'workspaces.id', 'members.workspace_id')
    .selectAll('sessions')
    .select((select) => [
      'users.state as user_state',
      'members.role as role',
      'workspaces.state as workspace_state',
      'workspaces.plan as plan',
      'workspaces.require_second_factor as require_second_factor',
      select
        .selectFrom('totp_factors')
        .select(select.fn.countAll<number>().as('count'))
        .whereRef('totp_factors.user_id', '=', 'sessions.user_id')
        .where('confirmed_at', 'is not', null)
        .$asScalar()
        .as('totp'),
      select
        .selectFrom('passkeys')
        .select(select.fn.countAll<number>().as('count'))
        .whereRef('passkeys.user_id', '=', 'sessions.user_id')
        .$asScalar()
        .as('passkeys'),
    ])
    .where('sessions.secret_hash', '=', hash)
    .executeTakeFirst() as Promise<SessionFacts | undefined>;
}

const selectById = compileOnce((query) =>
  query.selectFrom('sessions').selectAll().where('id', '=', '').where('user_id', '=', ''),
);

export async function sessionById(read: Kysely<Tables>, userId: string, id: string): Promise<SessionRow | undefined> {
  const [row] = (await selectById(read, [id, userId])) as SessionRow[];
  return row;
}

/** Living sessions of a person, newest first. */
export function sessionsOf(read: Kysely<Tables>, userId: string, nowMs: number): Promise<SessionRow[]> {
  return read
    .selectFrom('sessions')
    .selectAll()
    .where('user_id', '=', userId)
    .where('expires_at', '>', nowMs)
    .where((where) =>
      where.or([
        where('seen_at', '>', nowMs - SESSION_IDLE_MS),
        where.and([where('kind', '=', 'tokens'), where('seen_at', '>', nowMs - TOKENS_IDLE_MS)]),
      ]),
    )
    .orderBy('id', 'desc')
    .limit(200)
    .execute();
}

export function updateSession(
  tx: Tx,
  { userId, id }: { userId: string; id: string },
  values: Partial<SessionRow>,
): Promise<SessionRow | undefined> {
  return tx.query
    .updateTable('sessions')
    .set(values)
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .returningAll()
    .executeTakeFirst();
}

/** Ends one session; false when it had ended. */
export async function deleteSession(tx: Tx, userId: string, id: string): Promise<boolean> {
  const row = await tx.query
    .deleteFrom('sessions')
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

/** A session that is there until the transaction ends: who ends it meanwhile waits. */
export function holdSession(tx: Tx, id: string): Promise<Pick<SessionRow, 'id' | 'expires_at'> | undefined> {
  const session = tx.query.selectFrom('sessions').select(['id', 'expires_at']).where('id', '=', id);
  return lockRowsShared(tx.query, session).executeTakeFirst();
}

/** The session whose cookie was presented. */
export function sessionOfCookie(tx: Tx, hash: string): Promise<Pick<SessionRow, 'id' | 'user_id'> | undefined> {
  return tx.query.selectFrom('sessions').select(['id', 'user_id']).where('secret_hash', '=', hash).executeTakeFirst();
}

/** Sessions of a person, all but one. */
export async function otherSessionIds(read: Kysely<Tables>, userId: string, exceptId: string): Promise<string[]> {
  const rows = await read
    .selectFrom('sessions')
    .select('id')
    .where('user_id', '=', userId)
    .where('id', '!=', exceptId)
    .orderBy('id')
    .execute();
  return rows.map(({ id }) => id);
}

/** Sessions of a person beyond those that were seen last, of which `keep` stay beside `exceptId`. */
export async function idlestSessionIds(
  read: Kysely<Tables>,
  { userId, exceptId, keep }: { userId: string; exceptId: string; keep: number },
): Promise<string[]> {
  const rows = await read
    .selectFrom('sessions')
    .select('id')
    .where('user_id', '=', userId)
    .where('id', '!=', exceptId)
    .orderBy('seen_at', 'desc')
    .orderBy('id', 'desc')
    .limit(1000)
    .offset(keep)
    .execute();
  return rows.map(({ id }) => id).sort();
}

/** Ends all sessions of a person, or all but one; which there were. */
export async function deleteSessionsOf(tx: Tx, userId: string, exceptId: string | null): Promise<string[]> {
  let query = tx.query.deleteFrom('sessions').where('user_id', '=', userId);
  if (exceptId !== null) query = query.where('id', '!=', exceptId);
  return (await query.returning('id').execute()).map(({ id }) => id);
}

export async function deleteOldSessions(tx: Tx, nowMs: number): Promise<void> {
  await tx.query
    .deleteFrom('sessions')
    .where((where) =>
      where.or([
        where('expires_at', '<=', nowMs),
        where('seen_at', '<=', nowMs - TOKENS_IDLE_MS),
        where.and([where('kind', '=', 'cookie'), where('seen_at', '<=', nowMs - SESSION_IDLE_MS)]),
      ]),
    )
    .execute();
}

const updateSeen = compileForMany((query, count) => {
  const statement = sql`update sessions set seen_at = seen.column2, address = seen.column3
    from (${valueRows(['text', 'bigint', 'text'], count)}) as seen
    where sessions.id = seen.column1 and seen_at < seen.column2`;
  return { compile: () => statement.compile(query) };
});

/** Moves `seen_at` forward, never back. */
export async function markSeen(tx: Tx, seen: readonly { id: string; atMs: number; address: string }[]): Promise<void> {
  await updateSeen(
    tx.query,
    seen.map(({ id, atMs, address }) => [id, atMs, address]),
  );
}
