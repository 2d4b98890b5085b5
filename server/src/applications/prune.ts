import type { Clock } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { deleteExpiredAssertions } from './store.ts';

/** Kept past their validity, so that a clock set back brings none to life (security O13). */
const SKEW_MS = 5 * 60_000;
/** A step is one short transaction: requests go on between two of them. */
const STEP = 500;

/** Removes assertions that nobody would believe any more. */
export async function pruneAssertions({ database, clock }: { database: Database; clock: Clock }): Promise<void> {
  const beforeMs = clock.nowMs() - SKEW_MS;
  let hasMore = true;
  while (hasMore) hasMore = await database.write((tx) => deleteExpiredAssertions(tx, beforeMs, STEP));
}
