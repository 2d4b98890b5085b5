import type { Kysely } from 'kysely';
import type { Tables, Tx } from '../../database/index.ts';
import type { MailRow } from './tables.ts';

export async function insertMail(tx: Tx, row: MailRow): Promise<void> {
  await tx.query.insertInto('mail_outbox').values(row).execute();
}

export function dueMails(read: Kysely<Tables>, nowMs: number, limit: number): Promise<MailRow[]> {
  return read
    .selectFrom('mail_outbox')
    .selectAll()
    .where('next_attempt_at', '<=', nowMs)
    .orderBy('next_attempt_at')
    .orderBy('id')
    .limit(limit)
    .execute();
}

/** Takes a mail for one attempt, in one statement: false when another process has it. */
export async function takeMail(tx: Tx, mail: MailRow, nextAttemptAtMs: number): Promise<boolean> {
  const row = await tx.query
    .updateTable('mail_outbox')
    .set({ attempts: mail.attempts + 1, next_attempt_at: nextAttemptAtMs })
    .where('id', '=', mail.id)
    .where('attempts', '=', mail.attempts)
    .returning('id')
    .executeTakeFirst();
  return row !== undefined;
}

export async function deleteMail(tx: Tx, id: string): Promise<void> {
  await tx.query.deleteFrom('mail_outbox').where('id', '=', id).execute();
}
