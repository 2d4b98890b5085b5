import type { Migration } from '../database/index.ts';

/** How often a key was used in one minute, from one address, on one route, with one outcome. */
export interface KeyActivityRow {
  key_id: string;
  /** Start of the minute, milliseconds. */
  minute: number;
  route: string;
  address: string;
  outcome: string;
  count: number;
}

declare module '../database/index.ts' {
  interface Tables {
    key_activity: KeyActivityRow;
  }
}

export const insightsMigrations: Migration[] = [
  {
    name: '0011_insights_key_activity',
    up: (schema, types) => [
      schema
        .createTable('key_activity')
        .addColumn('key_id', types.id, (column) => column.notNull())
        .addColumn('minute', types.integer, (column) => column.notNull())
        .addColumn('route', types.id, (column) => column.notNull())
        .addColumn('address', types.id, (column) => column.notNull())
        .addColumn('outcome', types.id, (column) => column.notNull())
        .addColumn('count', types.integer, (column) => column.notNull())
        .addPrimaryKeyConstraint('key_activity_pk', ['key_id', 'minute', 'route', 'address', 'outcome']),
      schema.createIndex('key_activity_minute').on('key_activity').column('minute'),
    ],
  },
];
