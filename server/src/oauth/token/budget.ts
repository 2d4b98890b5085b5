import { addressGroup } from '../../address.ts';
import { Failure } from '../../failure.ts';
import { ANONYMOUS_PREFIX, type Limiter, type Limits } from '../../limits/index.ts';

/**
 * How often a client may be refused from one network. Only refusals count, so nobody who brings what is right is ever
 * turned away, whoever else calls from behind the same address.
 */
export const REFUSALS: Limits = { perHour: 1000, perSecond: 20 };

const LONGEST_NAME = 200;

/** Counts a refusal. Throws `rate_limit_exceeded` in its place once there were too many. */
export async function payRefusal(
  limiter: Limiter,
  { clientId, address }: { clientId: string; address: string },
): Promise<void> {
  const bucket = `${ANONYMOUS_PREFIX}token:${clientId.slice(0, LONGEST_NAME)}:${addressGroup(address)}`;
  const spending = await limiter.spend(bucket, REFUSALS, 1);
  if (spending.allowed) return;
  throw new Failure('rate_limit_exceeded', 'Too many refused token requests. Wait before the next one.', {
    retryAfterSeconds: Math.max(1, Math.ceil(spending.retryAfterMs / 1000)),
  });
}
