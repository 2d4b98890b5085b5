import type { Migration } from '../database/index.ts';

export interface WorkspaceRow {
  id: string;
  name: string;
  state: 'active' | 'suspended';
  external_id: string | null;
  /** JSON object. */
  metadata: string;
  plan: string | null;
  /** JSON, own limits set by the operator; null: those of the plan. */
  limits: string | null;
  /** 1: all its credentials share one bucket. */
  pooled: number;
  created_at: number;
}

export interface UserRow {
  id: string;
  /** As typed, trimmed. */
  email: string;
  /** Lower case: what is unique and looked up. */
  email_key: string;
  email_verified: number;
  /** PHC string, argon2id. */
  password_hash: string | null;
  name: string | null;
  created_at: number;
}

export interface MemberRow {
  id: string;
  workspace_id: string;
  user_id: string;
  role: 'owner' | 'admin' | 'developer' | 'viewer';
  created_at: number;
}

/** Facts of which an installation has one, such as its first workspace. */
export interface InstallationRow {
  name: string;
  value: string;
  created_at: number;
}

declare module '../database/index.ts' {
  interface Tables {
    workspaces: WorkspaceRow;
    users: UserRow;
    members: MemberRow;
    installation: InstallationRow;
  }
}

export const accountsMigrations: Migration[] = [
  {
    name: '0005_accounts_people',
    up: (schema, types) => [
      schema
        .createTable('workspaces')
        .addColumn('id', types.id, (column) => column.primaryKey())
        .addColumn('name', types.text, (column) => column.notNull())
        .addColumn('state', types.text, (column) => column.notNull())
        .addColumn('external_id', types.id, (column) => column.unique())
        .addColumn('metadata', types.text, (column) => column.notNull())
        .addColumn('plan', types.text)
        .addColumn('limits', types.text)
        .addColumn('pooled', types.integer, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull()),
      schema
        .createTable('users')
        .addColumn('id', types.id, (column) => column.primaryKey())
        .addColumn('email', types.text, (column) => column.notNull())
        .addColumn('email_key', types.text, (column) => column.notNull().unique())
        .addColumn('email_verified', types.integer, (column) => column.notNull())
        .addColumn('password_hash', types.text)
        .addColumn('name', types.text)
        .addColumn('created_at', types.integer, (column) => column.notNull()),
      schema
        .createTable('members')
        .addColumn('id', types.id, (column) => column.primaryKey())
        .addColumn('workspace_id', types.id, (column) => column.notNull().references('workspaces.id'))
        .addColumn('user_id', types.id, (column) => column.notNull().references('users.id'))
        .addColumn('role', types.text, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull())
        .addUniqueConstraint('members_once', ['workspace_id', 'user_id']),
      schema
        .createTable('installation')
        .addColumn('name', types.text, (column) => column.primaryKey())
        .addColumn('value', types.text, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull()),
    ],
  },
];
