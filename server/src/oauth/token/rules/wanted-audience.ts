import { OAuthFailure } from '../../../failure.ts';
import { targetOf } from '../../target.ts';
import type { Asked, Client } from '../ask.ts';

/** RFC 8707 §2: `invalid_target` for what is no resource, or none of this client's (security B6). */
export function wantedAudience({ deps: { resources }, call, client }: Asked & { client: Client }): {
  wantedAudience: string | null;
} {
  if (call.resources.length === 0) return { wantedAudience: null };
  const target = targetOf(client.application ?? { resources: null, scopes: [] }, resources, call.resources);
  if ('refusal' in target) throw new OAuthFailure('invalid_target', target.refusal);
  return { wantedAudience: target.resource.audience };
}
