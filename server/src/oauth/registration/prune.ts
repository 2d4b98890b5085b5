import { systemActor } from '../../audit/index.ts';
import type { EndingDeps, RegistrationDeps } from './deps.ts';
import { endRegistration } from './manage.ts';
import { isUnused, unusedBefore } from './store.ts';

/** How long a registration waits for somebody to allow it something. */
export const UNUSED_KEPT_MS = 7 * 86_400_000;
const STEP = 100;

/** Ends registrations that nobody has allowed anything; those with a grant stay as long as they like. */
export async function pruneRegistrations(
  deps: EndingDeps & Pick<RegistrationDeps, 'database' | 'clock'>,
): Promise<void> {
  const { database, clock } = deps;
  const beforeMs = clock.nowMs() - UNUSED_KEPT_MS;
  for (;;) {
    const ids = await unusedBefore(database.read, beforeMs, STEP);
    for (const id of ids) {
      await database.write(async (tx) => {
        if (await isUnused(tx, id)) await endRegistration(deps, tx, systemActor, id);
      });
    }
    if (ids.length < STEP) return;
  }
}
