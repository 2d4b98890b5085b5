import type { Migration } from '../database/index.ts';
import type { Environment } from '../http/index.ts';
import type { Application, ApplicationType, ClientAuthMethod, IdTokenAlgorithm } from './application.ts';

export interface ApplicationRow {
  /** The `client_id`. */
  id: string;
  /** Null: it registered itself. */
  workspace_id: string | null;
  environment: Environment;
  name: string;
  type: ApplicationType;
  /** JSON array. */
  grant_types: string;
  auth_method: ClientAuthMethod | null;
  /** JSON array. */
  redirect_uris: string;
  /** JSON array. */
  post_logout_redirect_uris: string;
  backchannel_logout_uri: string | null;
  backchannel_logout_session_required: number;
  /** JSON array, as granted. */
  scopes: string;
  /** JSON array of ids of resources; null: those that offer its scopes. */
  resources: string | null;
  require_pkce: number;
  consent: Application['consent'];
  refresh_tokens: Application['refreshTokens'];
  rotates_refresh_tokens: number;
  access_token_ttl_seconds: number | null;
  /** Null: the usual one. */
  id_token_alg: IdTokenAlgorithm | null;
  allows_self_signed_jwt: number;
  /** JSON, public keys. */
  jwks: string | null;
  jwks_uri: string | null;
  client_uri: string | null;
  logo_uri: string | null;
  policy_uri: string | null;
  tos_uri: string | null;
  self_registered: number;
  disabled: number;
  plan: string | null;
  /** JSON, own limits set by the operator. */
  limits: string | null;
  created_by: string;
  created_at: number;
}

export interface ClientSecretRow {
  id: string;
  client_id: string;
  /** SHA-256 of the whole text, hex. */
  secret_hash: string;
  /** The text, for who verifies signatures with it; null where nobody does. */
  secret_sealed: string | null;
  hint: string;
  created_by: string;
  created_at: number;
  expires_at: number | null;
  last_used_at: number | null;
}

/** A client assertion that was used: it proves its client once (RFC 7523 §3). */
export interface ClientAssertionRow {
  client_id: string;
  /** SHA-256 of the `jti`, hex. */
  jti_hash: string;
  /** When no assertion of this `jti` would be believed any more. */
  expires_at: number;
}

declare module '../database/index.ts' {
  interface Tables {
    applications: ApplicationRow;
    client_secrets: ClientSecretRow;
    client_assertions: ClientAssertionRow;
  }
}

export const applicationsMigrations: Migration[] = [
  {
    name: '0101_applications',
    up: (schema, types) => [
      schema
        .createTable('applications')
        .addColumn('id', types.id, (column) => column.primaryKey())
        .addColumn('workspace_id', types.id)
        .addColumn('environment', types.text, (column) => column.notNull())
        .addColumn('name', types.text, (column) => column.notNull())
        .addColumn('type', types.text, (column) => column.notNull())
        .addColumn('grant_types', types.text, (column) => column.notNull())
        .addColumn('auth_method', types.text)
        .addColumn('redirect_uris', types.text, (column) => column.notNull())
        .addColumn('post_logout_redirect_uris', types.text, (column) => column.notNull())
        .addColumn('scopes', types.text, (column) => column.notNull())
        .addColumn('resources', types.text)
        .addColumn('require_pkce', types.integer, (column) => column.notNull())
        .addColumn('consent', types.text, (column) => column.notNull())
        .addColumn('refresh_tokens', types.text, (column) => column.notNull())
        .addColumn('rotates_refresh_tokens', types.integer, (column) => column.notNull())
        .addColumn('access_token_ttl_seconds', types.integer)
        .addColumn('allows_self_signed_jwt', types.integer, (column) => column.notNull())
        .addColumn('jwks', types.text)
        .addColumn('jwks_uri', types.text)
        .addColumn('client_uri', types.text)
        .addColumn('logo_uri', types.text)
        .addColumn('policy_uri', types.text)
        .addColumn('tos_uri', types.text)
        .addColumn('self_registered', types.integer, (column) => column.notNull())
        .addColumn('disabled', types.integer, (column) => column.notNull())
        .addColumn('plan', types.text)
        .addColumn('limits', types.text)
        .addColumn('created_by', types.id, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull()),
      schema.createIndex('applications_workspace').on('applications').columns(['workspace_id', 'environment', 'id']),
      schema
        .createTable('client_secrets')
        .addColumn('id', types.id, (column) => column.primaryKey())
        .addColumn('client_id', types.id, (column) => column.notNull())
        .addColumn('secret_hash', types.id, (column) => column.notNull())
        .addColumn('secret_sealed', types.text)
        .addColumn('hint', types.text, (column) => column.notNull())
        .addColumn('created_by', types.id, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull())
        .addColumn('expires_at', types.integer)
        .addColumn('last_used_at', types.integer),
      schema.createIndex('client_secrets_client').on('client_secrets').columns(['client_id', 'id']),
      schema
        .createTable('client_assertions')
        .addColumn('client_id', types.id, (column) => column.notNull())
        .addColumn('jti_hash', types.id, (column) => column.notNull())
        .addColumn('expires_at', types.integer, (column) => column.notNull())
        .addPrimaryKeyConstraint('client_assertions_key', ['client_id', 'jti_hash']),
      schema.createIndex('client_assertions_expiry').on('client_assertions').column('expires_at'),
    ],
  },
];

export const idTokenMigrations: Migration[] = [
  {
    name: '0141_applications_id_token_alg',
    up: (schema, types) => [schema.alterTable('applications').addColumn('id_token_alg', types.text)],
  },
];

export const backChannelLogoutMigrations: Migration[] = [
  {
    name: '0142_applications_backchannel_logout',
    up: (schema, types) => [
      schema.alterTable('applications').addColumn('backchannel_logout_uri', types.text),
      schema
        .alterTable('applications')
        .addColumn('backchannel_logout_session_required', types.integer, (column) => column.notNull().defaultTo(0)),
    ],
  },
];
