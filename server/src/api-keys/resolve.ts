import type { ScopeCatalogue } from '@latchkey/protocol';
import { sha256Hex } from '../crypto/index.ts';
import type { Database } from '../database/index.ts';
import { type Changes, createRecordCache } from '../shared-state/index.ts';
import { type KeyRecord, toKeyRecord } from './key.ts';
import { keyByHash } from './store.ts';

/** From a presented text to what is known of the key. */
export interface KeyResolver {
  /** The record, if it is in memory: no await, no database. */
  peek(text: string): KeyRecord | undefined;
  /** The record from memory or by one indexed read; null when there is no such key. */
  find(text: string): Promise<KeyRecord | null>;
  /** Forgets all records: what they were made with (scopes, plans) has changed. */
  forget(): void;
}

export interface KeyResolverOptions {
  database: Database;
  changes: Changes;
  catalogue: ScopeCatalogue;
  issuer(): string;
}

const MAX_RECORDS = 100_000;

export function createKeyResolver({ database, changes, catalogue, issuer }: KeyResolverOptions): KeyResolver {
  const cache = createRecordCache<KeyRecord>({
    changes,
    maxEntries: MAX_RECORDS,
    refsOf: ({ id }) => [`api_key:${id}`],
    load: async (hash) => {
      const row = await keyByHash(database.read, hash);
      return row ? toKeyRecord(row, catalogue, issuer()) : null;
    },
  });
  return {
    peek: (text) => cache.peek(sha256Hex(text)),
    find: (text) => cache.fetch(sha256Hex(text)),
    forget: cache.clear,
  };
}
