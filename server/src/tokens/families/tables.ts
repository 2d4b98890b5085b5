import type { Migration } from '../../database/index.ts';
import type { AlgorithmName } from '../../signing-keys/index.ts';

export interface RefreshFamilyRow {
  id: string;
  /** What finds the family of a presented token. */
  handle_hash: string;
  /** Of the token that works now. */
  current_hash: string;
  /** Of the one before, while it may be presented again; null before the first rotation. */
  parent_hash: string | null;
  /** Random: with the parent's text it gives the current one, and alone it gives nothing. */
  nonce: string | null;
  rotated_at: number | null;
  /** `each_use`: every refresh gives another token; `none`: the same one stays. */
  rotation: 'each_use' | 'none';
  client_id: string;
  /** Null when an application speaks for itself. */
  user_id: string | null;
  workspace_id: string;
  environment: 'test' | 'live';
  audience: string;
  /** JSON array, as granted. */
  scopes: string;
  grant_id: string | null;
  session_id: string | null;
  /** Thumbprint of the key that it is bound to (RFC 9449 §5). */
  bound_key: string | null;
  /** 0: what the resource says. */
  access_ttl_seconds: number;
  /** Empty: what the resource says. */
  algorithm: AlgorithmName | '';
  /** JSON object: further claims of its access tokens. */
  extra_claims: string;
  created_at: number;
  idle_ms: number;
  /** When it ends by not being used; moves with each use, never past `ends_at`. */
  expires_at: number;
  ends_at: number;
  revoked_at: number | null;
  revoke_reason: string | null;
}

declare module '../../database/index.ts' {
  interface Tables {
    refresh_families: RefreshFamilyRow;
  }
}

export const familiesMigrations: Migration[] = [
  {
    name: '0015_tokens_families',
    up: (schema, types) => [
      schema
        .createTable('refresh_families')
        .addColumn('id', types.id, (column) => column.primaryKey())
        .addColumn('handle_hash', types.id, (column) => column.notNull().unique())
        .addColumn('current_hash', types.text, (column) => column.notNull())
        .addColumn('parent_hash', types.text)
        .addColumn('nonce', types.text)
        .addColumn('rotated_at', types.integer)
        .addColumn('rotation', types.text, (column) => column.notNull())
        .addColumn('client_id', types.id, (column) => column.notNull())
        .addColumn('user_id', types.id)
        .addColumn('workspace_id', types.id, (column) => column.notNull())
        .addColumn('environment', types.text, (column) => column.notNull())
        .addColumn('audience', types.text, (column) => column.notNull())
        .addColumn('scopes', types.text, (column) => column.notNull())
        .addColumn('grant_id', types.id)
        .addColumn('session_id', types.id)
        .addColumn('bound_key', types.text)
        .addColumn('access_ttl_seconds', types.integer, (column) => column.notNull())
        .addColumn('algorithm', types.text, (column) => column.notNull())
        .addColumn('extra_claims', types.text, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull())
        .addColumn('idle_ms', types.integer, (column) => column.notNull())
        .addColumn('expires_at', types.integer, (column) => column.notNull())
        .addColumn('ends_at', types.integer, (column) => column.notNull())
        .addColumn('revoked_at', types.integer)
        .addColumn('revoke_reason', types.text),
      ...['client_id', 'user_id', 'grant_id', 'session_id', 'expires_at'].map((column) =>
        schema.createIndex(`refresh_families_${column}`).on('refresh_families').column(column),
      ),
    ],
  },
];
