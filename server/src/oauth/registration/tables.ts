import type { Migration } from '../../database/index.ts';

/** That an application registered itself, and who may change that: whoever has the token. */
export interface ClientRegistrationRow {
  client_id: string;
  /** SHA-256 of the registration access token, hex. */
  token_hash: string;
  created_at: number;
}

declare module '../../database/index.ts' {
  interface Tables {
    client_registrations: ClientRegistrationRow;
  }
}

export const registrationMigrations: Migration[] = [
  {
    name: '0140_client_registrations',
    up: (schema, types) => [
      schema
        .createTable('client_registrations')
        .addColumn('client_id', types.id, (column) => column.primaryKey())
        .addColumn('token_hash', types.id, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull()),
      schema.createIndex('client_registrations_created').on('client_registrations').column('created_at'),
    ],
  },
];
