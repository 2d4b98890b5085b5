import type { Migration } from '../database/index.ts';

export interface SandboxRow {
  id: string;
  kind: 'project' | 'order';
  workspace_id: string;
  environment: 'test' | 'live';
  /** The principal that made it: what the `own` scopes ask for. */
  owner: string;
  /** JSON object: the fields of its kind. */
  body: string;
  created_at: number;
}

declare module '../database/index.ts' {
  interface Tables {
    sandbox_rows: SandboxRow;
  }
}

export const sandboxMigrations: Migration[] = [
  {
    name: '0007_sandbox_rows',
    up: (schema, types) => [
      schema
        .createTable('sandbox_rows')
        .addColumn('id', types.id, (column) => column.primaryKey())
        .addColumn('kind', types.text, (column) => column.notNull())
        .addColumn('workspace_id', types.id, (column) => column.notNull())
        .addColumn('environment', types.text, (column) => column.notNull())
        .addColumn('owner', types.id, (column) => column.notNull())
        .addColumn('body', types.text, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull()),
      schema
        .createIndex('sandbox_rows_place')
        .on('sandbox_rows')
        .columns(['workspace_id', 'environment', 'kind', 'id']),
    ],
  },
];
