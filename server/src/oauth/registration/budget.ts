import { addressGroup } from '../../address.ts';
import { Failure } from '../../failure.ts';
import { ANONYMOUS_PREFIX, type Limits } from '../../limits/index.ts';
import type { RegistrationDeps } from './deps.ts';

/** How many an hour from one network: a whole office behind one address registers more than once. */
export const REGISTRATIONS: Limits = { perHour: 300, perSecond: null };

/** Throws `rate_limit_exceeded` for a network that registers too much (security H1). */
export async function payRegistration({ limiter }: RegistrationDeps, address: string): Promise<void> {
  const bucket = `${ANONYMOUS_PREFIX}register:${addressGroup(address)}`;
  const spending = await limiter.spend(bucket, REGISTRATIONS, 1);
  if (!spending.allowed) {
    throw new Failure('rate_limit_exceeded', 'Too many registrations from here. Use the one that you have.', {
      retryAfterSeconds: Math.max(1, Math.ceil(spending.retryAfterMs / 1000)),
    });
  }
}
