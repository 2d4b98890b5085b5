import type { Generated } from 'kysely';
import type { Migration } from '../database/index.ts';

export interface ChangeRow {
  seq: Generated<number>;
  kind: string;
  ref: string;
  changed_at: number;
}

declare module '../database/index.ts' {
  interface Tables {
    changes: ChangeRow;
  }
}

export const sharedStateMigrations: Migration[] = [
  {
    name: '0001_shared_state_changes',
    up: (schema, types) => [
      schema
        .createTable('changes')
        .addColumn('seq', types.sequence, types.sequenceKey)
        .addColumn('kind', types.text, (column) => column.notNull())
        .addColumn('ref', types.id, (column) => column.notNull())
        .addColumn('changed_at', types.integer, (column) => column.notNull()),
      schema.createIndex('changes_changed_at').on('changes').column('changed_at'),
    ],
  },
];
