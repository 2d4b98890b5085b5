import type { Kysely } from 'kysely';
import type { Tables, Tx } from '../../database/index.ts';
import type { MailTokenKind, MailTokenRow } from './tables.ts';

export async function insertMailToken(tx: Tx, row: MailTokenRow): Promise<void> {
  await tx.query.insertInto('mail_tokens').values(row).execute();
}

export function mailTokenByHash(
  read: Kysely<Tables>,
  kind: MailTokenKind,
  hash: string,
  nowMs: number,
): Promise<MailTokenRow | undefined> {
  return read
    .selectFrom('mail_tokens')
    .selectAll()
    .where('hash', '=', hash)
    .where('kind', '=', kind)
    .where('expires_at', '>', nowMs)
    .executeTakeFirst();
}

/** Takes a token in one statement: of parallel calls one gets the row, the others nothing. */
export function consumeMailToken(
  tx: Tx,
  kind: MailTokenKind,
  hash: string,
  nowMs: number,
): Promise<MailTokenRow | undefined> {
  return tx.query
    .deleteFrom('mail_tokens')
    .where('hash', '=', hash)
    .where('kind', '=', kind)
    .where('expires_at', '>', nowMs)
    .returningAll()
    .executeTakeFirst();
}

/** A newer token of a kind, or the deed itself, ends a person's older ones. */
export async function deleteTokensOfUser(tx: Tx, userId: string, kinds: readonly MailTokenKind[]): Promise<void> {
  await tx.query
    .deleteFrom('mail_tokens')
    .where('user_id', '=', userId)
    .where('kind', 'in', [...kinds])
    .execute();
}

export async function deleteSignUps(tx: Tx, emailKey: string): Promise<void> {
  await tx.query.deleteFrom('mail_tokens').where('email_key', '=', emailKey).where('kind', '=', 'sign_up').execute();
}

export async function deleteOldMailTokens(tx: Tx, nowMs: number): Promise<void> {
  await tx.query.deleteFrom('mail_tokens').where('expires_at', '<=', nowMs).execute();
}
