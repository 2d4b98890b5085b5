import type { Migration } from '../database/index.ts';

export interface ApiKeyRow {
  id: string;
  workspace_id: string;
  environment: 'test' | 'live';
  type: 'secret' | 'restricted';
  name: string;
  /** SHA-256 of the whole text, hex; for an imported slow hash not yet used, a value that no text has. */
  secret_hash: string;
  /** bcrypt or argon2 of an imported key, until its first use; else null. */
  slow_hash: string | null;
  /** What the text of a key with a slow hash begins with; unique. */
  lookup_prefix: string | null;
  hint: string;
  /** JSON array, as granted. */
  scopes: string;
  owner: string | null;
  external_id: string | null;
  /** JSON object. */
  metadata: string;
  /** JSON array of CIDRs, or null: from anywhere. */
  ip_allowlist: string | null;
  plan: string | null;
  /** JSON, own limits set by the operator. */
  limits: string | null;
  /** JSON: `{limit, period}`. */
  quota: string | null;
  /** Whose count this key spends: the id of the first key of its rotation chain. */
  bucket: string;
  /** 1: sees every workspace (operators' servers). */
  all_workspaces: number;
  disabled: number;
  created_by: string;
  created_at: number;
  expires_at: number | null;
  /** A duration such as 90d, as given: a reminder, nothing more. */
  rotate_after: string | null;
  last_used_at: number | null;
  revoked_at: number | null;
  revoke_reason: string | null;
  successor_id: string | null;
  predecessor_id: string | null;
  /** The credential that rotated the predecessor, and so saw this key's text. */
  rotated_by: string | null;
  /** When it was deleted, where others descend from it: kept for its links alone. */
  deleted_at: number | null;
  /** When the predecessor's overlap ends. */
  predecessor_expires_at: number | null;
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
        .addColumn('slow_hash', types.text)
        .addColumn('lookup_prefix', types.id, (column) => column.unique())
        .addColumn('hint', types.text, (column) => column.notNull())
        .addColumn('scopes', types.text, (column) => column.notNull())
        .addColumn('owner', types.id)
        .addColumn('external_id', types.id)
        .addColumn('metadata', types.text, (column) => column.notNull())
        .addColumn('ip_allowlist', types.text)
        .addColumn('plan', types.text)
        .addColumn('limits', types.text)
        .addColumn('quota', types.text)
        .addColumn('bucket', types.id, (column) => column.notNull())
        .addColumn('all_workspaces', types.integer, (column) => column.notNull())
        .addColumn('disabled', types.integer, (column) => column.notNull())
        .addColumn('created_by', types.id, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull())
        .addColumn('expires_at', types.integer)
        .addColumn('rotate_after', types.text)
        .addColumn('last_used_at', types.integer)
        .addColumn('revoked_at', types.integer)
        .addColumn('revoke_reason', types.text)
        .addColumn('successor_id', types.id)
        .addColumn('predecessor_id', types.id)
        .addColumn('rotated_by', types.id)
        .addColumn('deleted_at', types.integer)
        .addColumn('predecessor_expires_at', types.integer),
      schema.createIndex('api_keys_workspace').on('api_keys').columns(['workspace_id', 'environment', 'id']),
      schema.createIndex('api_keys_created_by').on('api_keys').column('created_by'),
      schema.createIndex('api_keys_rotated_by').on('api_keys').column('rotated_by'),
      schema
        .createIndex('api_keys_external')
        .unique()
        .on('api_keys')
        .columns(['workspace_id', 'external_id'])
        .where('external_id' as never, 'is not', null)
        .where('successor_id' as never, 'is', null),
    ],
  },
];
