import type { Migration } from '../../database/index.ts';

/** That an application was given tokens in a session, and is to be told when that ends. */
export interface SessionClientRow {
  /** The session as it is by now. */
  session_id: string;
  client_id: string;
  /** As its ID token says: the session then. */
  sid: string;
  /** When the session runs out, whatever happens. */
  expires_at: number;
}

/** A session's end that an application has not heard of yet. */
export interface LogoutDeliveryRow {
  id: string;
  client_id: string;
  user_id: string;
  sid: string;
  attempts: number;
  next_attempt_at: number;
  /** Until when it is worth telling. */
  expires_at: number;
}

declare module '../../database/index.ts' {
  interface Tables {
    session_clients: SessionClientRow;
    logout_deliveries: LogoutDeliveryRow;
  }
}

export const backChannelMigrations: Migration[] = [
  {
    name: '0143_oauth_backchannel_logout',
    up: (schema, types) => [
      schema
        .createTable('session_clients')
        .addColumn('session_id', types.id, (column) => column.notNull())
        .addColumn('client_id', types.id, (column) => column.notNull())
        .addColumn('sid', types.id, (column) => column.notNull())
        .addColumn('expires_at', types.integer, (column) => column.notNull())
        .addPrimaryKeyConstraint('session_clients_key', ['session_id', 'client_id', 'sid']),
      schema.createIndex('session_clients_expiry').on('session_clients').column('expires_at'),
      schema
        .createTable('logout_deliveries')
        .addColumn('id', types.id, (column) => column.primaryKey())
        .addColumn('client_id', types.id, (column) => column.notNull())
        .addColumn('user_id', types.id, (column) => column.notNull())
        .addColumn('sid', types.id, (column) => column.notNull())
        .addColumn('attempts', types.integer, (column) => column.notNull())
        .addColumn('next_attempt_at', types.integer, (column) => column.notNull())
        .addColumn('expires_at', types.integer, (column) => column.notNull()),
      schema.createIndex('logout_deliveries_due').on('logout_deliveries').columns(['client_id', 'next_attempt_at']),
    ],
  },
];
