import { OAuthFailure } from '../../../failure.ts';
import type { Client } from '../ask.ts';
import type { Grant } from '../grant.ts';
import { loginRefresh } from '../grants/login-refresh.ts';

/** RFC 6749 §5.2: `unauthorized_client` (security C9). The house itself is in no register: it has its logins and nothing else. */
export function registeredGrant({ client: { application }, grant }: { client: Client; grant: Grant }): {
  grant: Grant;
} {
  if (application === null) return { grant: loginRefresh };
  if (application.grantTypes.includes(grant.type)) return { grant };
  throw new OAuthFailure('unauthorized_client', `This application is not registered for the grant ${grant.type}.`);
}
