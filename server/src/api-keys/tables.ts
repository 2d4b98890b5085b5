import type { Migration } from '../database/index.ts';

export interface ApiKeyRow {
  id: string;
  workspace_id: string;
  environment: 'test' | 'live';
  type: 'secret' | 'restricted';
  name: string;
  /** SHA-256 of the whole text, hex. */
  secret_hash: string;
  hint: string;
  /** JSON array, as granted. */
  scopes: string;
  owner: string | null;
  external_id: string | null;
  /** JSON object. */
  metadata: string;
  created_by: string;
  created_at: number;
  expires_at: number | null;
  /** A duration such as 90d, as given: a reminder, nothing more. */
  rotate_after: string | null;
  last_used_at: number | null;
  revoked_at: number | null;
  revoke_reason: string | null;
}

declare module '../database/index.ts' {
  interface Tables {
    api_keys: ApiKeyRow;
  }
}

export const apiKeysMigrations: Migration[] = [
  {
    name: '0006_api_keys',
    up: (schema, types) => [
      schema
        .createTable('api_keys')
        .addColumn('id', types.id, (column) => column.primaryKey())
        .addColumn('workspace_id', types.id, (column) => column.notNull())
        .addColumn('environment', types.text, (column) => column.notNull())
        .addColumn('type', types.text, (column) => column.notNull())
        .addColumn('name', types.text, (column) => column.notNull())
        .addColumn('secret_hash', types.id, (column) => column.notNull().unique())
        .addColumn('hint', types.text, (column) => column.notNull())
        .addColumn('scopes', types.text, (column) => column.notNull())
        .addColumn('owner', types.id)
        .addColumn('external_id', types.id)
        .addColumn('metadata', types.text, (column) => column.notNull())
        .addColumn('created_by', types.id, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull())
        .addColumn('expires_at', types.integer)
        .addColumn('rotate_after', types.text)
        .addColumn('last_used_at', types.integer)
        .addColumn('revoked_at', types.integer)
        .addColumn('revoke_reason', types.text),
      schema.createIndex('api_keys_workspace').on('api_keys').columns(['workspace_id', 'environment', 'id']),
      schema
        .createIndex('api_keys_external')
        .unique()
        .on('api_keys')
        .columns(['workspace_id', 'external_id'])
        .where('external_id' as never, 'is not', null),
    ],
  },
];
