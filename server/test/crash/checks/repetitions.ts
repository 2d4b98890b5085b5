import { repeat } from '../deeds.ts';
import { type Check, forAll } from './check.ts';

/** What the server waits for before it takes a call whose process died for lost, and a bit. */
const SLOT_LOCK_MS = 11_000;

/**
 * Calls whose answers a crash swallowed are sent again with their Idempotency-Key. Each must succeed now; that it did
 * not happen twice is seen by the next look at the audit log. Those that the server must still take for running wait
 * for a later round.
 */
export const openCallsAreRepeated: Check = async ({ model, lanes, isLast }) => {
  const [lane] = lanes;
  if (!lane) return;
  const open = model.deeds.filter(({ isOpen, sentAtMs }) => isOpen && (isLast || Date.now() - sentAtMs > SLOT_LOCK_MS));
  await forAll(open, (deed) => repeat(lane, deed));
};
