import type { Clock } from '../clock.ts';
import type { Envelope } from '../crypto/index.ts';
import type { Database } from '../database/index.ts';
import type { SealedColumn } from './column.ts';
import { replaceSealed, type SealedValue, valuesUnderOthers } from './store.ts';

/** One pass over all tables. */
export interface Rewrapped {
  /** Values that are under the first key now, by table. */
  byTable: Record<string, number>;
  /** Values that could not be opened; each was told. */
  failed: number;
}

export interface RewrapOptions {
  database: Database;
  clock: Clock;
  envelope: Envelope;
  columns: readonly SealedColumn[];
  /** A batch is on disk. */
  onBatch(table: string, values: number): void;
  onFailed(table: string, id: string, error: unknown): void;
  /** A pass is over, in which something was to be done. */
  onPass(pass: Rewrapped): void;
}

/** One short transaction: requests go on between two of them. */
const BATCH = 50;
/** Of one run of the job, so that a server that stops does not wait for a long pass. */
const BATCHES_A_RUN = 10;
/** Between two passes: another process may still write under an older key. */
const REST_MS = 3_600_000;

interface Position {
  column: number;
  afterId: string;
}

const START: Position = { column: 0, afterId: '' };

function wrapAnew({ envelope, onFailed }: RewrapOptions, column: SealedColumn, value: SealedValue): string | null {
  try {
    const context = column.context(value.id);
    return envelope.seal(envelope.unseal(value.sealed, context), context);
  } catch (error) {
    onFailed(column.table, value.id, error);
    return null;
  }
}

/** Does one batch. Returns where the next one begins; null when this was the end. */
async function rewrapBatch(options: RewrapOptions, { column: at, afterId }: Position, pass: Rewrapped) {
  const column = options.columns[at];
  if (!column) return null;
  const { database, envelope } = options;
  const keyIds = [envelope.primaryKey().id];
  const values = await valuesUnderOthers(database.read, column, { keyIds, afterId, limit: BATCH });
  const last = values.at(-1);
  if (!last) return { column: at + 1, afterId: '' };
  const anew = values.map((value) => ({ value, resealed: wrapAnew(options, column, value) }));
  const replaced = await database.write(async (tx) => {
    let count = 0;
    for (const { value, resealed } of anew) {
      if (resealed !== null && (await replaceSealed(tx, column, value, resealed))) count += 1;
    }
    return count;
  });
  pass.failed += anew.filter(({ resealed }) => resealed === null).length;
  pass.byTable[column.table] = (pass.byTable[column.table] ?? 0) + replaced;
  if (replaced > 0) options.onBatch(column.table, replaced);
  return { column: at, afterId: last.id };
}

/**
 * A job that brings every sealed value under the first key, a few batches a run, then rests. A value is replaced only
 * where it is still what was read, so it may run anywhere, twice at once, and end at any moment: what is left is left
 * for the next run.
 */
export function createRewrapper(options: RewrapOptions): () => Promise<void> {
  let position = START;
  let pass: Rewrapped = { byTable: {}, failed: 0 };
  let restsUntilMs = 0;
  return async () => {
    if (options.clock.nowMs() < restsUntilMs) return;
    for (let batch = 0; batch < BATCHES_A_RUN; batch += 1) {
      const next = await rewrapBatch(options, position, pass);
      position = next ?? START;
      if (next !== null) continue;
      restsUntilMs = options.clock.nowMs() + REST_MS;
      if (pass.failed > 0 || Object.keys(pass.byTable).length > 0) options.onPass(pass);
      pass = { byTable: {}, failed: 0 };
      return;
    }
  };
}
