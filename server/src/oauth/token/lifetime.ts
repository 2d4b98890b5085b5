import type { Application } from '../../applications/index.ts';

/** How long tokens of a grant live when the application says nothing, and at most. */
export interface LifetimeBounds {
  usualSeconds: number;
  longestSeconds: number;
}

/** As the application says, else as is usual for the grant; null: as the resource says. Pure. */
export function ttlSecondsOf(
  { accessTokenTtlSeconds }: Pick<Application, 'accessTokenTtlSeconds'>,
  bounds: LifetimeBounds | null,
): number | null {
  if (bounds === null) return accessTokenTtlSeconds;
  return Math.min(accessTokenTtlSeconds ?? bounds.usualSeconds, bounds.longestSeconds);
}
