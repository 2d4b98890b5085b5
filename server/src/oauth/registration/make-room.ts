import { systemActor } from '../../audit/index.ts';
import type { Tx } from '../../database/index.ts';
import { Failure } from '../../failure.ts';
import type { RegistrationDeps } from './deps.ts';
import { endRegistration } from './manage.ts';
import { countUnused, unusedBefore } from './store.ts';

/** How many that nobody has allowed anything yet may wait for that at once. */
export const MOST_UNUSED = 10_000;
/** For how long each may wait, however many come: long enough for a person to sign in and say yes. */
export const SURE_MS = 600_000;
/** Many who register at once find the same number: so many more are noticed, and give way to later ones. */
const MOST_BEYOND = 100;

/** By how many one more would be too many. */
export async function registrationsBeyond({ database }: Pick<RegistrationDeps, 'database'>): Promise<number> {
  const count = await countUnused(database.read, MOST_UNUSED + MOST_BEYOND);
  return Math.max(0, count + 1 - MOST_UNUSED);
}

/**
 * The oldest that nobody has used give way to a new one, in the transaction that makes it: who registers in masses, from
 * however many networks, ends what they registered before. Throws `unavailable` when all are new (security H1).
 */
export async function makeRoom(deps: RegistrationDeps, tx: Tx, beyond: number): Promise<void> {
  if (beyond === 0) return;
  let made = 0;
  // More than are needed: the very oldest may give way to somebody else at this moment.
  for (const id of await unusedBefore(tx.query, deps.clock.nowMs() - SURE_MS, beyond + MOST_BEYOND)) {
    if (await endRegistration(deps, tx, systemActor, id)) made += 1;
    if (made === beyond) return;
  }
  if (made > 0) return;
  throw new Failure('unavailable', 'Too many registrations wait for somebody to use them. Try again in ten minutes.', {
    retryAfterSeconds: SURE_MS / 1000,
  });
}
