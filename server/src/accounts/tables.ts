import type { Migration } from '../database/index.ts';
import type { Role } from '../http/index.ts';

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
  /** 1: who has no second factor cannot act in it. */
  require_second_factor: number;
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
  state: 'active' | 'disabled';
  /** The workspace that made the account; null: the person did, or the operator. */
  created_in: string | null;
}

export interface MemberRow {
  id: string;
  workspace_id: string;
  user_id: string;
  role: Role;
  created_at: number;
  /** The workspace's own id for the person. */
  external_id: string | null;
  /** JSON object: what the workspace notes about the person. */
  metadata: string;
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
  {
    name: '0013_accounts_profiles',
    up: (schema, types) => [
      schema
        .alterTable('workspaces')
        .addColumn('require_second_factor', types.integer, (column) => column.notNull().defaultTo(0)),
      schema.alterTable('users').addColumn('state', types.text, (column) => column.notNull().defaultTo('active')),
      schema.alterTable('users').addColumn('created_in', types.id),
      schema.alterTable('members').addColumn('external_id', types.id),
      schema.alterTable('members').addColumn('metadata', types.text, (column) => column.notNull().defaultTo('{}')),
      schema.createIndex('members_external').unique().on('members').columns(['workspace_id', 'external_id']),
      schema.createIndex('members_user').on('members').column('user_id'),
    ],
  },
];
