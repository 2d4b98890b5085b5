import { OAuthFailure } from '../../../failure.ts';
import type { Resource } from '../../../resources/index.ts';
import type { Ask } from '../ask.ts';

type Asking = Pick<Ask, 'deps' | 'wantedScopes'>;

/**
 * RFC 6749 §3.3, §6: what was asked for, within what is held; all of it when nothing was asked for. Never more: what goes
 * beyond is `invalid_scope` (security C20, D7).
 */
export function grantedScopes({ deps, wantedScopes }: Asking, held: readonly string[]): readonly string[] {
  if (wantedScopes === null) return held;
  const beyond = deps.catalogue.beyond(
    wantedScopes.filter((scope) => !held.includes(scope)),
    deps.catalogue.expand(held),
  );
  if (beyond.length === 0) return wantedScopes;
  throw new OAuthFailure('invalid_scope', `Not among what may be granted here: ${beyond.slice(0, 20).join(' ')}.`);
}

/**
 * The same where no user is behind the token: who somebody is cannot be told of nobody, and a scope of another resource
 * opens nothing at this one.
 */
export function scopesOfNobody(asking: Asking, held: readonly string[], resource: Resource): readonly string[] {
  const { catalogue, resources } = asking.deps;
  const isOffered = (scope: string) =>
    catalogue.get(scope)?.kind !== 'identity' && resources.offering(scope).id === resource.id;
  const granted = grantedScopes(asking, held);
  if (asking.wantedScopes === null) return granted.filter(isOffered);
  const foreign = granted.filter((scope) => !isOffered(scope));
  if (foreign.length === 0) return granted;
  throw new OAuthFailure('invalid_scope', `Not offered at ${resource.audience}: ${foreign.slice(0, 20).join(' ')}.`);
}
