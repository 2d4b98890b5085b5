import type { Migration } from '../../database/index.ts';

/** What all processes together have reserved of one quota in one calendar period. It says nothing of the limit. */
export interface QuotaUsageRow {
  bucket: string;
  period: string;
  /** 0 for a quota over the bucket's whole life. */
  period_start: number;
  /** Never more than the limit that held at that moment; what is reserved and not yet served is in a process's memory. */
  reserved: number;
}

declare module '../../database/index.ts' {
  interface Tables {
    quota_usage: QuotaUsageRow;
  }
}

export const quotaMigrations: Migration[] = [
  {
    name: '0010_limits_quotas',
    up: (schema, types) => [
      schema
        .createTable('quota_usage')
        .addColumn('bucket', types.id, (column) => column.notNull())
        .addColumn('period', types.text, (column) => column.notNull())
        .addColumn('period_start', types.integer, (column) => column.notNull())
        .addColumn('reserved', types.integer, (column) => column.notNull())
        .addPrimaryKeyConstraint('quota_usage_key', ['bucket', 'period', 'period_start']),
      schema.createIndex('quota_usage_period').on('quota_usage').columns(['period', 'period_start']),
    ],
  },
];
