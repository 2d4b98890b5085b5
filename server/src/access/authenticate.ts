import type { AuthenticatableRequest, Authenticate, Guarded } from '../http/index.ts';
import { refuseBeyondAccess, refuseOtherResource } from './decide.ts';
import type { Door } from './door.ts';

const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/;

/** The peer itself, on this machine; not a proxy that speaks for somebody else. */
function isDirectLoopbackPeer({ socket, headers }: AuthenticatableRequest): boolean {
  const isForwarded = headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined;
  return !isForwarded && LOOPBACK.test(socket?.remoteAddress ?? '');
}

/** What `http` asks before every guarded route. `defaultAudience`: the resource that a route is, unless it says. */
export function createAuthenticate(door: Door, defaultAudience: () => string): Authenticate {
  return (request, address, access: Guarded, route) =>
    door({
      request,
      address,
      route,
      isFree: access.isFree === true,
      isAccount: access.account === true,
      allowsNobody: () => access.loopback === true && isDirectLoopbackPeer(request),
      decide: (principal) => {
        if (principal.audience !== null) refuseOtherResource(principal, access.resource ?? defaultAudience());
        refuseBeyondAccess(principal, access);
      },
    });
}
