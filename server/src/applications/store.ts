import { type Kysely, sql } from 'kysely';
import { compileForMany, compileOnce, lockRows, type Tables, type Tx, valueRows } from '../database/index.ts';
import type { Environment } from '../http/index.ts';
import type { IdTokenAlgorithm } from './application.ts';
import type { ApplicationRow, ClientAssertionRow, ClientSecretRow } from './tables.ts';

/** Which applications a caller may see: one workspace or (null) all, and but for root one environment. */
export interface ApplicationReach {
  workspaceId: string | null;
  environment: Environment | null;
}

export async function insertApplication(tx: Tx, row: ApplicationRow): Promise<void> {
  await tx.query.insertInto('applications').values(row).execute();
}

const selectById = compileOnce((query) => query.selectFrom('applications').selectAll().where('id', '=', ''));

/** Whatever its place. */
export async function anyApplication(read: Kysely<Tables>, id: string): Promise<ApplicationRow | undefined> {
  return (await selectById(read, [id]))[0] as ApplicationRow | undefined;
}

const reaches = ({ workspaceId, environment }: ApplicationReach, row: ApplicationRow): boolean =>
  (workspaceId === null || row.workspace_id === workspaceId) &&
  (environment === null || row.environment === environment);

export async function applicationById(
  read: Kysely<Tables>,
  reach: ApplicationReach,
  id: string,
): Promise<ApplicationRow | undefined> {
  const row = await anyApplication(read, id);
  return row && reaches(reach, row) ? row : undefined;
}

/** An application that nobody else changes before this transaction ends. Who may not see it does not hold it either. */
export async function lockApplication(
  tx: Tx,
  reach: ApplicationReach,
  id: string,
): Promise<ApplicationRow | undefined> {
  if (!(await applicationById(tx.query, reach, id))) return undefined;
  const locked = tx.query.selectFrom('applications').selectAll().where('id', '=', id);
  const row = await lockRows(tx.query, locked).executeTakeFirst();
  return row && reaches(reach, row) ? row : undefined;
}

/** As `ApplicationReach`; `none` for those that registered themselves. */
export interface ListReach {
  workspaceId: string | 'none';
  environment: Environment | null;
}

/** Newest first, below `beforeId`. */
export function listApplications(
  read: Kysely<Tables>,
  { workspaceId, environment }: ListReach,
  page: { limit: number; beforeId: string | null },
): Promise<ApplicationRow[]> {
  let query = read.selectFrom('applications').selectAll().orderBy('id', 'desc').limit(page.limit);
  query =
    workspaceId === 'none' ? query.where('workspace_id', 'is', null) : query.where('workspace_id', '=', workspaceId);
  if (environment !== null) query = query.where('environment', '=', environment);
  if (page.beforeId !== null) query = query.where('id', '<', page.beforeId);
  return query.execute();
}

export function updateApplication(
  tx: Tx,
  id: string,
  values: Partial<Omit<ApplicationRow, 'id'>>,
): Promise<ApplicationRow | undefined> {
  return tx.query.updateTable('applications').set(values).where('id', '=', id).returningAll().executeTakeFirst();
}

/** With what ID tokens of any application are signed. */
export async function idTokenAlgorithmsInUse(read: Kysely<Tables>): Promise<IdTokenAlgorithm[]> {
  const rows = await read
    .selectFrom('applications')
    .select('id_token_alg')
    .where('id_token_alg', 'is not', null)
    .distinct()
    .execute();
  return rows.flatMap(({ id_token_alg: algorithm }) => algorithm ?? []);
}

/** Disables every application; how many were not. */
export async function disableApplications(tx: Tx): Promise<number> {
  const { numUpdatedRows } = await tx.query
    .updateTable('applications')
    .set({ disabled: 1 })
    .where('disabled', '=', 0)
    .executeTakeFirst();
  return Number(numUpdatedRows);
}

/** With its secrets. Used assertions stay until they have expired: an id never comes back, but a copy may. */
export async function deleteApplication(tx: Tx, id: string): Promise<void> {
  await tx.query.deleteFrom('client_secrets').where('client_id', '=', id).execute();
  await tx.query.deleteFrom('applications').where('id', '=', id).execute();
}

export async function insertSecret(tx: Tx, row: ClientSecretRow): Promise<void> {
  await tx.query.insertInto('client_secrets').values(row).execute();
}

const selectSecrets = compileOnce((query) =>
  query.selectFrom('client_secrets').selectAll().where('client_id', '=', '').orderBy('id'),
);

/** Oldest first, also those that have expired. */
export async function secretsOf(read: Kysely<Tables>, clientId: string): Promise<ClientSecretRow[]> {
  return (await selectSecrets(read, [clientId])) as ClientSecretRow[];
}

export function secretsOfMany(read: Kysely<Tables>, clientIds: readonly string[]): Promise<ClientSecretRow[]> {
  if (clientIds.length === 0) return Promise.resolve([]);
  return read
    .selectFrom('client_secrets')
    .selectAll()
    .where('client_id', 'in', [...clientIds])
    .orderBy('id')
    .execute();
}

export async function endSecretsAt(tx: Tx, ids: readonly string[], atMs: number): Promise<void> {
  if (ids.length === 0) return;
  await tx.query
    .updateTable('client_secrets')
    .set({ expires_at: atMs })
    .where('id', 'in', [...ids])
    .execute();
}

/** False when there was none. */
export async function deleteSecret(tx: Tx, clientId: string, id: string): Promise<boolean> {
  const gone = await tx.query
    .deleteFrom('client_secrets')
    .where('client_id', '=', clientId)
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst();
  return gone !== undefined;
}

export async function deleteSecrets(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.query
    .deleteFrom('client_secrets')
    .where('id', 'in', [...ids])
    .execute();
}

const updateLastUsed = compileForMany((query, count) => {
  const statement = sql`update client_secrets set last_used_at = used.column2
    from (${valueRows(['text', 'bigint'], count)}) as used
    where client_secrets.id = used.column1
      and (last_used_at is null or last_used_at < used.column2)`;
  return { compile: () => statement.compile(query) };
});

/** Moves `last_used_at` of secrets forward, never back; times by id. */
export async function markSecretsUsed(tx: Tx, atMsById: ReadonlyMap<string, number>): Promise<void> {
  await updateLastUsed(tx.query, [...atMsById]);
}

const insertAssertion = compileOnce((query) => {
  const statement = sql`insert into client_assertions (client_id, jti_hash, expires_at)
    values (${''}, ${''}, ${0}) on conflict do nothing returning jti_hash`;
  return { compile: () => statement.compile(query) };
});

/** False when it was used before: one statement decides who of many at once was first. */
export async function useClientAssertion(tx: Tx, row: ClientAssertionRow): Promise<boolean> {
  const { client_id, jti_hash, expires_at } = row;
  return (await insertAssertion(tx.query, [client_id, jti_hash, expires_at])).length > 0;
}

/** At most `limit`; whether there may be more. */
export async function deleteExpiredAssertions(tx: Tx, beforeMs: number, limit: number): Promise<boolean> {
  const gone = await sql`
    delete from client_assertions where (client_id, jti_hash) in (
      select client_id, jti_hash from client_assertions where expires_at < ${beforeMs} limit ${limit}
    ) returning jti_hash`.execute(tx.query);
  return gone.rows.length === limit;
}
