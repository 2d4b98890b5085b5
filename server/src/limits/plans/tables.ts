import type { Migration } from '../../database/index.ts';

export interface PlanRow {
  name: string;
  offered: number;
  /** JSON: `{api_key: {per_hour, per_second}, …}`. */
  limits: string;
  created_at: number;
}

declare module '../../database/index.ts' {
  interface Tables {
    plans: PlanRow;
  }
}

export const planMigrations: Migration[] = [
  {
    name: '0009_limits_plans',
    up: (schema, types) => [
      schema
        .createTable('plans')
        .addColumn('name', types.id, (column) => column.primaryKey())
        .addColumn('offered', types.integer, (column) => column.notNull())
        .addColumn('limits', types.text, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull()),
    ],
  },
];
