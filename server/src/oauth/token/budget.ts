import { addressGroup } from '../../address.ts';
import { Failure } from '../../failure.ts';
import type { FormCall } from '../../http/index.ts';
import { ANONYMOUS_PREFIX, type Limiter, type Limits } from '../../limits/index.ts';

/**
 * How often a client may be refused from one network; those that there are none of, all together. Only refusals count, so
 * nobody who brings what is right is ever turned away, whoever else calls from behind the same address.
 */
export const REFUSALS: Limits = { perHour: 1000, perSecond: null };

const BASIC = /^basic +([A-Za-z0-9+/]+={0,2}) *$/i;

/** The client that a request names, not proven; empty where it names none. */
export function namedClient({ authorization, params }: Pick<FormCall, 'authorization' | 'params'>): string {
  const [, encoded] = BASIC.exec(authorization ?? '') ?? [];
  if (encoded === undefined) return params.get('client_id') ?? '';
  return Buffer.from(encoded, 'base64').toString('latin1').split(':', 1)[0] ?? '';
}

export interface RefusalDeps {
  limiter: Limiter;
  findApplication(clientId: string): Promise<object | null>;
}

/**
 * Counts a refusal. Throws `rate_limit_exceeded` in its place once there were too many. Names that nobody has are counted
 * as one: anybody makes up any number of them.
 */
export async function payRefusal(
  { limiter, findApplication }: RefusalDeps,
  call: Pick<FormCall, 'authorization' | 'params' | 'address'>,
): Promise<void> {
  const named = namedClient(call);
  const client = (await findApplication(named)) === null ? '' : named;
  const bucket = `${ANONYMOUS_PREFIX}token:${client}:${addressGroup(call.address)}`;
  const spending = await limiter.spend(bucket, REFUSALS, 1);
  if (spending.allowed) return;
  throw new Failure('rate_limit_exceeded', 'Too many refused token requests. Wait before the next one.', {
    retryAfterSeconds: Math.max(1, Math.ceil(spending.retryAfterMs / 1000)),
  });
}
