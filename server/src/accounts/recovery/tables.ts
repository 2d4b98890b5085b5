import type { Migration } from '../../database/index.ts';

/** What a link in a mail is for: a token of one kind is none of another (security C17). */
export type MailTokenKind = 'sign_up' | 'recover' | 'verify_email' | 'change_email';

export interface MailTokenRow {
  /** SHA-256 of kind and token. */
  hash: string;
  kind: MailTokenKind;
  user_id: string | null;
  email_key: string;
  /** The address as it was typed. */
  email: string;
  name: string | null;
  /** Of a sign-up: argon2id of the password that was chosen. */
  password_hash: string | null;
  created_at: number;
  expires_at: number;
}

declare module '../../database/index.ts' {
  interface Tables {
    mail_tokens: MailTokenRow;
  }
}

export const mailTokensMigrations: Migration[] = [
  {
    name: '0016_accounts_mail_tokens',
    up: (schema, types) => [
      schema
        .createTable('mail_tokens')
        .addColumn('hash', types.id, (column) => column.primaryKey())
        .addColumn('kind', types.text, (column) => column.notNull())
        .addColumn('user_id', types.id)
        .addColumn('email_key', types.id, (column) => column.notNull())
        .addColumn('email', types.text, (column) => column.notNull())
        .addColumn('name', types.text)
        .addColumn('password_hash', types.text)
        .addColumn('created_at', types.integer, (column) => column.notNull())
        .addColumn('expires_at', types.integer, (column) => column.notNull()),
      schema.createIndex('mail_tokens_user').on('mail_tokens').columns(['user_id', 'kind']),
      schema.createIndex('mail_tokens_email').on('mail_tokens').columns(['email_key', 'kind']),
      schema.createIndex('mail_tokens_expiry').on('mail_tokens').column('expires_at'),
    ],
  },
];
