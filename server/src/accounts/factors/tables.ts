import type { Migration } from '../../database/index.ts';

export interface TotpRow {
  user_id: string;
  secret_sealed: string;
  /** The last time step that was accepted; no step up to it is accepted again. */
  last_step: number;
  created_at: number;
  /** Null until a first code has shown that the app has the secret. */
  confirmed_at: number | null;
}

export interface BackupCodeRow {
  user_id: string;
  code_hash: string;
  created_at: number;
  used_at: number | null;
}

export interface PasskeyRow {
  id: string;
  user_id: string;
  /** As the authenticator names it, base64url. */
  credential_id: string;
  /** COSE, base64url. */
  public_key: string;
  counter: number;
  /** JSON list. */
  transports: string;
  name: string;
  /** 1: kept by a provider on several devices. */
  backed_up: number;
  created_at: number;
  last_used_at: number | null;
  /** When its counter went back: a copy may be about. */
  flagged_at: number | null;
}

export type ChallengeKind =
  | 'second_factor'
  | 'passkey_registration'
  | 'passkey_sign_in'
  | 'passkey_second_factor'
  | 'passkey_proof';

export interface ChallengeRow {
  /** SHA-256 of kind and text. */
  hash: string;
  kind: ChallengeKind;
  user_id: string | null;
  /** The session, or the second-factor challenge, that it belongs to. */
  bound_to: string | null;
  /** JSON list: what was proved already. */
  methods: string;
  attempts: number;
  created_at: number;
  expires_at: number;
}

declare module '../../database/index.ts' {
  interface Tables {
    totp_factors: TotpRow;
    backup_codes: BackupCodeRow;
    passkeys: PasskeyRow;
    challenges: ChallengeRow;
  }
}

export const factorsMigrations: Migration[] = [
  {
    name: '0017_accounts_factors',
    up: (schema, types) => [
      schema
        .createTable('totp_factors')
        .addColumn('user_id', types.id, (column) => column.primaryKey())
        .addColumn('secret_sealed', types.text, (column) => column.notNull())
        .addColumn('last_step', types.integer, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull())
        .addColumn('confirmed_at', types.integer),
      schema
        .createTable('backup_codes')
        .addColumn('user_id', types.id, (column) => column.notNull())
        .addColumn('code_hash', types.id, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull())
        .addColumn('used_at', types.integer)
        .addPrimaryKeyConstraint('backup_codes_key', ['user_id', 'code_hash']),
      schema
        .createTable('passkeys')
        .addColumn('id', types.id, (column) => column.primaryKey())
        .addColumn('user_id', types.id, (column) => column.notNull())
        .addColumn('credential_id', types.id, (column) => column.notNull().unique())
        .addColumn('public_key', types.text, (column) => column.notNull())
        .addColumn('counter', types.integer, (column) => column.notNull())
        .addColumn('transports', types.text, (column) => column.notNull())
        .addColumn('name', types.text, (column) => column.notNull())
        .addColumn('backed_up', types.integer, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull())
        .addColumn('last_used_at', types.integer)
        .addColumn('flagged_at', types.integer),
      schema.createIndex('passkeys_user').on('passkeys').columns(['user_id', 'id']),
      schema
        .createTable('challenges')
        .addColumn('hash', types.id, (column) => column.primaryKey())
        .addColumn('kind', types.text, (column) => column.notNull())
        .addColumn('user_id', types.id)
        .addColumn('bound_to', types.id)
        .addColumn('methods', types.text, (column) => column.notNull())
        .addColumn('attempts', types.integer, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull())
        .addColumn('expires_at', types.integer, (column) => column.notNull()),
      schema.createIndex('challenges_expiry').on('challenges').column('expires_at'),
    ],
  },
];
