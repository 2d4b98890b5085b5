import type { Migration } from '../database/index.ts';

export interface JobLeaseRow {
  name: string;
  holder: string;
  expires_at: number;
}

declare module '../database/index.ts' {
  interface Tables {
    job_leases: JobLeaseRow;
  }
}

export const jobsMigrations: Migration[] = [
  {
    name: '0002_jobs_leases',
    up: (schema, types) => [
      schema
        .createTable('job_leases')
        .addColumn('name', types.text, (column) => column.primaryKey())
        .addColumn('holder', types.text, (column) => column.notNull())
        .addColumn('expires_at', types.integer, (column) => column.notNull()),
    ],
  },
];
