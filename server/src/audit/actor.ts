import { type Call, makerOf } from '../http/index.ts';
import type { Actor } from './event.ts';

/** Who a call's record will name. */
export function actorOf({ principal, requestId, address }: Call): Actor {
  return { kind: principal.kind, id: makerOf(principal), requestId, address };
}
