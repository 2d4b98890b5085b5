import { type Call, makerOf } from '../http/index.ts';
import type { Actor } from './event.ts';

/** Who a call's record will name. */
export function actorOf({ principal, requestId, address }: Pick<Call, 'principal' | 'requestId' | 'address'>): Actor {
  const kind = principal.kind === 'session' ? 'user' : principal.kind;
  return { kind, id: makerOf(principal), requestId, address };
}
