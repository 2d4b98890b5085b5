import { repeat } from '../deeds.ts';
import type { Deed } from '../model.ts';
import { type Check, forAll } from './check.ts';

/** What the server waits for before it takes a call whose process died for lost, and a bit. */
const SLOT_LOCK_MS = 11_000;
const ANSWERED = 12;

/**
 * Calls are sent again with their Idempotency-Key: some that were answered, and all whose answers a crash swallowed.
 * Each must succeed, and those that happened must be replays; that nothing happened twice is seen by the next look at
 * the audit log. Those that the server must still take for running wait for a later round, or at the end are waited for.
 */
export const callsAreRepeated: Check = async ({ model, lanes, random, isLast }) => {
  const [lane] = lanes;
  if (!lane) return;
  const isDue = ({ isOpen, sentAtMs }: Deed) => isOpen && (isLast || Date.now() - sentAtMs > SLOT_LOCK_MS);
  const answered = model.deeds.filter(
    ({ state, call }) => state === 'acknowledged' && call.idempotencyKey !== undefined,
  );
  const some = new Set(Array.from({ length: ANSWERED }, () => random.pick(answered)));
  const again = [...some].filter((deed) => deed !== undefined);
  await forAll([...again, ...model.deeds.filter(isDue)], (deed) => repeat(lane, deed));
};
