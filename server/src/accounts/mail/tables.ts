import type { Migration } from '../../database/index.ts';

export interface MailRow {
  id: string;
  /** What the mail is about, such as `recover`. */
  kind: string;
  recipient: string;
  /** JSON `{subject, text}` under the envelope: it holds a link that works. */
  sealed: string;
  attempts: number;
  next_attempt_at: number;
  /** Until when it is worth sending. */
  expires_at: number;
  created_at: number;
}

declare module '../../database/index.ts' {
  interface Tables {
    mail_outbox: MailRow;
  }
}

export const mailMigrations: Migration[] = [
  {
    name: '0015_accounts_mail',
    up: (schema, types) => [
      schema
        .createTable('mail_outbox')
        .addColumn('id', types.id, (column) => column.primaryKey())
        .addColumn('kind', types.text, (column) => column.notNull())
        .addColumn('recipient', types.text, (column) => column.notNull())
        .addColumn('sealed', types.text, (column) => column.notNull())
        .addColumn('attempts', types.integer, (column) => column.notNull())
        .addColumn('next_attempt_at', types.integer, (column) => column.notNull())
        .addColumn('expires_at', types.integer, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull()),
      schema.createIndex('mail_outbox_due').on('mail_outbox').column('next_attempt_at'),
    ],
  },
];
