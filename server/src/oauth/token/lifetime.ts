import type { Application } from '../../applications/index.ts';
import type { Resource } from '../../resources/index.ts';
import { LONGEST_TOKEN_SECONDS } from '../../signing-keys/index.ts';

interface Bounds {
  usualSeconds?: number;
  longestSeconds?: number;
}

/** How long an access token lives: as the application says, else as is usual for the grant, else as the resource says. Pure. */
export function ttlSecondsOf(
  application: Pick<Application, 'accessTokenTtlSeconds'>,
  resource: Pick<Resource, 'accessTokenTtlSeconds'>,
  { usualSeconds, longestSeconds = LONGEST_TOKEN_SECONDS }: Bounds = {},
): number {
  const wanted = application.accessTokenTtlSeconds ?? usualSeconds ?? resource.accessTokenTtlSeconds;
  return Math.min(wanted, longestSeconds);
}
