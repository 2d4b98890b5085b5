import type { Migration } from '../../database/index.ts';

export interface GrantRow {
  id: string;
  user_id: string;
  client_id: string;
  workspace_id: string;
  environment: 'test' | 'live';
  audience: string;
  /** JSON list, as allowed. */
  scopes: string;
  /** JSON list: redirect URIs that were consented to. */
  redirects: string;
  created_at: number;
  updated_at: number;
  last_used_at: number | null;
  revoked_at: number | null;
}

declare module '../../database/index.ts' {
  interface Tables {
    grants: GrantRow;
  }
}

const PLACE = ['user_id', 'client_id', 'workspace_id', 'audience'] as const;

export const consentMigrations: Migration[] = [
  {
    name: '0120_oauth_grants',
    up: (schema, types) => [
      schema
        .createTable('grants')
        .addColumn('id', types.id, (column) => column.primaryKey())
        .addColumn('user_id', types.id, (column) => column.notNull())
        .addColumn('client_id', types.id, (column) => column.notNull())
        .addColumn('workspace_id', types.id, (column) => column.notNull())
        .addColumn('environment', types.text, (column) => column.notNull())
        .addColumn('audience', types.id, (column) => column.notNull())
        .addColumn('scopes', types.text, (column) => column.notNull())
        .addColumn('redirects', types.text, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull())
        .addColumn('updated_at', types.integer, (column) => column.notNull())
        .addColumn('last_used_at', types.integer)
        .addColumn('revoked_at', types.integer),
      schema
        .createIndex('grants_live')
        .unique()
        .on('grants')
        .columns([...PLACE])
        // Kysely lets an index name only its own columns here; the databases do not.
        .where('revoked_at' as 'user_id', 'is', null),
      schema.createIndex('grants_workspace').on('grants').columns(['workspace_id', 'id']),
      schema.createIndex('grants_client').on('grants').column('client_id'),
      schema.createIndex('grants_revoked').on('grants').column('revoked_at'),
    ],
  },
];
