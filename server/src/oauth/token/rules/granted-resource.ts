import { OAuthFailure } from '../../../failure.ts';
import { mayAskFor, type Resource } from '../../../resources/index.ts';
import { targetOf } from '../../target.ts';
import type { Ask } from '../ask.ts';

/**
 * RFC 8707 §2.2: the resource that the token is for: that of the consent, and no other; without one, what was asked for;
 * without that, the client's usual one. What was granted before is looked at again. Throws `invalid_target`.
 */
export function grantedResource(
  { deps: { resources }, client, wantedAudience }: Pick<Ask, 'deps' | 'client' | 'wantedAudience'>,
  bound: string | null,
): Resource {
  if (bound !== null && wantedAudience !== null && wantedAudience !== bound) {
    throw new OAuthFailure('invalid_target', 'This was granted for another resource.');
  }
  const audience = bound ?? wantedAudience;
  const asking = client.application ?? { resources: null, scopes: [] };
  if (audience === null) {
    const target = targetOf(asking, resources, []);
    if ('resource' in target) return target.resource;
    throw new OAuthFailure('invalid_target', target.refusal);
  }
  const resource = resources.byAudience(audience);
  if (!resource) throw new OAuthFailure('invalid_target', 'The resource of this grant does not exist any more.');
  if (mayAskFor(asking, resources, resource)) return resource;
  throw new OAuthFailure('invalid_target', 'This application may not ask for the resource of this grant any more.');
}
