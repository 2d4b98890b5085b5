import type { Migration } from '../../database/index.ts';

export interface OpaqueTokenRow {
  /** SHA-256 of the text, hex; the text is kept nowhere. */
  token_hash: string;
  /** JSON: the same claims that a JWT would have. */
  claims: string;
  expires_at: number;
}

declare module '../../database/index.ts' {
  interface Tables {
    opaque_tokens: OpaqueTokenRow;
  }
}

export const opaqueMigrations: Migration[] = [
  {
    name: '0111_tokens_opaque',
    up: (schema, types) => [
      schema
        .createTable('opaque_tokens')
        .addColumn('token_hash', types.id, (column) => column.primaryKey())
        .addColumn('claims', types.text, (column) => column.notNull())
        .addColumn('expires_at', types.integer, (column) => column.notNull()),
      schema.createIndex('opaque_tokens_expiry').on('opaque_tokens').column('expires_at'),
    ],
  },
];
