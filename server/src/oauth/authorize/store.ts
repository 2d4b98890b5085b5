import { type Kysely, type Selectable, sql } from 'kysely';
import { compileInsert, compileOnce, type Tables, type Tx } from '../../database/index.ts';
import type { AuthorizationCodeRow, AuthorizationRequestRow } from './tables.ts';

export type CodeRow = Selectable<AuthorizationCodeRow>;
export type RequestRow = Selectable<AuthorizationRequestRow>;

export const insertCode = compileInsert<AuthorizationCodeRow>('authorization_codes');

const takeOne = compileOnce((query) => {
  const statement = sql`update authorization_codes set used_at = ${0}
    where code_hash = ${''} and used_at is null and client_id = ${''} and expires_at > ${0}
      and redirect_uri is not distinct from ${''} and code_challenge is not distinct from ${''}
      and exists (select 1 from grants where grants.id = authorization_codes.grant_id and grants.revoked_at is null)
    returning *`;
  return { compile: () => statement.compile(query) };
});

export interface CodeClaim {
  codeHash: string;
  clientId: string;
  redirectUri: string | null;
  challenge: string | null;
}

/** Uses a code up, in one statement that says won or lost: everything that it hangs on is in it (security C12). */
export async function takeCode(tx: Tx, claim: CodeClaim, nowMs: number): Promise<CodeRow | undefined> {
  const { codeHash, clientId, redirectUri, challenge } = claim;
  const [row] = await takeOne(tx.query, [nowMs, codeHash, clientId, nowMs, redirectUri, challenge]);
  return row as CodeRow | undefined;
}

export function codeByHash(query: Kysely<Tables>, codeHash: string): Promise<CodeRow | undefined> {
  return query.selectFrom('authorization_codes').selectAll().where('code_hash', '=', codeHash).executeTakeFirst();
}

const noteOne = compileOnce((query) =>
  query
    .updateTable('authorization_codes')
    .set({ family_id: '', access_token_id: '', access_token_expires_at: 0 })
    .where('code_hash', '=', ''),
);

export async function noteGiven(
  tx: Tx,
  given: { codeHash: string; familyId: string | null; accessTokenId: string; accessTokenExpMs: number },
): Promise<void> {
  await noteOne(tx.query, [given.familyId, given.accessTokenId, given.accessTokenExpMs, given.codeHash]);
}

/** False when there is nothing to forget: it gave nothing, or that has been ended. */
export async function forgetGiven(tx: Tx, codeHash: string): Promise<boolean> {
  const row = await tx.query
    .updateTable('authorization_codes')
    .set({ family_id: null, access_token_id: null, access_token_expires_at: null })
    .where('code_hash', '=', codeHash)
    .where('access_token_id', 'is not', null)
    .returning('code_hash')
    .executeTakeFirst();
  return row !== undefined;
}

export async function insertRequest(tx: Tx, row: AuthorizationRequestRow): Promise<void> {
  await tx.query.insertInto('authorization_requests').values(row).execute();
}

/** Only in the browser that it was made in, and while it lives. */
export interface RequestName {
  idHash: string;
  browserHash: string;
}

export function requestByName(
  query: Kysely<Tables>,
  { idHash, browserHash }: RequestName,
  nowMs: number,
): Promise<RequestRow | undefined> {
  return query
    .selectFrom('authorization_requests')
    .selectAll()
    .where('id_hash', '=', idHash)
    .where('browser_hash', '=', browserHash)
    .where('expires_at', '>', nowMs)
    .executeTakeFirst();
}

export async function noteChoice(
  tx: Tx,
  { idHash, browserHash }: RequestName,
  choice: Partial<Pick<AuthorizationRequestRow, 'workspace_id' | 'account_id'>>,
): Promise<void> {
  await tx.query
    .updateTable('authorization_requests')
    .set(choice)
    .where('id_hash', '=', idHash)
    .where('browser_hash', '=', browserHash)
    .execute();
}

/** Takes a request off the table: of parallel answers one gets it. */
export async function takeRequest(tx: Tx, { idHash, browserHash }: RequestName, nowMs: number): Promise<boolean> {
  const row = await tx.query
    .deleteFrom('authorization_requests')
    .where('id_hash', '=', idHash)
    .where('browser_hash', '=', browserHash)
    .where('expires_at', '>', nowMs)
    .returning('id_hash')
    .executeTakeFirst();
  return row !== undefined;
}

/** Removes up to `limit` codes that expired before; how many there were. */
export async function deleteOldCodes(tx: Tx, beforeMs: number, limit: number): Promise<number> {
  const old = tx.query
    .selectFrom('authorization_codes')
    .select('code_hash')
    .where('expires_at', '<', beforeMs)
    .limit(limit);
  const { numDeletedRows } = await tx.query
    .deleteFrom('authorization_codes')
    .where('code_hash', 'in', old)
    .executeTakeFirst();
  return Number(numDeletedRows);
}

export async function deleteOldRequests(tx: Tx, beforeMs: number, limit: number): Promise<number> {
  const old = tx.query
    .selectFrom('authorization_requests')
    .select('id_hash')
    .where('expires_at', '<', beforeMs)
    .limit(limit);
  const { numDeletedRows } = await tx.query
    .deleteFrom('authorization_requests')
    .where('id_hash', 'in', old)
    .executeTakeFirst();
  return Number(numDeletedRows);
}

/** Removes every code, and every request that waits for an answer. For a database that nobody serves. */
export async function deleteAllPending(tx: Tx): Promise<void> {
  await tx.query.deleteFrom('authorization_codes').execute();
  await tx.query.deleteFrom('authorization_requests').execute();
}
