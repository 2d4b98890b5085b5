import type { Migration } from '../database/index.ts';
import type { Environment } from '../http/index.ts';

export interface TrustedIssuerRow {
  id: string;
  workspace_id: string;
  environment: Environment;
  /** Compared byte for byte. */
  issuer: string;
  /** Empty: tokens without `aud`. */
  audience: string;
  /** One of the three is set. */
  jwks_uri: string | null;
  /** JSON object. */
  jwks: string | null;
  secret_sealed: string | null;
  /** JSON array. */
  algorithms: string;
  /** JSON array: the most that its tokens may do. */
  scopes: string;
  /** Null: `scope` and `scopes`. */
  scope_claim: string | null;
  /** Null: the resource with that audience, else the default one. */
  resource_id: string | null;
  created_by: string;
  created_at: number;
}

export interface UsedAssertionRow {
  /** SHA-256 over who issued it and its `jti`. */
  digest: string;
  /** When no verifier would accept it any more. */
  expires_at: number;
}

declare module '../database/index.ts' {
  interface Tables {
    trusted_issuers: TrustedIssuerRow;
    used_assertions: UsedAssertionRow;
  }
}

export const trustedIssuersMigrations: Migration[] = [
  {
    name: '0110_trusted_issuers',
    up: (schema, types) => [
      schema
        .createTable('trusted_issuers')
        .addColumn('id', types.id, (column) => column.primaryKey())
        .addColumn('workspace_id', types.id, (column) => column.notNull())
        .addColumn('environment', types.text, (column) => column.notNull())
        .addColumn('issuer', types.id, (column) => column.notNull())
        .addColumn('audience', types.id, (column) => column.notNull())
        .addColumn('jwks_uri', types.text)
        .addColumn('jwks', types.text)
        .addColumn('secret_sealed', types.text)
        .addColumn('algorithms', types.text, (column) => column.notNull())
        .addColumn('scopes', types.text, (column) => column.notNull())
        .addColumn('scope_claim', types.text)
        .addColumn('resource_id', types.id)
        .addColumn('created_by', types.text, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull()),
      schema.createIndex('trusted_issuers_issuer').unique().on('trusted_issuers').columns(['issuer', 'audience']),
      schema.createIndex('trusted_issuers_workspace').on('trusted_issuers').columns(['workspace_id', 'id']),
      schema
        .createTable('used_assertions')
        .addColumn('digest', types.id, (column) => column.primaryKey())
        .addColumn('expires_at', types.integer, (column) => column.notNull()),
      schema.createIndex('used_assertions_expiry').on('used_assertions').column('expires_at'),
    ],
  },
];
