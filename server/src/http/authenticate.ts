import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from './principal.ts';
import type { Access } from './route.ts';

/** The parts of a raw request that an authenticator may look at. */
export interface AuthenticatableRequest {
  rawHeaders: readonly string[];
  headers: IncomingHttpHeaders;
  url?: string | undefined;
  socket?: { remoteAddress?: string | undefined };
}

/**
 * The door, passed in by `compose.ts`: who calls, and whether they may. A promise only when the answer is not in
 * memory. Throws the `Failure` that refuses the call.
 */
export type Authenticate = (
  request: AuthenticatableRequest,
  address: string,
  access: Exclude<Access, 'public'>,
) => Principal | Promise<Principal>;
