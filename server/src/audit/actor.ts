import type { Call } from '../http/index.ts';
import type { Actor } from './event.ts';

/** Who a call's record will name. */
export function actorOf({ principal, requestId, address }: Pick<Call, 'principal' | 'requestId' | 'address'>): Actor {
  if (principal.kind === 'session') return { kind: 'user', id: principal.userId, requestId, address };
  return { kind: principal.kind, id: principal.credentialId, requestId, address };
}
