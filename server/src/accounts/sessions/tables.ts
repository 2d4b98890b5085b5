import type { Migration } from '../../database/index.ts';

export interface SessionRow {
  id: string;
  user_id: string;
  /** SHA-256 of the cookie's text. */
  secret_hash: string;
  workspace_id: string | null;
  environment: 'test' | 'live';
  /** JSON list: how the person proved who they are. */
  methods: string;
  /** When they last did. */
  proved_at: number;
  address: string;
  /** Browser and system, for people. */
  device: string;
  created_at: number;
  seen_at: number;
  expires_at: number;
}

declare module '../../database/index.ts' {
  interface Tables {
    sessions: SessionRow;
  }
}

export const sessionsMigrations: Migration[] = [
  {
    name: '0014_accounts_sessions',
    up: (schema, types) => [
      schema
        .createTable('sessions')
        .addColumn('id', types.id, (column) => column.primaryKey())
        .addColumn('user_id', types.id, (column) => column.notNull())
        .addColumn('secret_hash', types.id, (column) => column.notNull().unique())
        .addColumn('workspace_id', types.id)
        .addColumn('environment', types.text, (column) => column.notNull())
        .addColumn('methods', types.text, (column) => column.notNull())
        .addColumn('proved_at', types.integer, (column) => column.notNull())
        .addColumn('address', types.text, (column) => column.notNull())
        .addColumn('device', types.text, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull())
        .addColumn('seen_at', types.integer, (column) => column.notNull())
        .addColumn('expires_at', types.integer, (column) => column.notNull()),
      schema.createIndex('sessions_user').on('sessions').columns(['user_id', 'id']),
      schema.createIndex('sessions_expiry').on('sessions').column('expires_at'),
    ],
  },
];
