import type { Database } from '../database/index.ts';
import { keyIdOf, type SealedColumn } from './column.ts';
import { countUnder, valuesUnderOthers } from './store.ts';

/** How many values of one table need one encryption key. */
export interface KeyNeed {
  keyId: string;
  table: string;
  values: number;
}

/** The first value under each key. */
export async function samplesOf(read: Database['read'], column: SealedColumn) {
  const samples: { keyId: string; id: string; sealed: string }[] = [];
  for (;;) {
    const keyIds = samples.map(({ keyId }) => keyId);
    // All before it name one of these keys. So the search ends, also where a text names none.
    const afterId = samples.at(-1)?.id ?? '';
    const [value] = await valuesUnderOthers(read, column, { keyIds, afterId, limit: 1 });
    if (!value) return samples;
    samples.push({ keyId: keyIdOf(value.sealed), ...value });
  }
}

/** Which keys the database needs, and for how much; nothing for a table that seals nothing. */
export async function keyNeeds(read: Database['read'], columns: readonly SealedColumn[]): Promise<KeyNeed[]> {
  const needs: KeyNeed[] = [];
  for (const column of columns) {
    for (const { keyId } of await samplesOf(read, column)) {
      needs.push({ keyId, table: column.table, values: await countUnder(read, column, keyId) });
    }
  }
  return needs;
}
