import { deleteOldChallenges } from './factors/store.ts';
import type { People } from './people.ts';
import { deleteOldMailTokens } from './recovery/store.ts';
import { SESSION_IDLE_MS } from './sessions/session.ts';
import { deleteOldSessions } from './sessions/store.ts';

/** Removes sessions, links and challenges that have ended. */
export async function pruneAccounts({ database, clock }: Pick<People, 'database' | 'clock'>): Promise<void> {
  const nowMs = clock.nowMs();
  await database.write(async (tx) => {
    await deleteOldSessions(tx, nowMs, SESSION_IDLE_MS);
    await deleteOldMailTokens(tx, nowMs);
    await deleteOldChallenges(tx, nowMs);
  });
}
