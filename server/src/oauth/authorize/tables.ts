import type { Migration } from '../../database/index.ts';

export interface AuthorizationCodeRow {
  /** SHA-256 of its kind and text. */
  code_hash: string;
  client_id: string;
  user_id: string;
  grant_id: string;
  workspace_id: string;
  environment: 'test' | 'live';
  session_id: string;
  /** As the request named it. */
  redirect_uri: string | null;
  /** JSON list. */
  scopes: string;
  audience: string;
  code_challenge: string | null;
  nonce: string | null;
  auth_time: number;
  /** JSON list. */
  methods: string;
  expires_at: number;
  used_at: number | null;
  /** What it gave, so that its second use can end it. */
  family_id: string | null;
  access_token_id: string | null;
  access_token_expires_at: number | null;
}

export interface AuthorizationRequestRow {
  /** SHA-256 of its kind and text. */
  id_hash: string;
  /** SHA-256 of the cookie of the browser that it was made in. */
  browser_hash: string;
  /** JSON: the request as its steps found it. */
  request: string;
  /** The session when it began. */
  session_id: string | null;
  /** Where the person wants it; null: not chosen yet. */
  workspace_id: string | null;
  /** Who was chosen to go on as, where the request asked for that. */
  account_id: string | null;
  created_at: number;
  expires_at: number;
}

declare module '../../database/index.ts' {
  interface Tables {
    authorization_codes: AuthorizationCodeRow;
    authorization_requests: AuthorizationRequestRow;
  }
}

export const authorizeMigrations: Migration[] = [
  {
    name: '0121_oauth_authorization_codes',
    up: (schema, types) => [
      schema
        .createTable('authorization_codes')
        .addColumn('code_hash', types.id, (column) => column.primaryKey())
        .addColumn('client_id', types.id, (column) => column.notNull())
        .addColumn('user_id', types.id, (column) => column.notNull())
        .addColumn('grant_id', types.id, (column) => column.notNull())
        .addColumn('workspace_id', types.id, (column) => column.notNull())
        .addColumn('environment', types.text, (column) => column.notNull())
        .addColumn('session_id', types.id, (column) => column.notNull())
        .addColumn('redirect_uri', types.text)
        .addColumn('scopes', types.text, (column) => column.notNull())
        .addColumn('audience', types.text, (column) => column.notNull())
        .addColumn('code_challenge', types.text)
        .addColumn('nonce', types.text)
        .addColumn('auth_time', types.integer, (column) => column.notNull())
        .addColumn('methods', types.text, (column) => column.notNull())
        .addColumn('expires_at', types.integer, (column) => column.notNull())
        .addColumn('used_at', types.integer)
        .addColumn('family_id', types.id)
        .addColumn('access_token_id', types.id)
        .addColumn('access_token_expires_at', types.integer),
      schema.createIndex('authorization_codes_expiry').on('authorization_codes').column('expires_at'),
    ],
  },
  {
    name: '0122_oauth_authorization_requests',
    up: (schema, types) => [
      schema
        .createTable('authorization_requests')
        .addColumn('id_hash', types.id, (column) => column.primaryKey())
        .addColumn('browser_hash', types.id, (column) => column.notNull())
        .addColumn('request', types.text, (column) => column.notNull())
        .addColumn('session_id', types.id)
        .addColumn('workspace_id', types.id)
        .addColumn('account_id', types.id)
        .addColumn('created_at', types.integer, (column) => column.notNull())
        .addColumn('expires_at', types.integer, (column) => column.notNull()),
      schema.createIndex('authorization_requests_expiry').on('authorization_requests').column('expires_at'),
    ],
  },
];
