import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from './principal.ts';
import type { Guarded } from './route.ts';

/** The parts of a raw request that an authenticator may look at. */
export interface AuthenticatableRequest {
  rawHeaders: readonly string[];
  headers: IncomingHttpHeaders;
  method?: string | undefined;
  url?: string | undefined;
  socket?: { remoteAddress?: string | undefined };
}

/** Who was let in, and what the reply must say of their limits. */
export interface Admission {
  principal: Principal;
  headers: Record<string, string> | null;
}

/**
 * The door, passed in by `compose.ts`: who calls, and whether they may. A promise only when the answer is not in
 * memory. Throws the `Failure` that refuses the call. `route` is the pattern, for whoever counts.
 */
export type Authenticate = (
  request: AuthenticatableRequest,
  address: string,
  access: Guarded,
  route: string,
) => Admission | Promise<Admission>;
