import type { KeyObject } from 'node:crypto';
import { addressGroup } from '../../address.ts';
import { Failure } from '../../failure.ts';
import { ANONYMOUS_PREFIX, type Limiter, type Limits } from '../../limits/index.ts';
import type { RemoteKeys } from '../../remote-keys/index.ts';
import type { Application } from '../application.ts';

export interface ClientKeysDeps {
  keys: {
    /** Of applications that somebody registered for this installation. */
    applications: RemoteKeys;
    /** Of those that registered themselves, or are described on the web. */
    strangers: RemoteKeys;
  };
  guesses: Limiter;
}

/** How many key sets of strangers an hour one network may have read; one that is in memory costs nothing. */
export const STRANGERS_KEYS: Limits = { perHour: 60, perSecond: null };
/** At once, for everybody. */
export const MOST_STRANGERS_KEYS_AT_ONCE = 20;

async function payForReading({ guesses }: ClientKeysDeps, address: string): Promise<void> {
  const bucket = `${ANONYMOUS_PREFIX}client-keys:${addressGroup(address)}`;
  const spending = await guesses.spend(bucket, STRANGERS_KEYS, 1);
  if (spending.allowed) return;
  throw new Failure('rate_limit_exceeded', 'Too many key sets (jwks_uri) of clients were asked for from here.', {
    retryAfterSeconds: Math.max(1, Math.ceil(spending.retryAfterMs / 1000)),
  });
}

/**
 * The key of a client that an assertion names, null when it has none such. Whoever has a stranger's `jwks_uri` read pays
 * for it before it is read (security H7). Throws `rate_limit_exceeded`, and `unavailable` while the keys cannot be read.
 */
export async function keyOfClient(
  deps: ClientKeysDeps,
  { jwks, jwksUri, isSelfRegistered }: Pick<Application, 'jwks' | 'jwksUri' | 'isSelfRegistered'>,
  header: { kid?: unknown; alg: string },
  address: string,
): Promise<KeyObject | null> {
  const { applications, strangers } = deps.keys;
  const source = jwks !== null ? { jwks } : jwksUri !== null ? { uri: jwksUri } : null;
  if (source === null) return null;
  if (!isSelfRegistered) return applications.keyFor(source, header);
  return strangers.keyFor(source, header, () => payForReading(deps, address));
}
