import type { Migration } from '../../database/index.ts';
import type { Role } from '../../http/index.ts';

export interface InvitationRow {
  id: string;
  workspace_id: string;
  email: string;
  email_key: string;
  role: Role;
  /** SHA-256 of the token in the mail. */
  token_hash: string;
  /** The credential or person who invited. */
  invited_by: string;
  created_at: number;
  expires_at: number;
  accepted_at: number | null;
  revoked_at: number | null;
  /** Its holder said no; `revoked_at` is then the same. */
  declined_at: number | null;
}

declare module '../../database/index.ts' {
  interface Tables {
    invitations: InvitationRow;
  }
}

export const invitationsMigrations: Migration[] = [
  {
    name: '0018_accounts_invitations',
    up: (schema, types) => [
      schema
        .createTable('invitations')
        .addColumn('id', types.id, (column) => column.primaryKey())
        .addColumn('workspace_id', types.id, (column) => column.notNull())
        .addColumn('email', types.text, (column) => column.notNull())
        .addColumn('email_key', types.id, (column) => column.notNull())
        .addColumn('role', types.text, (column) => column.notNull())
        .addColumn('token_hash', types.id, (column) => column.notNull().unique())
        .addColumn('invited_by', types.id, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull())
        .addColumn('expires_at', types.integer, (column) => column.notNull())
        .addColumn('accepted_at', types.integer)
        .addColumn('revoked_at', types.integer),
      schema.createIndex('invitations_workspace').on('invitations').columns(['workspace_id', 'id']),
      schema.createIndex('invitations_email').on('invitations').columns(['email_key', 'id']),
    ],
  },
];

/** Later than those of other domains. */
export const declinedInvitationsMigrations: Migration[] = [
  {
    name: '0150_accounts_declined_invitations',
    up: (schema, types) => [schema.alterTable('invitations').addColumn('declined_at', types.integer)],
  },
];
