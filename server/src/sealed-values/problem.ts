import type { EncryptionKey, Envelope } from '../crypto/index.ts';
import type { Database } from '../database/index.ts';
import { samplesOf } from './census.ts';
import type { SealedColumn } from './column.ts';
import { countUnder } from './store.ts';

export interface EncryptionKeysProblem {
  problem: string;
  cure: string;
}

const howMany = (count: number) => (count === 1 ? 'one value' : `${count} values`);

/**
 * Why the configured keys are not those of this database: one is missing that values still need, or has other bytes than
 * the one that sealed them. Null when each value can be opened, as far as one of each shows.
 */
export async function encryptionKeysProblem(
  read: Database['read'],
  columns: readonly SealedColumn[],
  { keys, envelope }: { keys: readonly EncryptionKey[]; envelope: Envelope },
): Promise<EncryptionKeysProblem | null> {
  for (const column of columns) {
    for (const { keyId, id, sealed } of await samplesOf(read, column)) {
      if (keyId === '') {
        return {
          problem: `cannot open ${column.table} ${id}: what stands there is no sealed value`,
          cure: 'restore the database from a backup: it is damaged',
        };
      }
      if (!keys.some((key) => key.id === keyId)) {
        const count = howMany(await countUnder(read, column, keyId));
        return {
          problem: `has no key "${keyId}", and ${count} in ${column.table} cannot be read without it`,
          cure: `put the key "${keyId}" back at the end of the list, until \`latchkey secrets status\` says that it can go`,
        };
      }
      try {
        envelope.unseal(sealed, column.context(id));
      } catch {
        return {
          problem: `has a key "${keyId}" that does not open ${column.table} ${id}: it is not the key that sealed it`,
          cure:
            'set it to the keys that this database was used with before, the newest first; in development, put back ' +
            'the file encryption-keys that was in the data dir',
        };
      }
    }
  }
  return null;
}
