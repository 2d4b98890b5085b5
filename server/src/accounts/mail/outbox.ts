import type { Clock } from '../../clock.ts';
import type { Envelope, RandomBytes } from '../../crypto/index.ts';
import type { Database, Tx } from '../../database/index.ts';
import type { SealedColumn } from '../../sealed-values/index.ts';
import type { Post } from './post.ts';
import { deleteMail, dueMails, insertMail, takeMail } from './store.ts';
import type { MailRow } from './tables.ts';
import { type MailKind, type MailText, type MailValues, mailText } from './texts.ts';

/** Mails that are sent if, and only if, what they tell of was committed. */
export interface Outbox {
  /** Leaves a mail in the caller's transaction, sealed: its link works. */
  queue<K extends MailKind>(tx: Tx, kind: K, to: string, values: MailValues[K]): Promise<void>;
  /** Costs what a mail costs and is sent to nobody, so that time does not tell who has an account (security K1). */
  queueForNobody<K extends MailKind>(tx: Tx, kind: K, values: MailValues[K]): Promise<void>;
  /** Sends what is due. Several processes may do so at once: each mail is taken by one of them. */
  sendDue(): Promise<void>;
}

export interface OutboxOptions {
  database: Database;
  clock: Clock;
  randomBytes: RandomBytes;
  envelope: Envelope;
  post: Post;
  onError(error: unknown, mail: { kind: string; attempts: number }): void;
}

const DAY_MS = 86_400_000;
const BATCH = 20;
const FIRST_RETRY_MS = 30_000;
const LAST_RETRY_MS = 3_600_000;

const context = (id: string) => `mail_outbox.sealed:${id}`;

export const mailSealedColumn: SealedColumn = { table: 'mail_outbox', id: 'id', column: 'sealed', context };

const retryAfterMs = (attempts: number) => Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempts);

export function createOutbox(options: OutboxOptions): Outbox {
  const { database, clock, randomBytes, envelope, post, onError } = options;
  let sending: Promise<void> | null = null;

  const deliver = async (mail: MailRow): Promise<void> => {
    const nowMs = clock.nowMs();
    const nextAttemptAtMs = nowMs + retryAfterMs(mail.attempts);
    if (!(await database.write((tx) => takeMail(tx, mail, nextAttemptAtMs)))) return;
    if (mail.expires_at > nowMs) {
      const text = JSON.parse(envelope.unseal(mail.sealed, context(mail.id))) as MailText;
      await post.send({ to: mail.recipient, ...text });
    }
    await database.write((tx) => deleteMail(tx, mail.id));
  };

  const sendAll = async (): Promise<void> => {
    for (;;) {
      const mails = await dueMails(database.read, clock.nowMs(), BATCH);
      for (const mail of mails) {
        await deliver(mail).catch((error) => onError(error, { kind: mail.kind, attempts: mail.attempts + 1 }));
      }
      if (mails.length < BATCH) return;
    }
  };

  /** A mail that is queued while others are sent is found by a run that begins after it. */
  const sendDue = async (): Promise<void> => {
    while (sending) await sending;
    sending = sendAll().finally(() => {
      sending = null;
    });
    return sending;
  };

  const insert = async <K extends MailKind>(
    tx: Tx,
    kind: K,
    recipient: string,
    values: MailValues[K],
    livesMs: number,
  ) => {
    const nowMs = clock.nowMs();
    const id = Buffer.from(randomBytes(16)).toString('hex');
    await insertMail(tx, {
      id,
      kind,
      recipient,
      sealed: envelope.seal(JSON.stringify(mailText(kind, values)), context(id)),
      attempts: 0,
      next_attempt_at: nowMs,
      expires_at: nowMs + livesMs,
      created_at: nowMs,
    });
  };

  return {
    queue: (tx, kind, to, values) => insert(tx, kind, to, values, DAY_MS),
    queueForNobody: (tx, kind, values) => insert(tx, kind, '', values, 0),
    sendDue,
  };
}
