import type { Migration } from '../database/index.ts';
import type { AlgorithmName } from '../signing-keys/index.ts';

export interface ResourceRow {
  id: string;
  name: string;
  /** Null: the default one's, which follows the issuer. */
  audience: string | null;
  token_format: 'jwt' | 'opaque';
  signing_alg: AlgorithmName;
  access_token_ttl_seconds: number;
  /** JSON array. */
  accepted_audiences: string;
  is_default: number;
  created_at: number;
}

/** Every string that a token may be addressed to stands once in the installation, for one resource. */
export interface ResourceAudienceRow {
  audience: string;
  resource_id: string;
}

declare module '../database/index.ts' {
  interface Tables {
    resources: ResourceRow;
    resource_audiences: ResourceAudienceRow;
  }
}

export const resourcesMigrations: Migration[] = [
  {
    name: '0100_resources',
    up: (schema, types) => [
      schema
        .createTable('resources')
        .addColumn('id', types.id, (column) => column.primaryKey())
        .addColumn('name', types.text, (column) => column.notNull())
        .addColumn('audience', types.id)
        .addColumn('token_format', types.text, (column) => column.notNull())
        .addColumn('signing_alg', types.text, (column) => column.notNull())
        .addColumn('access_token_ttl_seconds', types.integer, (column) => column.notNull())
        .addColumn('accepted_audiences', types.text, (column) => column.notNull())
        .addColumn('is_default', types.integer, (column) => column.notNull())
        .addColumn('created_at', types.integer, (column) => column.notNull()),
      schema
        .createIndex('resources_default')
        .unique()
        .on('resources')
        .column('is_default')
        .where('is_default' as never, '=', 1),
      schema
        .createTable('resource_audiences')
        .addColumn('audience', types.id, (column) => column.primaryKey())
        .addColumn('resource_id', types.id, (column) => column.notNull()),
      schema.createIndex('resource_audiences_resource').on('resource_audiences').column('resource_id'),
    ],
  },
];
