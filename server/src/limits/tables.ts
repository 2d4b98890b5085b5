import type { Migration } from '../database/index.ts';
import { quotaMigrations } from './quotas/tables.ts';

/** One bucket of the limits, where PostgreSQL counts them (`decision.ts` says what the numbers mean). */
export interface LimitBucketRow {
  bucket: string;
  window_started_at: number;
  used: number;
  /** Nanoseconds since the window opened. */
  arrival_ns: number;
  /** How many requests the last statement granted: RETURNING shows nothing but the row. */
  granted: number;
}

declare module '../database/index.ts' {
  interface Tables {
    limit_buckets: LimitBucketRow;
  }
}

/** Plans have their own list, from before these. */
export const limitsMigrations: Migration[] = [
  {
    name: '0010_limits_buckets',
    up: (schema, types) => [
      schema
        .createTable('limit_buckets')
        .addColumn('bucket', types.id, (column) => column.primaryKey())
        .addColumn('window_started_at', types.integer, (column) => column.notNull())
        .addColumn('used', types.integer, (column) => column.notNull())
        .addColumn('arrival_ns', types.integer, (column) => column.notNull())
        .addColumn('granted', types.integer, (column) => column.notNull()),
      schema.createIndex('limit_buckets_window').on('limit_buckets').column('window_started_at'),
    ],
  },
  ...quotaMigrations,
];
