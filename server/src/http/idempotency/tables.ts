import type { Migration } from '../../database/index.ts';

export interface IdempotencyRow {
  principal: string;
  route: string;
  key: string;
  fingerprint: string;
  /** `pending`: running, or lost in a crash. `done`: the reply can be replayed. */
  state: 'pending' | 'done';
  /** Which run of the call took the slot: after the lock's end another may, and the first must not touch it. */
  holder: string;
  locked_until: number;
  status: number | null;
  /** The reply's JSON, sealed under a key that only the caller's credential and Idempotency-Key yield. */
  reply_sealed: string | null;
  reply_expires_at: number | null;
  object_id: string | null;
  expires_at: number;
}

declare module '../../database/index.ts' {
  interface Tables {
    idempotency_keys: IdempotencyRow;
  }
}

export const idempotencyMigrations: Migration[] = [
  {
    name: '0004_http_idempotency',
    up: (schema, types) => [
      schema
        .createTable('idempotency_keys')
        .addColumn('principal', types.id, (column) => column.notNull())
        .addColumn('route', types.text, (column) => column.notNull())
        .addColumn('key', types.text, (column) => column.notNull())
        .addColumn('fingerprint', types.text, (column) => column.notNull())
        .addColumn('state', types.text, (column) => column.notNull())
        .addColumn('holder', types.text, (column) => column.notNull())
        .addColumn('locked_until', types.integer, (column) => column.notNull())
        .addColumn('status', types.integer)
        .addColumn('reply_sealed', types.text)
        .addColumn('reply_expires_at', types.integer)
        .addColumn('object_id', types.id)
        .addColumn('expires_at', types.integer, (column) => column.notNull())
        .addPrimaryKeyConstraint('idempotency_keys_pk', ['principal', 'route', 'key']),
      schema.createIndex('idempotency_keys_expires').on('idempotency_keys').column('expires_at'),
    ],
  },
];
