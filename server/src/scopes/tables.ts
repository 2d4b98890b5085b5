import type { Migration } from '../database/index.ts';

export interface ScopeRow {
  name: string;
  description: string;
  /** JSON array of names. */
  implies: string;
  sensitive: number;
  kind: 'product' | 'management' | 'identity';
  /** The resource that it belongs to; null: the default one. */
  resource: string | null;
  created_at: number;
}

declare module '../database/index.ts' {
  interface Tables {
    scopes: ScopeRow;
  }
}

export const scopesMigrations: Migration[] = [
  {
    name: '0008_scopes_catalogue',
    up: (schema, types) => [
      schema
        .createTable('scopes')
        .addColumn('name', types.id, (column) => column.primaryKey())
        .addColumn('description', types.text, (column) => column.notNull())
        .addColumn('implies', types.text, (column) => column.notNull())
        .addColumn('sensitive', types.integer, (column) => column.notNull())
        .addColumn('kind', types.text, (column) => column.notNull())
        .addColumn('resource', types.text)
        .addColumn('created_at', types.integer, (column) => column.notNull()),
    ],
  },
];
