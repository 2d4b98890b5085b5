import type { Kysely } from 'kysely';
import { lockRows, type Tables, type Tx } from '../database/index.ts';
import type { Environment } from '../http/index.ts';
import type { TrustedIssuerRow, UsedAssertionRow } from './tables.ts';

export function allIssuers(read: Kysely<Tables>): Promise<TrustedIssuerRow[]> {
  return read.selectFrom('trusted_issuers').selectAll().orderBy('id').execute();
}

/** Which issuers a caller may see: those of one workspace, and for some only those of their environment. */
export interface IssuerReach {
  workspaceId: string;
  environment: Environment | null;
}

function within(read: Kysely<Tables>, { workspaceId, environment }: IssuerReach) {
  const rows = read.selectFrom('trusted_issuers').selectAll().where('workspace_id', '=', workspaceId);
  return environment === null ? rows : rows.where('environment', '=', environment);
}

/** Newest first, below `beforeId`. */
export function listIssuers(
  read: Kysely<Tables>,
  reach: IssuerReach,
  { limit, beforeId }: { limit: number; beforeId: string | null },
): Promise<TrustedIssuerRow[]> {
  const rows = within(read, reach).orderBy('id', 'desc').limit(limit);
  return (beforeId === null ? rows : rows.where('id', '<', beforeId)).execute();
}

export function issuerById(
  read: Kysely<Tables>,
  reach: IssuerReach,
  id: string,
): Promise<TrustedIssuerRow | undefined> {
  return within(read, reach).where('id', '=', id).executeTakeFirst();
}

/** An issuer that nobody else changes or removes before this transaction ends. */
export function lockIssuer(tx: Tx, reach: IssuerReach, id: string): Promise<TrustedIssuerRow | undefined> {
  return lockRows(tx.query, within(tx.query, reach).where('id', '=', id)).executeTakeFirst();
}

/** Throws `UniqueViolation` when the issuer is registered for this audience already. */
export async function insertIssuer(tx: Tx, row: TrustedIssuerRow): Promise<void> {
  await tx.query.insertInto('trusted_issuers').values(row).execute();
}

/** Throws `UniqueViolation` like `insertIssuer`. */
export function updateIssuer(
  tx: Tx,
  id: string,
  values: Partial<Omit<TrustedIssuerRow, 'id'>>,
): Promise<TrustedIssuerRow | undefined> {
  return tx.query.updateTable('trusted_issuers').set(values).where('id', '=', id).returningAll().executeTakeFirst();
}

/** What it was; undefined when there was none. */
export function deleteIssuer(tx: Tx, id: string): Promise<TrustedIssuerRow | undefined> {
  return tx.query.deleteFrom('trusted_issuers').where('id', '=', id).returningAll().executeTakeFirst();
}

/** One statement says who was first. False when it was used before. */
export async function insertUsedAssertion(tx: Tx, row: UsedAssertionRow): Promise<boolean> {
  const added = await tx.query
    .insertInto('used_assertions')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returning('digest')
    .executeTakeFirst();
  return added !== undefined;
}

/** Removes up to `limit` that nobody would accept again; returns whether there may be more. */
export async function deleteOldAssertions(tx: Tx, beforeMs: number, limit: number): Promise<boolean> {
  const old = tx.query.selectFrom('used_assertions').select('digest').where('expires_at', '<', beforeMs).limit(limit);
  const gone = await tx.query.deleteFrom('used_assertions').where('digest', 'in', old).executeTakeFirst();
  return Number(gone.numDeletedRows) === limit;
}
