import type { Migration } from '../../database/index.ts';

export interface DeniedTokenRow {
  /** The `jti` of an access token that was revoked by itself. */
  jti: string;
  /** When no verifier would accept it any more. */
  expires_at: number;
}

export interface TokenWatermarkRow {
  /** What was ended, such as `user:usr_…`; `epoch` for the newest number given out. */
  subject: string;
  /** Tokens of it that carry a lower epoch are refused. */
  number: number;
  /** When every token from before has expired; null for `epoch`. */
  expires_at: number | null;
}

declare module '../../database/index.ts' {
  interface Tables {
    denied_tokens: DeniedTokenRow;
    token_watermarks: TokenWatermarkRow;
  }
}

export const denialsMigrations: Migration[] = [
  {
    name: '0014_tokens_denials',
    up: (schema, types) => [
      schema
        .createTable('denied_tokens')
        .addColumn('jti', types.id, (column) => column.primaryKey())
        .addColumn('expires_at', types.integer, (column) => column.notNull()),
      schema.createIndex('denied_tokens_expiry').on('denied_tokens').column('expires_at'),
      schema
        .createTable('token_watermarks')
        .addColumn('subject', types.id, (column) => column.primaryKey())
        .addColumn('number', types.integer, (column) => column.notNull())
        .addColumn('expires_at', types.integer),
      schema.createIndex('token_watermarks_expiry').on('token_watermarks').column('expires_at'),
    ],
  },
];
