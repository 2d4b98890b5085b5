import type { Generated } from 'kysely';
import type { Migration } from '../database/index.ts';

export interface AuditEventRow {
  seq: Generated<number>;
  id: string;
  action: string;
  workspace_id: string | null;
  environment: string | null;
  actor_kind: string;
  actor_id: string | null;
  target_id: string | null;
  request_id: string | null;
  address: string | null;
  /** JSON object; never a secret. */
  data: string;
  created_at: number;
  batch: number | null;
}

export interface AuditBatchRow {
  number: number;
  event_count: number;
  previous_hash: string;
  hash: string;
  signature: string;
  key_id: string;
  sealed_at: number;
}

export interface AuditKeyRow {
  id: string;
  /** SPKI, PEM. */
  public_key: string;
  /** PKCS #8 PEM under the envelope. */
  private_key_sealed: string;
  created_at: number;
}

declare module '../database/index.ts' {
  interface Tables {
    audit_events: AuditEventRow;
    audit_batches: AuditBatchRow;
    audit_keys: AuditKeyRow;
  }
}

export const auditMigrations: Migration[] = [
  {
    name: '0003_audit_log',
    up: (schema, types) => [
      schema
        .createTable('audit_events')
        .addColumn('seq', types.sequence, types.sequenceKey)
        .addColumn('id', types.id, (column) => column.notNull().unique())
        .addColumn('action', types.text, (column) => column.notNull())
        .addColumn('workspace_id', types.id)
        .addColumn('environment', types.text)
        .addColumn('actor_kind', types.text, (column) => column.notNull())
        .addColumn('actor_id', types.id)
        .addColumn('target_id', types.id)
        .addColumn('request_id', types.text)
        .addColumn('address', types.text)
        .addColumn('data', types.text, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull())
        .addColumn('batch', types.integer),
      schema.createIndex('audit_events_workspace').on('audit_events').columns(['workspace_id', 'id']),
      schema.createIndex('audit_events_target').on('audit_events').columns(['target_id', 'id']),
      schema.createIndex('audit_events_batch').on('audit_events').columns(['batch', 'seq']),
      schema
        .createTable('audit_batches')
        .addColumn('number', types.integer, (column) => column.primaryKey())
        .addColumn('event_count', types.integer, (column) => column.notNull())
        .addColumn('previous_hash', types.text, (column) => column.notNull())
        .addColumn('hash', types.text, (column) => column.notNull())
        .addColumn('signature', types.text, (column) => column.notNull())
        .addColumn('key_id', types.text, (column) => column.notNull())
        .addColumn('sealed_at', types.integer, (column) => column.notNull()),
      schema
        .createTable('audit_keys')
        .addColumn('id', types.text, (column) => column.primaryKey())
        .addColumn('public_key', types.text, (column) => column.notNull())
        .addColumn('private_key_sealed', types.text, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull()),
    ],
  },
];
