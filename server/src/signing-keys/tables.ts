import type { Migration } from '../database/index.ts';
import type { AlgorithmName } from './algorithms.ts';

export interface SigningKeyRow {
  /** RFC 7638 thumbprint of the public key. */
  kid: string;
  algorithm: AlgorithmName;
  state: 'next' | 'active' | 'previous' | 'revoked';
  /** JSON: public members, and nothing else. */
  public_jwk: string;
  /** PKCS #8 PEM under the envelope; null once it signs no more. */
  private_key_sealed: string | null;
  /** When it was made, and from when it is published. */
  created_at: number;
  /** When it began to sign, or is to begin; null while that is open. */
  active_at: number | null;
  /** When it signed no more, whether replaced or revoked. */
  retired_at: number | null;
  /** When every token of its has expired, and the row goes. */
  expires_at: number | null;
}

declare module '../database/index.ts' {
  interface Tables {
    signing_keys: SigningKeyRow;
  }
}

export const signingKeysMigrations: Migration[] = [
  {
    name: '0013_signing_keys',
    up: (schema, types) => [
      schema
        .createTable('signing_keys')
        .addColumn('kid', types.id, (column) => column.primaryKey())
        .addColumn('algorithm', types.text, (column) => column.notNull())
        .addColumn('state', types.text, (column) => column.notNull())
        .addColumn('public_jwk', types.text, (column) => column.notNull())
        .addColumn('private_key_sealed', types.text)
        .addColumn('created_at', types.integer, (column) => column.notNull())
        .addColumn('active_at', types.integer)
        .addColumn('retired_at', types.integer)
        .addColumn('expires_at', types.integer),
      // One of each that signs or is about to: what decides between processes that make or promote a key at once.
      schema
        .createIndex('signing_keys_one')
        .on('signing_keys')
        .columns(['algorithm', 'state'])
        .unique()
        .where('state', 'in', ['next', 'active']),
    ],
  },
];
