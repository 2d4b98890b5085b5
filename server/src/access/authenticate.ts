import type { Clock } from '../clock.ts';
import type { AuthenticatableRequest, Authenticate, Guarded } from '../http/index.ts';
import { refuseBeyondAccess, refuseOtherResource, refuseWeakSignIn } from './decide.ts';
import type { Door } from './door.ts';

const LOOPBACK = /^(?:127\.|::1$|::ffff:127\.)/;

/** The peer itself, on this machine; not a proxy that speaks for somebody else. */
function isDirectLoopbackPeer({ socket, headers }: AuthenticatableRequest): boolean {
  const isForwarded = headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined;
  return !isForwarded && LOOPBACK.test(socket?.remoteAddress ?? '');
}

export interface AuthenticateOptions {
  clock: Clock;
  /** The resource that a route is, unless it says. */
  defaultAudience(): string;
}

/** What `http` asks before every guarded route. */
export function createAuthenticate(door: Door, { clock, defaultAudience }: AuthenticateOptions): Authenticate {
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
        if (access.signIn !== undefined) refuseWeakSignIn(principal, access.signIn, clock.nowMs());
      },
    });
}
