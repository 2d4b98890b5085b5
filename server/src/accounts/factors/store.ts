import type { Kysely } from 'kysely';
import type { Tables, Tx } from '../../database/index.ts';
import type { BackupCodeRow, ChallengeKind, ChallengeRow, PasskeyRow, TotpRow } from './tables.ts';

export function totpOf(read: Kysely<Tables>, userId: string): Promise<TotpRow | undefined> {
  return read.selectFrom('totp_factors').selectAll().where('user_id', '=', userId).executeTakeFirst();
}

/** Replaces a secret that was never confirmed; false when a confirmed one stands. */
export async function offerTotp(tx: Tx, row: TotpRow): Promise<boolean> {
  const { user_id, ...rest } = row;
  const won = await tx.query
    .insertInto('totp_factors')
    .values(row)
    .onConflict((conflict) =>
      conflict.column('user_id').doUpdateSet(rest).where('totp_factors.confirmed_at', 'is', null),
    )
    .returning('user_id')
    .executeTakeFirst();
  return won !== undefined;
}

/** Marks this very offer as confirmed by the code of a step; of parallel calls one wins. */
export async function confirmTotp(tx: Tx, offered: TotpRow, step: number, nowMs: number): Promise<boolean> {
  const won = await tx.query
    .updateTable('totp_factors')
    .set({ confirmed_at: nowMs, last_step: step })
    .where('user_id', '=', offered.user_id)
    .where('secret_sealed', '=', offered.secret_sealed)
    .where('confirmed_at', 'is', null)
    .returning('user_id')
    .executeTakeFirst();
  return won !== undefined;
}

/** Accepts a time step once: no call with it, or with an older one, wins again (RFC 6238 §5.2). */
export async function acceptStep(tx: Tx, userId: string, step: number): Promise<boolean> {
  const won = await tx.query
    .updateTable('totp_factors')
    .set({ last_step: step })
    .where('user_id', '=', userId)
    .where('confirmed_at', 'is not', null)
    .where('last_step', '<', step)
    .returning('user_id')
    .executeTakeFirst();
  return won !== undefined;
}

export async function deleteTotp(tx: Tx, userId: string): Promise<boolean> {
  const row = await tx.query
    .deleteFrom('totp_factors')
    .where('user_id', '=', userId)
    .where('confirmed_at', 'is not', null)
    .returning('user_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** The new codes in place of all old ones. */
export async function replaceBackupCodes(tx: Tx, userId: string, rows: readonly BackupCodeRow[]): Promise<void> {
  await tx.query.deleteFrom('backup_codes').where('user_id', '=', userId).execute();
  if (rows.length > 0)
    await tx.query
      .insertInto('backup_codes')
      .values([...rows])
      .execute();
}

/** Uses a code once; of parallel calls one wins. */
export async function useBackupCode(tx: Tx, userId: string, codeHash: string, nowMs: number): Promise<boolean> {
  const won = await tx.query
    .updateTable('backup_codes')
    .set({ used_at: nowMs })
    .where('user_id', '=', userId)
    .where('code_hash', '=', codeHash)
    .where('used_at', 'is', null)
    .returning('user_id')
    .executeTakeFirst();
  return won !== undefined;
}

export async function countBackupCodes(read: Kysely<Tables>, userId: string): Promise<number> {
  const row = await read
    .selectFrom('backup_codes')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('user_id', '=', userId)
    .where('used_at', 'is', null)
    .executeTakeFirstOrThrow();
  return row.count;
}

export function passkeysOf(read: Kysely<Tables>, userId: string): Promise<PasskeyRow[]> {
  return read.selectFrom('passkeys').selectAll().where('user_id', '=', userId).orderBy('id').execute();
}

export function passkeyByCredential(read: Kysely<Tables>, credentialId: string): Promise<PasskeyRow | undefined> {
  return read.selectFrom('passkeys').selectAll().where('credential_id', '=', credentialId).executeTakeFirst();
}

export async function insertPasskey(tx: Tx, row: PasskeyRow): Promise<void> {
  await tx.query.insertInto('passkeys').values(row).execute();
}

export function updatePasskey(
  tx: Tx,
  { userId, id }: { userId: string; id: string },
  values: Partial<PasskeyRow>,
): Promise<PasskeyRow | undefined> {
  return tx.query
    .updateTable('passkeys')
    .set(values)
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .returningAll()
    .executeTakeFirst();
}

/** Moves the counter forward; false when it did not move, or moved since it was read. */
export async function moveCounter(tx: Tx, id: string, from: number, to: number): Promise<boolean> {
  const won = await tx.query
    .updateTable('passkeys')
    .set({ counter: to })
    .where('id', '=', id)
    .where('counter', '=', from)
    .returning('id')
    .executeTakeFirst();
  return won !== undefined;
}

export function deletePasskey(tx: Tx, userId: string, id: string): Promise<PasskeyRow | undefined> {
  return tx.query
    .deleteFrom('passkeys')
    .where('id', '=', id)
    .where('user_id', '=', userId)
    .returningAll()
    .executeTakeFirst();
}

export async function deleteFactorsOf(tx: Tx, userId: string): Promise<void> {
  await tx.query.deleteFrom('totp_factors').where('user_id', '=', userId).execute();
  await tx.query.deleteFrom('backup_codes').where('user_id', '=', userId).execute();
  await tx.query.deleteFrom('passkeys').where('user_id', '=', userId).execute();
  await tx.query.deleteFrom('challenges').where('user_id', '=', userId).execute();
}

export async function insertChallenge(tx: Tx, row: ChallengeRow): Promise<void> {
  await tx.query.insertInto('challenges').values(row).execute();
}

/** Takes a challenge in one statement, before its answer is looked at; of parallel calls one gets it. */
export function consumeChallenge(
  tx: Tx,
  kind: ChallengeKind,
  hash: string,
  nowMs: number,
): Promise<ChallengeRow | undefined> {
  return tx.query
    .deleteFrom('challenges')
    .where('hash', '=', hash)
    .where('kind', '=', kind)
    .where('expires_at', '>', nowMs)
    .returningAll()
    .executeTakeFirst();
}

/** Counts one answer to a challenge that may be answered several times; undefined when it may no more. */
export function attemptChallenge(
  tx: Tx,
  kind: ChallengeKind,
  hash: string,
  limits: { nowMs: number; maxAttempts: number },
): Promise<ChallengeRow | undefined> {
  return tx.query
    .updateTable('challenges')
    .set((set) => ({ attempts: set('attempts', '+', 1) }))
    .where('hash', '=', hash)
    .where('kind', '=', kind)
    .where('expires_at', '>', limits.nowMs)
    .where('attempts', '<', limits.maxAttempts)
    .returningAll()
    .executeTakeFirst();
}

export function challengeByHash(
  read: Kysely<Tables>,
  kind: ChallengeKind,
  hash: string,
  nowMs: number,
): Promise<ChallengeRow | undefined> {
  return read
    .selectFrom('challenges')
    .selectAll()
    .where('hash', '=', hash)
    .where('kind', '=', kind)
    .where('expires_at', '>', nowMs)
    .executeTakeFirst();
}

export async function deleteOldChallenges(tx: Tx, nowMs: number): Promise<void> {
  await tx.query.deleteFrom('challenges').where('expires_at', '<=', nowMs).execute();
}
